//! `GET /api/v1/audit`: who signed in, read or changed something; for officers.

use axum::extract::State as Axum;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::{List, Wanted};
use super::moment::Since;
use super::question::{Before, Limit, Question, Word};
use super::rows::{Time, rows};
use crate::access::Role;
use crate::answers::audit;
use crate::store::AuditFilter;

rows! {
    /// Something that somebody did.
    struct AuditEntry {
        /// When.
        at: Time,
        /// Who.
        person: String,
        /// Their role then.
        role: String,
        /// Where they came from.
        source: String,
        /// What they did.
        action: String,
        /// What it was done to.
        object: String,
    }
}

/// What may be asked of the log.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only this person.
    #[param(inline, required = false)]
    person: Option<Word>,
    /// Only this action, such as `sign-in` or `read`.
    #[param(inline, required = false)]
    action: Option<Word>,
    /// Only what was done at this time or later.
    #[param(inline, required = false)]
    since: Option<Since>,
    /// Where the page before ended.
    #[param(inline, required = false)]
    cursor: Option<Before>,
    /// At most so many rows.
    #[param(inline, required = false)]
    limit: Limit,
}

/// The audit log
///
/// Who signed in, read or changed something, newest first. For officers.
#[utoipa::path(get, path = "/audit", tag = "people", params(Asked), responses((status = 200, description = "A page of the log", body = List<AuditEntry>)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    if asker.viewer.role != Role::Officer {
        return Err(HttpError::NotOfficer);
    }
    let filter = AuditFilter {
        person: asked.person.as_ref().map_or("", |word| &word.0),
        action: asked.action.as_ref().map_or("", |word| &word.0),
        since: asked.since.map_or(i64::MIN, |since| since.0.as_second()),
        before: asked.cursor.map_or(i64::MAX, |before| before.0),
        limit: asked.limit.and_one(),
    };
    let mut entries = audit::entries(&shared.store, filter).await?;
    let next = asked.limit.cut(&mut entries).map(|last| last.id.to_string());
    let row = |entry: audit::Entry| AuditEntry {
        at: Time(entry.at),
        person: entry.person,
        role: entry.role,
        source: entry.source,
        action: entry.action,
        object: entry.object,
    };
    wanted.rows(&List { items: entries.into_iter().map(row).collect(), next })
}
