//! `GET /metrics`: numbers for Prometheus, without the name of any host.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::error::HttpError;
use super::visitor::NoFalseToken;
use crate::clock;
use crate::metrics::MEDIA_TYPE;

/// Answers also while the database is away, and says so.
pub(super) async fn show(_: NoFalseToken, State(shared): State<Shared>) -> Result<Response, HttpError> {
    let now = clock::now();
    let figures = shared.figures.at((&shared.store, &shared.judge), now, shared.stale_after_days).await;
    let figures = figures.inspect_err(|error| tracing::error!(%error, "metrics without figures of the database")).ok();
    let text = shared.metrics.text(figures.as_ref(), &shared.certificates, now);
    let text = text.map_err(|error| HttpError::Page(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE), (header::CACHE_CONTROL, "no-store")], text).into_response())
}
