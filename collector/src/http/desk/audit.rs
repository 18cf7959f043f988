//! `GET /audit`: who signed in, read or changed something; for officers.

use axum::extract::State;
use axum::response::Response;

use super::super::Shared;
use super::super::error::HttpError;
use super::super::question::Question;
use super::super::visitor::Visitor;
use super::{frame, page};
use crate::answers::{AnswerError, audit};
use crate::desk::audit::{AuditPage, LINES_PER_PAGE};
use crate::desk::frame::Section;
use crate::query;
use crate::store::AuditFilter;

/// What may be asked of the log.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    person: String,
    action: String,
    since: String,
    before: Option<i64>,
}

/// Lines, newest first.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Question(Asked { person, action, since, before }): Question<Asked>,
) -> Result<Response, HttpError> {
    visitor.must_be_officer()?;
    let from = match since.as_str() {
        "" => i64::MIN,
        since => query::parse_since(since).map_err(AnswerError::from)?.as_second(),
    };
    let wanted = AuditFilter {
        person: person.trim(),
        action: &action,
        since: from,
        before: before.unwrap_or(i64::MAX),
        limit: i64::try_from(LINES_PER_PAGE + 1).unwrap_or(i64::MAX),
    };
    let mut lines = audit::entries(&shared.store, wanted).await?;
    let actions = shared.store.audit_actions().await?;
    let more = lines.len() > LINES_PER_PAGE;
    lines.truncate(LINES_PER_PAGE);
    let older = lines.last().filter(|_| more).map(|line| line.id);
    page(&AuditPage { frame: frame(visitor, Section::Audit), lines, person, action, actions, since, older })
}
