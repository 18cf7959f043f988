//! `GET /`: sites against the reference lists.

use axum::extract::State;
use axum::response::Response;

use super::super::Shared;
use super::super::error::HttpError;
use super::super::peer::Visitor;
use super::super::question::Question;
use super::{frame, page};
use crate::answers;
use crate::desk::frame::Section;

/// Which part of a long list is shown.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    page: usize,
}

/// Sites and hosts against the reference lists.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::Overview);
    let (store, judge, scope) = (&shared.store, &shared.judge, &frame.viewer.scope);
    let compared = answers::compare::at(store, judge, scope, frame.now, shared.stale_after_days).await?;
    page(&answers::overview::of(&compared, frame, asked.page))
}
