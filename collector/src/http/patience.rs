//! How long a page, an answer, or a piece of one may take before it is given up: the database may have vanished.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use super::error::HttpError;
use crate::store::StoreError;

/// Longest time to the beginning of an answer, and to each further piece of one that is sent while it is read.
const LONGEST: Duration = Duration::from_secs(60);

/// Gives up what takes too long; a change that it was about to make is not made, or whole.
pub(super) async fn bounded(request: Request, next: Next) -> Result<Response, HttpError> {
    in_time(async { Ok(next.run(request).await) }).await
}

/// The same of reading a piece of an answer.
pub(super) async fn in_time<T>(reading: impl Future<Output = Result<T, HttpError>>) -> Result<T, HttpError> {
    let read = tokio::time::timeout(LONGEST, reading).await;
    read.unwrap_or(Err(HttpError::Store(StoreError::Silent { seconds: LONGEST.as_secs() })))
}
