//! One transaction of many appends, with the accounts held: of an import.

use std::time::Duration;

use gpu_credit_store::{
    Append, Appended, Deletion, Head, JournalError, StorageProblem, Transaction,
};

use crate::append::Parameters;
use crate::connection::{Held, Live};
use crate::failure::{Failed, other, problem};
use crate::journal::{Parameter, PostgresJournal};
use crate::look_up::{heads, kept};
use crate::rows::signed;

/// How long an import may say nothing.
const SILENCE: Duration = Duration::from_secs(300);

/// Accounts that are held, and the connection that holds them.
struct Transacting<'j> {
    journal: &'j PostgresJournal,
    held: Held,
    heads: Vec<Option<Head>>,
}

/// See [`SharedJournal::transact`](gpu_credit_store::SharedJournal::transact).
pub(crate) fn transact(
    journal: &PostgresJournal,
    names: &[&str],
    act: &mut dyn FnMut(&mut dyn Transaction) -> bool,
) -> Result<Appended, JournalError> {
    let kept = kept(names);
    let begun = journal.run(async {
        let held = journal.long.hold().await?;
        let heads = async |live: &Live| {
            let names: [Parameter<'_>; 1] = [&kept];
            live.client.query(&live.statements.heads, &names).await
        };
        held.begin(SILENCE, &kept, heads).await
    });
    let (held, found) = journal.named(begun)?;
    let mut transacting = Transacting {
        journal,
        held,
        heads: Vec::new(),
    };
    transacting.heads = journal.named(heads(names, &found))?;
    transacting.held.live().listen();
    let is_all = act(&mut transacting);
    let Transacting { held, .. } = transacting;
    let ended = journal.run(async {
        match is_all {
            true => Ok(PostgresJournal::commit(held).await),
            false => {
                let ended = journal.end_without_writing(held).await;
                ended.map(|()| Appended::Conflict)
            }
        }
    });
    let appended = journal.named(ended)?;
    if appended == Appended::Unknown {
        journal.run(journal.renew_readers());
    }
    Ok(appended)
}

impl Transacting<'_> {
    /// What became of a statement, of which nothing is written before COMMIT is sent.
    fn settle<T>(
        &self,
        ran: Result<Result<T, tokio_postgres::Error>, tokio::time::error::Elapsed>,
    ) -> Result<Option<T>, JournalError> {
        let failed = match ran {
            Ok(Ok(done)) => return Ok(Some(done)),
            Ok(Err(error)) => match Failed::of(&error) {
                Failed::Conflict => return Ok(None),
                Failed::Refused(problem) => problem,
                Failed::Unknown => problem(&error),
            },
            Err(_) => other("no answer in time"),
        };
        self.journal.named(Err(failed))
    }
}

impl Transaction for Transacting<'_> {
    fn heads(&self) -> &[Option<Head>] {
        &self.heads
    }

    fn append(&mut self, append: &Append) -> Result<Appended, JournalError> {
        let parameters = self.journal.named(Parameters::of(append))?;
        let live = self.held.live();
        let ran = self.journal.run(self.held.answer(parameters.run(live)));
        let settled: Option<Result<bool, StorageProblem>> = self.settle(ran)?;
        let is_written = settled.map_or(Ok(false), |written| self.journal.named(written))?;
        Ok(match is_written {
            true => Appended::Written,
            false => Appended::Conflict,
        })
    }

    fn keep_notes(&mut self, notes: &[(String, u64)]) -> Result<(), JournalError> {
        let sql = "INSERT INTO note (name, number) SELECT n.name, n.number \
            FROM unnest($1::text[], $2::int8[]) AS n (name, number) ON CONFLICT (name) DO NOTHING";
        let notes = notes.iter();
        let (names, numbers): (Vec<&str>, Vec<i64>) = notes
            .map(|(name, number)| (name.as_str(), signed(*number)))
            .unzip();
        let client = &self.held.live().client;
        let ran = self
            .journal
            .run(self.held.answer(client.execute(sql, &[&names, &numbers])));
        self.settle(ran)?;
        Ok(())
    }

    fn keep_deletions(&mut self, deletions: &[Deletion]) -> Result<(), JournalError> {
        let sql = "INSERT INTO deletion (digest, id, account, revision) \
            SELECT d.digest, d.id, 0, 0 FROM unnest($1::bytea[], $2::text[]) AS d (digest, id)";
        let deletions = deletions.iter();
        let (digests, ids): (Vec<&[u8]>, Vec<&str>) = deletions
            .map(|deletion| (&deletion.digest[..], deletion.id.as_str()))
            .unzip();
        let client = &self.held.live().client;
        let ran = self
            .journal
            .run(self.held.answer(client.execute(sql, &[&digests, &ids])));
        self.settle(ran)?;
        Ok(())
    }
}
