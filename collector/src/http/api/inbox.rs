//! `GET /api/v1/inbox`: reports as they came, and what became of them; for officers and readers.

use axum::extract::State as Axum;
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::{List, Wanted};
use super::question::{Before, Limit, Question};
use super::rows::{Time, rows};
use crate::access::Role;
use crate::answers::time;
use crate::store::{InboxEntry, InboxFilter, InboxState};

rows! {
    /// A report in the inbox.
    struct InboxReport {
        /// SHA-256 that names it: of the bytes as they came, or of the text that a site's tool handed in.
        report: String,
        /// When it came.
        received: Time,
        /// Size of what is kept of it, in bytes.
        size: i64,
        /// What became of it: `waiting`, `opened`, `held`, `unreadable` or `rejected`.
        state: String,
        /// The site that it is of, or claims to be of; empty when that is not known.
        site: String,
        /// The host that it is of, or claims to be of; empty when that is not known.
        host: String,
        /// SHA-256 of the key that signed it; empty when none did, or when it is not opened.
        key: String,
        /// Where it came from.
        source: String,
        /// A word for the trouble that it is in; empty when it is in none.
        problem: String,
        /// What the trouble is.
        reason: String,
    }
}

/// What became of a report.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Fate {
    /// Not opened yet.
    Waiting,
    /// Part of its host's history.
    Opened,
    /// Readable, but not believed as it is.
    Held,
    /// Cannot be opened or read.
    Unreadable,
    /// A person has decided against it.
    Rejected,
}

/// What may be asked of the inbox.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only what became this.
    #[param(inline, required = false)]
    state: Option<Fate>,
    /// Where the page before ended.
    #[param(inline, required = false)]
    cursor: Option<Before>,
    /// At most so many rows.
    #[param(inline, required = false)]
    limit: Limit,
}

/// The inbox
///
/// Reports as they came, newest first, with what became of them. Not for the role `site`.
#[utoipa::path(get, path = "/inbox", tag = "reports", params(Asked), responses((status = 200, description = "A page of reports", body = List<InboxReport>)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    if asker.viewer.role == Role::Site {
        return Err(HttpError::NotForSites);
    }
    let state = asked.state.map(|fate| match fate {
        Fate::Waiting => InboxState::Waiting,
        Fate::Opened => InboxState::Opened,
        Fate::Held => InboxState::Held,
        Fate::Unreadable => InboxState::Unreadable,
        Fate::Rejected => InboxState::Rejected,
    });
    let filter = InboxFilter { state, before: asked.cursor.map(|before| before.0), ..InboxFilter::default() };
    let mut entries = shared.store.inbox_page(&asker.viewer.scope, &filter, asked.limit.and_one()).await?;
    let next = asked.limit.cut(&mut entries).map(|last| last.number.to_string());
    wanted.rows(&List { items: entries.into_iter().map(row).collect(), next })
}

fn row(entry: InboxEntry) -> InboxReport {
    InboxReport {
        report: entry.hash,
        received: Time(time(entry.received)),
        size: entry.size,
        state: entry.state,
        site: entry.site,
        host: entry.host,
        key: entry.sender,
        source: entry.source,
        problem: entry.problem,
        reason: entry.reason,
    }
}
