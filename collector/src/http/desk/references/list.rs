//! `GET /references/{list}`: one version of a list, the newest unless another is asked for.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::super::question::Question;
use super::super::super::visitor::Visitor;
use super::super::{frame, page};
use crate::answers::references;
use crate::desk::frame::Section;
use crate::desk::references::list::ListPage;

/// Which version.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    version: Option<i64>,
    /// The version that was stored just now.
    stored: Option<i64>,
}

/// A version of a list, and all its versions.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path(name): Path<String>,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::References);
    let (stored, list) = references::version(&shared.store, &name, asked.version).await?;
    let mut versions = shared.store.reference_versions(Some(&name)).await?;
    versions.reverse();
    page(&ListPage {
        frame,
        stored_now: asked.stored == Some(stored.version.number),
        version: stored.version,
        references: list.references,
        content: stored.content,
        versions,
    })
}
