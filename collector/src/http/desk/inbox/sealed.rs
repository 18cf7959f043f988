//! `GET /inbox/{report}/sealed`: the sealed bytes of a report as they are kept.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::super::visitor::Visitor;
use super::named;
use crate::inbox_decision::DecisionError;

/// The sealed bytes, for a look at them elsewhere; whatever they are, no browser shows them.
pub(super) async fn download(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path(report): Path<String>,
) -> Result<Response, HttpError> {
    let hash = named(&visitor.viewer, &report)?;
    let found = shared.store.inbox_entry(&visitor.viewer.scope, hash).await?;
    let (_, kept) = found.ok_or(DecisionError::NoReport(hash))?;
    let body = if kept { shared.store.inbox_report(hash).await? } else { None };
    let (_, body) = body.ok_or(HttpError::NotFound)?;
    let file = format!("attachment; filename=\"{hash}.p7m\"");
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, file.as_str()),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, body).into_response())
}
