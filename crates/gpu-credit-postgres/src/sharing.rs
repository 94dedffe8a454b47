//! What stores that share the journal ask of it: appends, look-ups and news.

use std::time::Duration;

use gpu_credit_store::{
    Append, Appended, Have, JournalError, LookedUp, News, SharedJournal, StorageProblem,
    Transaction, Wanted,
};

use crate::append::Parameters;
use crate::connection::{Held, Live};
use crate::failure::{Failed, other, problem};
use crate::journal::PostgresJournal;
use crate::look_up::{Arrays, is_kept, look_up};
use crate::rows::{self, HEAD_COLUMNS, signed, unsigned};
use crate::transaction;

/// How long a draft may take while its accounts are held.
const SILENCE: Duration = Duration::from_secs(5);

impl SharedJournal for PostgresJournal {
    fn place(&self) -> &str {
        &self.settings.place
    }

    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn keeps(&self, text: &str) -> bool {
        is_kept(text)
    }

    fn look_up(&self, wanted: &Wanted<'_>) -> Result<LookedUp, JournalError> {
        let arrays = Arrays::of(wanted);
        let found = self.run(self.read(async |live| look_up(live, &arrays).await));
        self.named(self.named(found)?.read(wanted))
    }

    fn news(&self, accounts: &[Have<'_>]) -> Result<Vec<Option<News>>, JournalError> {
        let asked = accounts.iter().filter(|have| is_kept(have.name));
        let (names, haves): (Vec<&str>, Vec<i64>) = asked
            .map(|have| (have.name, signed(have.after.get())))
            .unzip();
        let rows = self.run(self.rows(|statements| &statements.news, &[&names, &haves]));
        let read = || {
            let mut news: Vec<News> = Vec::new();
            for row in &self.named(rows)? {
                let head = self.named(rows::head_at(row, 0))?;
                if news
                    .last()
                    .is_none_or(|last| last.head.account != head.account)
                {
                    let entries = Vec::new();
                    news.push(News { head, entries });
                }
                let last = news.last_mut().expect("one was just pushed");
                let entry = rows::entry(&last.head.account, row, HEAD_COLUMNS);
                last.entries.extend(self.named(entry)?);
            }
            Ok(news)
        };
        let mut news: Vec<News> = read()?;
        news.sort_unstable_by(|one, other| one.head.account.name.cmp(&other.head.account.name));
        let find = |have: &Have<'_>| {
            let name = |news: &News| (*news.head.account.name).cmp(have.name);
            let place = news.binary_search_by(name).ok()?;
            Some(news[place].clone())
        };
        Ok(accounts.iter().map(find).collect())
    }

    fn append(&self, lane: usize, append: &Append) -> Result<Appended, JournalError> {
        let appended = self.run(async {
            let held = self.lanes[lane].hold().await?;
            Self::append_on(held, append).await
        });
        let appended = self.named(appended)?;
        self.follow(append, appended);
        Ok(appended)
    }

    fn append_held(
        &self,
        lane: usize,
        wanted: &Wanted<'_>,
        draft: &mut dyn FnMut(LookedUp) -> Option<Append>,
    ) -> Result<Option<Appended>, JournalError> {
        let arrays = Arrays::of(wanted);
        let begun = self.run(async {
            let held = self.lanes[lane].hold().await?;
            let read = async |live: &Live| look_up(live, &arrays).await;
            held.begin(SILENCE, &arrays.names, read).await
        });
        let (held, found) = self.named(begun)?;
        let looked_up = match found.read(wanted) {
            Ok(looked_up) => looked_up,
            Err(problem) => {
                held.give_up();
                return self.named(Err(problem));
            }
        };
        let Some(append) = draft(looked_up) else {
            let ended = self.run(self.end_without_writing(held));
            return self.named(ended.map(|()| None));
        };
        let appended = self.run(Self::append_and_end(held, &append));
        let appended = self.named(appended)?;
        self.follow(&append, appended);
        Ok(Some(appended))
    }

    fn transact(
        &self,
        names: &[&str],
        act: &mut dyn FnMut(&mut dyn Transaction) -> bool,
    ) -> Result<Appended, JournalError> {
        transaction::transact(self, names, act)
    }

