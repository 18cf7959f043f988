//! `/api/v1/inbox` and below: reports as they came, and what became of them; for officers and readers.

pub(super) mod groups;
pub(super) mod list;
pub(super) mod refused;
pub(super) mod report;
pub(super) mod states;

use serde::Deserialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::super::error::HttpError;
use super::rows::{Time, rows};
use crate::access::{Role, Viewer};
use crate::answers::time;
use crate::desk::inbox::UNSIGNED;
use crate::problem::Problem;
use crate::store::{InboxEntry, InboxState};

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

impl From<Fate> for InboxState {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Waiting => InboxState::Waiting,
            Fate::Opened => InboxState::Opened,
            Fate::Held => InboxState::Held,
            Fate::Unreadable => InboxState::Unreadable,
            Fate::Rejected => InboxState::Rejected,
        }
    }
}

/// The word for a kind of trouble.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Trouble(Problem);

impl TryFrom<String> for Trouble {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        let known = Problem::ALL.map(Problem::as_str).join(", ");
        Problem::named(&word).map(Trouble).ok_or_else(|| format!("problem {word:?}: expected one of {known}"))
    }
}

impl PartialSchema for Trouble {
    fn schema() -> RefOr<Schema> {
        let words = Problem::ALL.map(Problem::as_str);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build().into()
    }
}

impl ToSchema for Trouble {}

/// A key as the database has it, where one is asked for, or `unsigned`.
fn sender(key: String) -> String {
    if key == UNSIGNED { String::new() } else { key }
}

/// The inbox holds reports of every site.
fn not_for_sites(viewer: &Viewer) -> Result<(), HttpError> {
    if viewer.role == Role::Site { Err(HttpError::NotForSites) } else { Ok(()) }
}

/// A report as it is told of.
pub(super) fn row(entry: InboxEntry) -> InboxReport {
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
