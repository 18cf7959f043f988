//! `POST /feeder/` and `POST /package-report`: hosts with pakiti-client 3 join the same inbox.

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use report::acknowledgement::Acknowledgement;
use report::hash::Hash;
use report::sealed;

use super::Shared;
use super::error::HttpError;
use super::peer::Source;
use super::receive::{counted, read_body, store};

/// Takes a sealed report as the body, whatever type it is called; readable text only where the operator allows it.
pub(super) async fn receive(
    State(shared): State<Shared>,
    Source(from): Source,
    request: Request,
) -> Result<Response, HttpError> {
    counted(&shared, &from, take(&shared, &from, request)).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], shared.legacy_answer.clone()).into_response())
}

async fn take(shared: &Shared, from: &str, request: Request) -> Result<Acknowledgement, HttpError> {
    let (parts, body) = request.into_parts();
    let (body, place) = read_body(shared, from, &parts.headers, body).await?;
    if body.starts_with(b"#") {
        if !shared.legacy_plain_text {
            return Err(HttpError::PlainText);
        }
    } else {
        sealed::check_structure(&body)?;
    }
    store(shared, from, Hash::of(&body), (body, place)).await
}
