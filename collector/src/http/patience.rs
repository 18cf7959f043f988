//! How long a page or an answer may take before whoever asked is told to come back: the database may have vanished.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use super::error::HttpError;
use crate::store::StoreError;

/// Longest time to the beginning of an answer; what is streamed after that may take longer.
const LONGEST: Duration = Duration::from_secs(60);

/// Gives up what takes too long; a change that it was about to make is not made, or whole.
pub(super) async fn bounded(request: Request, next: Next) -> Result<Response, HttpError> {
    let answer = tokio::time::timeout(LONGEST, next.run(request)).await;
    answer.map_err(|_| HttpError::Store(StoreError::Silent { seconds: LONGEST.as_secs() }))
}
