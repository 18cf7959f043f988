//! `GET /api/v1/inbox`: reports as they came, newest first.

use axum::extract::State as Axum;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::Asker;
use super::super::answer::{List, Wanted};
use super::super::question::{Before, Limit, Question, Word};
use super::{Fate, InboxReport, Trouble, not_for_sites, row, sender};
use crate::store::InboxFilter;

/// What may be asked of the inbox.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct Asked {
    /// Only what became this.
    #[param(inline, required = false)]
    state: Option<Fate>,
    /// Only what is in this trouble.
    #[param(inline, required = false)]
    problem: Option<Trouble>,
    /// Only what is of this site, or claims to be.
    #[param(inline, required = false)]
    site: Option<Word>,
    /// Only what is of this host, or claims to be.
    #[param(inline, required = false)]
    host: Option<Word>,
    /// Only what this key signed (SHA-256), or `unsigned`.
    #[param(inline, required = false)]
    key: Option<Word>,
    /// Where the page before ended.
    #[param(inline, required = false)]
    cursor: Option<Before>,
    /// At most so many rows.
    #[param(inline, required = false)]
    limit: Limit,
}

/// The inbox
///
/// Reports as they came, newest first, with what became of them. What was refused at the door is not kept: `/inbox/refused` counts
/// it. Not for the role `site`.
#[utoipa::path(get, path = "/inbox", tag = "reports", params(Asked), responses((status = 200, description = "A page of reports", body = List<InboxReport>)))]
pub(in super::super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    not_for_sites(&asker.viewer)?;
    let word = |word: Option<Word>| word.map(|word| word.0);
    let filter = InboxFilter {
        state: asked.state.map(Into::into),
        problem: asked.problem.map(|trouble| trouble.0),
        site: word(asked.site),
        host: word(asked.host),
        sender: word(asked.key).map(sender),
        before: asked.cursor.map(|before| before.0),
    };
    let mut entries = shared.store.inbox_page(&asker.viewer.scope, &filter, asked.limit.and_one()).await?;
    let next = asked.limit.cut(&mut entries).map(|last| last.number.to_string());
    wanted.rows(&List { items: entries.into_iter().map(row).collect(), next })
}
