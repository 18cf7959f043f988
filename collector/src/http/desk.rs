//! `GET /`: the first page of the desk, for people at this machine or behind a proxy that checks who asks.

use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::error::HttpError;
use super::peer::Visitor;
use crate::answers;
use crate::clock;
use crate::desk::overview::{self, Overview};

/// Which part of a long list is shown.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Paging {
    #[serde(default = "first_page")]
    page: usize,
}

fn first_page() -> usize {
    1
}

/// No script, no frame, nothing from outside: whatever a host put into its report stays text.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Sites and hosts against the reference lists.
pub(super) async fn overview(
    State(shared): State<Shared>,
    visitor: Visitor,
    paging: Query<Paging>,
) -> Result<Response, HttpError> {
    let now = clock::now();
    let compared = answers::compare::at(&shared.store, now, shared.stale_after_days).await?;
    let shown = Overview { visitor: visitor.identity, ..answers::overview::of(&compared, now, paging.page) };
    let page = overview::render(&shown).map_err(|error| HttpError::Page(error.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, page).into_response())
}

/// The style sheet.
pub(super) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], overview::STYLE)
}
