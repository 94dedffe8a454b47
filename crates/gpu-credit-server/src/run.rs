//! Calling the store, which blocks.

use tokio::task;

use crate::Problem;
use crate::problem::kinds;

/// Does something that may wait, on a thread that nobody else needs.
pub(crate) async fn blocking<R: Send + 'static>(
    act: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Problem> {
    match task::spawn_blocking(act).await {
        Ok(done) => Ok(done),
        Err(_) => Err(Problem::new(
            &kinds::INTERNAL,
            "the request came to an unexpected end",
        )),
    }
}