    fn keep_note(&self, name: &str, number: u64) -> Result<u64, JournalError> {
        let keep = "INSERT INTO note VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let kept = "SELECT number FROM note WHERE name = $1";
        let number = signed(number);
        let row = self.run(self.read_and(true, async |live| {
            live.client.execute(keep, &[&name, &number]).await?;
            live.client.query_one(kept, &[&name]).await
        }));
        let number = self.named(row)?.try_get(0).map_err(|error| problem(&error));
        Ok(unsigned(self.named(number)?))
    }
}

impl PostgresJournal {
    /// Runs an append on a connection that is held.
    async fn append_on(held: Held, append: &Append) -> Result<Appended, StorageProblem> {
        let parameters = Parameters::of(append)?;
        let live = held.live();
        live.listen();
        let ran = held.answer(parameters.run(live)).await;
        let is_noticed = live.is_noticed();
        let unknown = |held: Held| {
            held.give_up();
            Ok(Appended::Unknown)
        };
        match ran {
            Ok(Ok(Ok(true))) if !is_noticed => Ok(Appended::Written),
            Ok(Ok(Ok(false))) if !is_noticed => Ok(Appended::Conflict),
            Ok(Ok(Err(problem))) => Err(problem),
            Ok(Err(error)) if !is_noticed => match Failed::of(&error) {
                Failed::Conflict => Ok(Appended::Conflict),
                Failed::Refused(problem) => Err(problem),
                Failed::Unknown => unknown(held),
            },
            _ => unknown(held),
        }
    }

    async fn append_and_end(held: Held, append: &Append) -> Result<Appended, StorageProblem> {
        let parameters = match Parameters::of(append) {
            Ok(parameters) => parameters,
            Err(problem) => {
                Self::roll_back(held).await;
                return Err(problem);
            }
        };
        held.live().listen();
        let ran = held.answer(parameters.run(held.live())).await;
        // Before COMMIT is sent, nothing is written.
        let failed = match ran {
            Ok(Ok(Ok(true))) => return Ok(Self::commit(held).await),
            Ok(Ok(Ok(false))) => Ok(Appended::Conflict),
            Ok(Ok(Err(problem))) => Err(problem),
            Ok(Err(error)) => match Failed::of(&error) {
                Failed::Conflict | Failed::Unknown => Ok(Appended::Conflict),
                Failed::Refused(problem) => Err(problem),
            },
            Err(_) => Err(other("no answer in time")),
        };
        Self::roll_back(held).await;
        failed
    }

    /// Commits a transaction. A commit that is not confirmed, or not without a notice, is unknown.
    pub(crate) async fn commit(mut held: Held) -> Appended {
        let ended = held
            .answer(held.live().client.batch_execute("COMMIT"))
            .await;
        if matches!(ended, Ok(Ok(()))) && !held.live().is_noticed() {
            held.close();
            Appended::Written
        } else {
            held.give_up();
            Appended::Unknown
        }
    }

    /// Ends a transaction that is to write nothing, with its connection if need be.
    async fn roll_back(mut held: Held) -> Option<Held> {
        let ended = held
            .answer(held.live().client.batch_execute("ROLLBACK"))
            .await;
        if let Ok(Ok(())) = ended {
            held.close();
            return Some(held);
        }
        held.give_up();
        None
    }

    /// The same, if what was read in it is to be told. Strict reads are confirmed.
    pub(crate) async fn end_without_writing(&self, held: Held) -> Result<(), StorageProblem> {
        held.live().listen();
        let held = Self::roll_back(held).await;
        if !self.settings.options.strict_reads {
            return Ok(());
        }
        let held = held.ok_or_else(|| other("the connection was lost"))?;
        let confirmed = held.answer(held.live().confirm()).await;
        if matches!(confirmed, Ok(Ok(()))) && !held.live().is_noticed() {
            return Ok(());
        }
        held.give_up();
        Err(other("what was read is not replicated"))
    }

    /// What follows an append. If its outcome is not known, it is looked up on new connections: on an old one
    /// it may be seen before it is replicated. If it deleted an account, its entries are dropped; if that
    /// fails, whoever opens the store next goes on.
    fn follow(&self, append: &Append, appended: Appended) {
        if appended == Appended::Unknown {
            self.run(self.renew_readers());
        }
        let is_any = append.accounts.iter().any(|change| change.is_deleted);
        if is_any && appended == Appended::Written {
            let _ = self.run(self.purge());
        }
    }
}
