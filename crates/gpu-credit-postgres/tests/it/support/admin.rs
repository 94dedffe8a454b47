//! What an administrator asks a server.

use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::timeout;
use tokio_postgres::{Client, Error, NoTls};

/// The number that a statement selects.
pub(crate) fn number(address: &str, sql: &str) -> i64 {
    try_number(address, sql).expect("the server answers")
}

/// The same, if the server answers in time.
pub(crate) fn try_number(address: &str, sql: &str) -> Option<i64> {
    on(address, &async |client: &Client| {
        client.query_one(sql, &[]).await?.try_get(0)
    })
}

/// Has statements executed; whether they were, in time.
pub(crate) fn try_execute(address: &str, sql: &str) -> bool {
    on(address, &async |client: &Client| {
        client.batch_execute(sql).await
    })
    .is_some()
}

fn on<T>(address: &str, act: &impl AsyncFn(&Client) -> Result<T, Error>) -> Option<T> {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let acted = async {
            let (client, connection) = tokio_postgres::connect(address, NoTls).await.ok()?;
            tokio::spawn(connection);
            act(&client).await.ok()
        };
        timeout(Duration::from_secs(10), acted).await.ok()?
    })
}
