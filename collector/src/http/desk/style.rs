//! `GET /desk.css`, `GET /icon.svg`: what pages look like, the same for everybody.

use axum::http::header;
use axum::response::IntoResponse;

use crate::desk::STYLE;

const ICON: &str = include_str!("../../../templates/icon.svg");

/// The style sheet.
pub(super) async fn sheet() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=300")], STYLE)
}

/// The icon in the browser's tab.
pub(super) async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "max-age=86400")], ICON)
}
