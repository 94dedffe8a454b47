//! Snapshots of accounts in tables beside the entries: bytes, of which the database knows nothing.
//!
//! Reads of them are never confirmed: the store compares each with an entry that is. They are written on a connection
//! of their own, so that nobody waits for them. No account is locked: what was
//! written of one that was deleted meanwhile is dropped again.

use gpu_credit_store::{
    AccountKey, JournalError, Revision, SegmentNumber, SnapshotChange, Snapshots, StorageProblem,
};
use tokio_postgres::{Error, Row};

use crate::failure::{other, problem};
use crate::journal::{Parameter, PostgresJournal};
use crate::rows::{signed, unsigned};

/// How long one may take that writes snapshots of an account, in milliseconds: then others do.
const CLAIMED: i64 = 10 * 60 * 1_000;

/// Writes segments and a header, if the account is open.
const ADD: &str = "
WITH present AS MATERIALIZED (
    SELECT account FROM account WHERE account = $1 AND state = 0
), added AS (
    INSERT INTO segment (account, number, body)
    SELECT p.account, n.number, n.body FROM present p, unnest($2::int8[], $3::bytea[]) AS n (number, body)
    ON CONFLICT (account, number) DO UPDATE SET body = excluded.body
    RETURNING 1
), headed AS (
    INSERT INTO snapshot (account, revision, header)
    SELECT p.account, n.revision, n.header FROM present p, unnest($4::int8[], $5::bytea[]) AS n (revision, header)
    ON CONFLICT (account, revision) DO UPDATE SET header = excluded.header
    RETURNING 1
)
SELECT (SELECT count(*) FROM added), (SELECT count(*) FROM headed)";

/// Drops headers and segments.
const DROP: &str = "
WITH thinned AS (
    DELETE FROM snapshot WHERE account = $1 AND revision = ANY($2::int8[]) RETURNING 1
), dropped AS (
    DELETE FROM segment WHERE account = $1 AND number = ANY($3::int8[]) RETURNING 1
)
SELECT (SELECT count(*) FROM thinned), (SELECT count(*) FROM dropped)";

/// Takes the place of whoever writes snapshots of an account, if nobody does.
const CLAIM: &str = "INSERT INTO snapshot_writer AS w (account, writer, until) VALUES ($1, $2, $3) \
    ON CONFLICT (account) DO UPDATE SET writer = excluded.writer, until = excluded.until WHERE w.until < $4";

impl Snapshots for PostgresJournal {
    fn snapshots(&self, account: &AccountKey) -> Result<Vec<Revision>, JournalError> {
        let sql = "SELECT revision FROM snapshot WHERE account = $1 ORDER BY revision";
        let revision = |row: &Row| Ok(Revision::new(unsigned(row.try_get(0)?)));
        let rows = self.run(self.read_and(false, async |live| {
            live.client.query(sql, &[&number(account)]).await
        }));
        self.all(rows, revision)
    }

    fn snapshot(
        &self,
        account: &AccountKey,
        through: Revision,
    ) -> Result<Option<(Revision, Vec<u8>)>, JournalError> {
        let through = i64::try_from(through.get()).unwrap_or(i64::MAX);
        let header = |row: &Row| Ok((Revision::new(unsigned(row.try_get(0)?)), row.try_get(1)?));
        let parameters: [Parameter<'_>; 2] = [&number(account), &through];
        let rows = self.run(self.read_and(false, async |live| {
            let statement = &live.statements.snapshot;
            live.client.query(statement, &parameters).await
        }));
        let rows = self.all(rows, header)?;
        Ok(rows.into_iter().next())
    }

    fn segments(
        &self,
        account: &AccountKey,
        numbers: &[SegmentNumber],
    ) -> Result<Vec<Option<Vec<u8>>>, JournalError> {
        let asked: Vec<i64> = numbers.iter().map(|number| signed(number.0)).collect();
        let segment = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?));
        let parameters: [Parameter<'_>; 2] = [&number(account), &asked];
        let rows = self.run(self.read_and(false, async |live| {
            let statement = &live.statements.segments;
            live.client.query(statement, &parameters).await
        }));
        let found: Vec<(i64, Vec<u8>)> = self.all(rows, segment)?;
        let find = |number: &i64| {
            let mut same = found.iter().filter(|(found, _)| found == number);
            same.next().map(|(_, body)| body.clone())
        };
        Ok(asked.iter().map(find).collect())
    }

