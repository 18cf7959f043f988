//! `GET /healthz`: the process answers. `GET /readyz`: it can also do its work.

use axum::extract::State;

use super::Shared;
use super::error::HttpError;

/// Answers as long as the process does.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Answers 200 when the database does, 503 otherwise.
pub(super) async fn readyz(State(shared): State<Shared>) -> Result<&'static str, HttpError> {
    shared.store.ping().await?;
    Ok("ready\n")
}
