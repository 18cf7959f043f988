//! `GET /references/{list}/export/{form}`: a version of a list as a file.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::super::question::Question;
use super::super::super::visitor::Visitor;
use crate::answers::references;
use crate::table::Format;

/// Which version.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    version: Option<i64>,
}

/// A version as TOML or CSV, both of which are read again as they are, or as JSON.
pub(super) async fn download(
    State(shared): State<Shared>,
    _: Visitor,
    Path((name, form)): Path<(String, String)>,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let (stored, list) = references::version(&shared.store, &name, asked.version).await?;
    let unwritten = |error: crate::reference::ReferenceError| HttpError::Page(error.to_string());
    let (kind, text) = match form.as_str() {
        "toml" => ("application/toml", list.to_toml().map_err(unwritten)?),
        "csv" => ("text/csv; charset=utf-8", list.to_csv().map_err(unwritten)?),
        "json" => ("application/json", references::table(&[list]).render(Format::Json)),
        _ => return Err(HttpError::NotFound),
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = stored.version.name.chars().map(plain).collect();
    let file = format!("attachment; filename=\"{name}-{}.{form}\"", stored.version.number);
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, file.as_str()),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, text).into_response())
}
