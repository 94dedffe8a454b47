//! The tables, and their version.

use gpu_credit_store::StorageProblem;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use crate::failure::{code, other, problem};

/// What brings the tables from one version to the next, the first from nothing. Only ever append.
///
/// Version 2 has holds: kinds of entries that an earlier program does not know, in the same tables. Version 3 has
/// snapshots.
const MIGRATIONS: [&str; 3] = [
    include_str!("schema.sql"),
    "SELECT 1",
    include_str!("snapshots.sql"),
];
/// Times that it is tried if others do the same.
const TRIES: usize = 10;

/// What becomes of tables that are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    IsMade,
    IsAnError,
}

/// Makes the tables if there are none, and brings them up to date.
pub(crate) async fn migrate(client: &Client, missing: Missing) -> Result<(), StorageProblem> {
    let mut is_taken = false;
    for _ in 0..TRIES {
        match version(client).await? {
            Some(version) if version == MIGRATIONS.len() => return Ok(()),
            None if missing == Missing::IsAnError => return Err(StorageProblem::NoTables),
            _ => {}
        }
        match advance(client).await {
            Ok(()) => {}
            Err(error) if is_made_by_others(&error) => {
                is_taken = code(&error) == Some(&SqlState::DUPLICATE_TABLE);
                let ended = client.batch_execute("ROLLBACK").await;
                ended.map_err(|error| problem(&error))?;
            }
            Err(error) => return Err(problem(&error)),
        }
    }
    match is_taken {
        true => Err(other(
            "it has tables of something else: give the store a database or a schema of its own",
        )),
        false => Err(StorageProblem::Overtaken),
    }
}

/// The version of the tables; `None` if there are none.
async fn version(client: &Client) -> Result<Option<usize>, StorageProblem> {
    let known = MIGRATIONS.len();
    let rows = client
        .query("SELECT number FROM gpu_credit_version", &[])
        .await;
    let rows = match rows {
        Err(error) if code(&error) == Some(&SqlState::UNDEFINED_TABLE) => return Ok(None),
        rows => rows.map_err(|error| problem(&error))?,
    };
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let found: i32 = row.try_get(0).map_err(|error| problem(&error))?;
    match usize::try_from(found) {
        Ok(found) if found <= known => Ok(Some(found)),
        _ => Err(StorageProblem::Newer {
            found: u64::from(found.unsigned_abs()),
            known: known as u64,
        }),
    }
}

/// Applies what is missing, in one transaction.
async fn advance(client: &Client) -> Result<(), Error> {
    client
        .batch_execute(
            "BEGIN;
             CREATE TABLE IF NOT EXISTS gpu_credit_version (place int4 PRIMARY KEY, number int4 NOT NULL);
             INSERT INTO gpu_credit_version VALUES (1, 0) ON CONFLICT DO NOTHING",
        )
        .await?;
    let locked = "SELECT number FROM gpu_credit_version FOR UPDATE";
    let found: i32 = client.query_one(locked, &[]).await?.try_get(0)?;
    for migration in MIGRATIONS
        .iter()
        .skip(usize::try_from(found).unwrap_or(MIGRATIONS.len()))
    {
        client.batch_execute(migration).await?;
        let counted = "UPDATE gpu_credit_version SET number = number + 1";
        client.batch_execute(counted).await?;
    }
    client.batch_execute("COMMIT").await
}

/// Two that make the same table at once: one of them is told so.
fn is_made_by_others(error: &Error) -> bool {
    let made = [
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_TABLE,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ];
    code(error).is_some_and(|code| made.contains(code))
}
