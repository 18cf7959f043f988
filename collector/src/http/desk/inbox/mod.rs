//! `/inbox`: what waits, what was set aside and why, and the decisions on it.

mod decide;
mod list;
mod report;
mod sealed;

use ::report::hash::Hash;
use axum::Router;
use axum::routing::{get, post};

use super::super::Shared;
use super::super::error::HttpError;
use crate::access::{Role, Viewer};
use crate::desk::inbox::{Asked, UNSIGNED};
use crate::store::{InboxFilter, InboxState};

/// Every page of the inbox.
pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/inbox", get(list::show))
        .route("/inbox/decide", post(decide::decide))
        .route("/inbox/{report}", get(report::show))
        .route("/inbox/{report}/sealed", get(sealed::download))
}

/// Sites see what is held of them on their own pages; the inbox of all is as if it did not exist.
fn not_for_sites(viewer: &Viewer) -> Result<(), HttpError> {
    if viewer.role == Role::Site { Err(HttpError::NotFound) } else { Ok(()) }
}

/// The hash of a report as written, for whoever may ask for one.
fn named(viewer: &Viewer, report: &str) -> Result<Hash, HttpError> {
    not_for_sites(viewer)?;
    report.parse().map_err(|_| HttpError::NotFound)
}

/// What is asked for as a filter; `None` for a word that is none of ours.
fn filter_of(asked: &Asked) -> Option<InboxFilter> {
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let problem = asked.problem();
    if problem.is_none() && !asked.problem.is_empty() {
        return None;
    }
    Some(InboxFilter {
        state: Some(InboxState::ALL.into_iter().find(|state| state.as_str() == asked.state)?),
        problem,
        site: given(&asked.site),
        host: given(&asked.host),
        sender: given(&asked.sender).map(|key| if key == UNSIGNED { String::new() } else { key }),
        before: asked.before,
    })
}
