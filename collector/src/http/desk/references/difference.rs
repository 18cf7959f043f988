//! `GET /references/{list}/difference`: what differs between two versions.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::super::question::Question;
use super::super::super::visitor::Visitor;
use super::super::{frame, page};
use crate::answers::{AnswerError, references};
use crate::desk::frame::Section;
use crate::desk::references::difference::DifferencePage;

/// Which versions.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    from: Option<i64>,
    to: Option<i64>,
}

/// What differs; without being told more, between the newest version and the one before it.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path(list): Path<String>,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::References);
    let mut versions = shared.store.reference_versions(Some(&list)).await?;
    versions.reverse();
    let newest = versions.first().map(|version| version.number).ok_or_else(|| AnswerError::NoList(list.clone()))?;
    let to = asked.to.unwrap_or(newest);
    let from = asked.from.unwrap_or(to - 1);
    let difference = references::difference(&shared.store, &list, Some(from), Some(to)).await?;
    page(&DifferencePage { frame, list, from, to, difference, versions })
}
