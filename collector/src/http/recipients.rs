//! `GET /v1/recipients`: the signed bundle that tells hosts whom to seal for.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use report::hash::Hash;
use report::sealed::BUNDLE_MEDIA_TYPE;

use super::Shared;
use super::error::HttpError;
use crate::recipient_bundle;

/// Reads the file anew for each host: one that was replaced is shown at once, and nothing but a bundle ever is.
pub(super) async fn show(State(shared): State<Shared>, headers: HeaderMap) -> Result<Response, HttpError> {
    let file = shared.recipient_bundle.ok_or(HttpError::NoBundle)?;
    let read = tokio::task::spawn_blocking(move || recipient_bundle::read(&file)).await;
    let (_, signed) = read.map_err(|_| HttpError::NoBundle)??.ok_or(HttpError::NoBundle)?;
    let etag = format!("\"{}\"", Hash::of(&signed));
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    if known.flat_map(|value| value.split(',')).any(|known| known.trim().trim_start_matches("W/") == etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let headers = [
        (header::CONTENT_TYPE, BUNDLE_MEDIA_TYPE.to_owned()),
        (header::ETAG, etag),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    Ok((headers, signed).into_response())
}
