//! `GET /api/v1/inbox/states`: how many reports there are of each fate.

use axum::extract::State as Axum;
use axum::response::Response;

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::Asker;
use super::super::answer::{List, Wanted};
use super::super::question::{Nothing, Question};
use super::super::rows::{Time, rows};
use super::not_for_sites;
use crate::answers::time;
use crate::desk::inbox::{REFUSED, Tab};

rows! {
    /// Reports of one fate.
    struct StateTotal {
        /// What became of them: `held`, `unreadable`, `refused`, `rejected` or `waiting`.
        state: String,
        /// How many; of those that were refused at the door, within the last 90 days.
        reports: i64,
        /// When the oldest came; none where there is none, and of those that were refused.
        oldest: Option<Time>,
        /// When the last one was refused; none of the others.
        last: Option<Time>,
    }
}

/// The inbox in numbers
///
/// How many reports wait, were set aside, or were refused at the door. Not for the role `site`.
#[utoipa::path(get, path = "/inbox/states", tag = "reports", responses((status = 200, description = "The numbers", body = List<StateTotal>)))]
pub(in super::super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Question(Nothing {}): Question<Nothing>,
) -> Result<Response, HttpError> {
    not_for_sites(&asker.viewer)?;
    let (refused, _, last) = shared.store.refused().await?;
    let states = shared.store.inbox_states(&asker.viewer.scope).await?;
    let row = |Tab { word, reports, time: at, .. }| {
        let at = at.map(|second| Time(time(second)));
        let (oldest, last) = if word == REFUSED { (None, at) } else { (at, None) };
        StateTotal { state: word.to_owned(), reports, oldest, last }
    };
    wanted.rows(&List::whole(Tab::all(&states, (refused, last)).into_iter().map(row).collect()))
}
