//! The statements, prepared once a connection. They keep to what CockroachDB and YugabyteDB document, too.

use tokio_postgres::{Client, Error, Statement};

use crate::connection::BARRIER;
use crate::rows::{ENTRY, HEAD};

/// Entries that are read at a time.
pub(crate) const PAGE: i64 = 8_192;
/// New entries of an account that come with its head.
pub(crate) const NEWS: usize = 1_000;

pub(crate) struct Statements {
    pub(crate) append: Statement,
    pub(crate) lock: Statement,
    pub(crate) heads: Statement,
    pub(crate) look_up: Statement,
    pub(crate) by_number: Statement,
    pub(crate) deletion: Statement,
    pub(crate) news: Statement,
    pub(crate) page: Statement,
    pub(crate) barrier: Statement,
    pub(crate) snapshot: Statement,
    pub(crate) segments: Statement,
}

impl Statements {
    pub(crate) async fn prepare(client: &Client) -> Result<Self, Error> {
        let heads = format!("SELECT {HEAD} FROM account a WHERE a.name = ANY($1) AND a.state = 0");
        // Both in one statement, so that both are of one moment.
        let look_up = format!(
            "SELECT NULL::int8, {HEAD}, {ENTRY} FROM account a LEFT JOIN entry e ON false \
             WHERE a.name = ANY($1) AND a.state = 0 \
             UNION ALL \
             SELECT q.place, {HEAD}, {ENTRY} FROM unnest($2::int8[], $3::text[], $4::text[]) \
                 AS q (place, name, id) \
             JOIN account a ON a.name = q.name AND a.state = 0 \
             JOIN entry e ON e.account = a.account AND e.id = q.id"
        );
        let by_number = format!(
            "SELECT q.place, {ENTRY} FROM unnest($1::int8[], $2::int8[], $3::text[]) \
                 AS q (place, account, id) \
             JOIN account a ON a.account = q.account AND a.state = 0 \
             JOIN entry e ON e.account = a.account AND e.id = q.id"
        );
        let news = format!(
            "SELECT {HEAD}, {ENTRY} FROM unnest($1::text[], $2::int8[]) AS q (name, have) \
             JOIN account a ON a.name = q.name AND a.state = 0 \
             LEFT JOIN LATERAL (SELECT * FROM entry n WHERE n.account = a.account \
                 AND n.revision > q.have ORDER BY n.revision LIMIT {NEWS}) AS e ON true \
             ORDER BY a.account, e.revision"
        );
        let page = format!(
            "SELECT a.head, {ENTRY} FROM account a JOIN entry e ON e.account = a.account \
             WHERE a.account = $1 AND a.state = 0 AND e.revision > $2 ORDER BY e.revision LIMIT $3"
        );
        let deletion = "SELECT 1 FROM deletion WHERE digest = $1 AND id = $2";
        let lock = "SELECT account FROM account WHERE name = ANY($1) AND state = 0 \
                    ORDER BY account FOR UPDATE";
        let snapshot = "SELECT revision, header FROM snapshot WHERE account = $1 AND revision <= $2 \
                        ORDER BY revision DESC LIMIT 1";
        let segments = "SELECT number, body FROM segment WHERE account = $1 AND number = ANY($2)";
        let (
            append,
            lock,
            heads,
            look_up,
            by_number,
            deletion,
            news,
            page,
            barrier,
            snapshot,
            segments,
        ) = tokio::try_join!(
            client.prepare(APPEND),
            client.prepare(lock),
            client.prepare(&heads),
            client.prepare(&look_up),
            client.prepare(&by_number),
            client.prepare(deletion),
            client.prepare(&news),
            client.prepare(&page),
            client.prepare(BARRIER),
            client.prepare(snapshot),
            client.prepare(segments),
        )?;
        Ok(Statements {
            append,
            lock,
            heads,
            look_up,
            by_number,
            deletion,
            news,
            page,
            barrier,
            snapshot,
            segments,
        })
    }
}

/// Locks the accounts in the order of their numbers, decides once, and writes all or nothing: everything
/// that writes hangs on that decision. Accounts that are opened are inserted in the order of their names, so
/// that no two appends wait for each other.
///
/// An update that is joined to the expectation, with an insert beside it, is no substitute: it commits entries
/// without moving the head wherever their key is free.
const APPEND: &str = "
WITH locked AS MATERIALIZED (
    SELECT account, head, state FROM account WHERE account = ANY($1::int8[]) ORDER BY account FOR UPDATE
), verdict AS MATERIALIZED (
    SELECT coalesce(array_agg(head ORDER BY account), '{}'::int8[]) = $2::int8[]
       AND coalesce(bool_and(state = 0), true) AS ok FROM locked
), moved AS (
    UPDATE account a SET head = ask.head, recorded_at = ask.recorded_at, granted = ask.granted,
        used = ask.used, grants = ask.grants, usage_records = ask.usage_records,
        credit_id_bytes = ask.credit_id_bytes, closed = ask.closed, state = ask.state, name = ask.name
    FROM unnest($1::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[],
        $9::int8[], $10::int8[], $11::int2[], $12::text[])
        AS ask (account, head, recorded_at, granted, used, grants, usage_records, credit_id_bytes, closed,
            state, name)
    WHERE a.account = ask.account AND (SELECT ok FROM verdict)
    RETURNING 1
), opened AS (
    INSERT INTO account (account, name, state, policy, line, head, recorded_at, granted, used, grants,
        usage_records, credit_id_bytes, closed)
    SELECT o.account, o.name, 0, o.policy, o.line, o.head, o.recorded_at, o.granted, o.used, o.grants,
        o.usage_records, o.credit_id_bytes, o.closed
    FROM unnest($13::int8[], $14::text[], $15::int2[], $16::int8[], $17::int8[], $18::int8[], $19::int8[],
        $20::int8[], $21::int8[], $22::int8[], $23::int8[], $24::int8[])
        AS o (account, name, policy, line, head, recorded_at, granted, used, grants, usage_records,
            credit_id_bytes, closed)
    WHERE (SELECT ok FROM verdict) ORDER BY o.name
    RETURNING 1
), written AS (
    INSERT INTO entry (account, revision, id, recorded_at, kind, amount, starts, ends, expiration, priority,
        corrects, credit_id, crc)
    SELECT e.account, e.revision, e.id, e.recorded_at, e.kind, e.amount, e.starts, e.ends, e.expiration,
        e.priority, e.corrects, e.credit_id, e.crc
    FROM unnest($25::int8[], $26::int8[], $27::text[], $28::int8[], $29::int2[], $30::int8[], $31::int8[],
        $32::int8[], $33::int8[], $34::int2[], $35::text[], $36::text[], $37::int4[])
        AS e (account, revision, id, recorded_at, kind, amount, starts, ends, expiration, priority, corrects,
            credit_id, crc)
    WHERE (SELECT ok FROM verdict) ORDER BY e.account, e.revision
    RETURNING 1
), buried AS (
    INSERT INTO deletion (digest, id, account, revision)
    SELECT d.digest, d.id, d.account, d.revision
    FROM unnest($38::bytea[], $39::text[], $40::int8[], $41::int8[]) AS d (digest, id, account, revision)
    WHERE (SELECT ok FROM verdict)
    RETURNING 1
)
SELECT (SELECT count(*) FROM moved), (SELECT count(*) FROM opened), (SELECT count(*) FROM written),
    (SELECT count(*) FROM buried)";
