//! `GET /inbox/{report}`: one report.

use axum::extract::{Path, State};
use axum::response::Response;

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::super::visitor::Visitor;
use super::super::{frame, page};
use super::named;
use crate::answers::inbox::{self, ReportAnswer};
use crate::desk::frame::Section;
use crate::desk::inbox::report::ReportPage;
use crate::inbox_decision::DecisionError;

/// What is known of a report without opening it.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path(report): Path<String>,
) -> Result<Response, HttpError> {
    let hash = named(&visitor.viewer, &report)?;
    let found = inbox::report(&shared.store, &visitor.viewer.scope, hash).await?;
    let ReportAnswer { report, kept, pinned, near } = found.ok_or(DecisionError::NoReport(hash))?;
    page(&ReportPage { frame: frame(visitor, Section::Inbox), report, pinned, near, kept })
}
