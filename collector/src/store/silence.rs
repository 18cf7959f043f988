//! A database that says nothing any more: its machine vanished, and no connection was ever closed.

use std::time::Duration;

use sqlx::{AnyConnection, Connection as _};

use super::{PATIENCE, StoreError};

/// Waits for the database at most so long. What it was asked is given up: it may have happened or not.
///
/// # Errors
/// [`StoreError::Silent`], which is retryable, and whatever `asking` ends with.
pub async fn unless_silent<T>(
    longest: Duration,
    asking: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let answer = tokio::time::timeout(longest, asking).await;
    answer.unwrap_or(Err(StoreError::Silent { seconds: longest.as_secs() }))
}

/// Whether a connection that somebody gave up, or is done with, still answers. One that does not is closed: what its
/// machine would never send is not waited for, and its place in the pool is free again.
pub(super) async fn still_answers(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(PATIENCE, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Err(sqlx::Error::PoolTimedOut),
    }
}
