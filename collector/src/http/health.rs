//! `GET /healthz`: the process answers. `GET /readyz`: it can also do its work.

use std::time::Duration;

use axum::extract::State;

use super::Shared;
use super::error::HttpError;
use crate::store::unless_silent;

/// How long the database may take to say anything: a balancer asks every few seconds.
const SILENCE: Duration = Duration::from_secs(5);

/// Answers as long as the process does.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Answers 200 when the database does, 503 otherwise.
pub(super) async fn readyz(State(shared): State<Shared>) -> Result<&'static str, HttpError> {
    unless_silent(SILENCE, shared.store.ping()).await?;
    Ok("ready\n")
}
