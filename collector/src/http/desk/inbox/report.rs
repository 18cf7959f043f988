//! `GET /inbox/{report}`: one report.

use axum::extract::{Path, State};
use axum::response::Response;

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::super::visitor::Visitor;
use super::super::{frame, page};
use super::list::near;
use super::one;
use crate::desk::frame::Section;
use crate::desk::inbox::report::ReportPage;
use crate::problem::Problem;

/// What is known of a report without opening it.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path(report): Path<String>,
) -> Result<Response, HttpError> {
    let (_, report, kept) = one(&shared, &visitor.viewer, &report).await?;
    let store = &shared.store;
    let pinned = if report.host.is_empty() { None } else { store.pinned(&report.site, &report.host).await? };
    let unknown = report.problem == Problem::UnknownSite.as_str();
    let near = if unknown { near(store, &report.site).await? } else { Vec::new() };
    page(&ReportPage { frame: frame(visitor, Section::Inbox), report, pinned, near, kept })
}