    fn segment_numbers(&self, account: &AccountKey) -> Result<Vec<SegmentNumber>, JournalError> {
        let sql = "SELECT number FROM segment WHERE account = $1";
        let segment = |row: &Row| Ok(SegmentNumber(unsigned(row.try_get(0)?)));
        let rows = self.run(self.read_and(false, async |live| {
            live.client.query(sql, &[&number(account)]).await
        }));
        let mut numbers = self.all(rows, segment)?;
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn change_snapshots(
        &self,
        account: &AccountKey,
        change: &SnapshotChange,
    ) -> Result<bool, JournalError> {
        let (segments, bodies): (Vec<i64>, Vec<&[u8]>) = change
            .segments
            .iter()
            .map(|(number, body)| (signed(number.0), &body[..]))
            .unzip();
        let header = change.header.iter();
        let (revisions, headers): (Vec<i64>, Vec<&[u8]>) = header
            .map(|(revision, header)| (signed(revision.get()), &header[..]))
            .unzip();
        let thinned = change.dropped.iter();
        let thinned: Vec<i64> = thinned.map(|revision| signed(revision.get())).collect();
        let dropped = change.dropped_segments.iter();
        let dropped: Vec<i64> = dropped.map(|number| signed(number.0)).collect();
        let number = number(account);
        let added: [Parameter<'_>; 5] = [&number, &segments, &bodies, &revisions, &headers];
        let removed: [Parameter<'_>; 3] = [&number, &thinned, &dropped];
        let is_there = "SELECT 1 FROM account WHERE account = $1 AND state = 0";
        let written = self.run(self.write_aside(async |client| {
            client.query(ADD, &added).await?;
            // Last, so that no header that is there lacks what it names.
            if !(thinned.is_empty() && dropped.is_empty()) {
                client.query(DROP, &removed).await?;
            }
            // Whoever deletes it after this was written drops what was written, too.
            if client.query_opt(is_there, &[&number]).await?.is_some() {
                return Ok(true);
            }
            let all = [
                "DELETE FROM segment WHERE account = $1",
                "DELETE FROM snapshot WHERE account = $1",
            ];
            for all in all {
                client.execute(all, &[&number]).await?;
            }
            Ok(false)
        }));
        self.named(written)
    }

    fn claim_snapshots(&self, account: &AccountKey) -> Result<bool, JournalError> {
        let now = now();
        let until = now.saturating_add(CLAIMED);
        let parameters: [Parameter<'_>; 4] = [&number(account), &self.writer, &until, &now];
        let claimed =
            self.run(self.write_aside(async |client| client.execute(CLAIM, &parameters).await));
        Ok(self.named(claimed)? == 1)
    }

    fn leave_snapshots(&self, account: &AccountKey) {
        let leave = "DELETE FROM snapshot_writer WHERE account = $1 AND writer = $2";
        let parameters: [Parameter<'_>; 2] = [&number(account), &self.writer];
        // If it cannot be said, it ends by itself.
        let _ = self.run(self.write_aside(async |client| client.execute(leave, &parameters).await));
    }
}

impl PostgresJournal {
    fn all<T>(
        &self,
        rows: Result<Vec<Row>, StorageProblem>,
        of: impl Fn(&Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, JournalError> {
        let rows: Result<Vec<T>, Error> = self.named(rows)?.iter().map(of).collect();
        self.named(rows.map_err(|error| problem(&error)))
    }

    /// Writes something that nobody waits for, and that nobody misses if it is lost.
    async fn write_aside<T>(
        &self,
        write: impl AsyncFnOnce(&tokio_postgres::Client) -> Result<T, Error>,
    ) -> Result<T, StorageProblem> {
        let held = self.aside.hold().await?;
        let failed = match held.answer(write(&held.live().client)).await {
            Ok(Ok(written)) => return Ok(written),
            Ok(Err(error)) => problem(&error),
            Err(_) => other("no answer in time"),
        };
        held.give_up();
        Err(failed)
    }
}

fn number(account: &AccountKey) -> i64 {
    signed(account.opened.get())
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
