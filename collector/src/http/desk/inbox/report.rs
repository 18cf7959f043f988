//! `GET /inbox/{report}`: one report.

use axum::extract::{Path, State};
use axum::response::Response;

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::super::visitor::Visitor;
use super::super::{frame, page};
use super::one;
use crate::answers::inbox::ReportAnswer;
use crate::desk::frame::Section;
use crate::desk::inbox::report::ReportPage;

/// What is known of a report without opening it.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path(report): Path<String>,
) -> Result<Response, HttpError> {
    let ReportAnswer { report, kept, pinned, near } = one(&shared, &visitor.viewer, &report).await?;
    page(&ReportPage { frame: frame(visitor, Section::Inbox), report, pinned, near, kept })
}
