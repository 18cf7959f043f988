//! `/references`: reference lists, each change of them previewed before it is stored.

mod create;
mod difference;
mod export;
mod list;
mod lists;
mod preview;
mod row;
mod store;
mod text;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde::{Deserialize, Deserializer};

use super::super::Shared;
use super::super::error::HttpError;
use super::page;
use crate::answers::effect;
use crate::answers::references::version;
use crate::desk::frame::Frame;
use crate::desk::references::Draft;
use crate::desk::references::preview::{Overtaken, PreviewPage};
use crate::reference::difference::Difference;
use crate::reference::typed::Typed;
use crate::reference::{Reference, ReferenceList};
use crate::store::Store;

/// Every page of reference lists.
pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/references", get(lists::show).post(create::preview))
        .route("/references/{list}", get(list::show))
        .route("/references/{list}/difference", get(difference::show))
        .route("/references/{list}/export/{form}", get(export::download))
        .route("/references/{list}/row", get(row::show).post(row::go_on))
        .route("/references/{list}/text", get(text::show).post(text::go_on))
        .route("/references/{list}/preview", post(preview::preview))
        .route("/references/{list}/store", post(store::store))
}

/// What the forms of a list carry; each has some of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Proposed {
    /// The version that was changed.
    based_on: i64,
    /// The list so far, as TOML; empty while it is that version.
    #[serde(deserialize_with = "lines")]
    draft: String,
    /// What this form does to it.
    what: String,
    /// The reference that it is done to.
    of_product: String,
    of_package: String,
    of_os: String,
    /// The reference as it shall be.
    #[serde(flatten)]
    typed: Typed,
    /// `toml` or `csv`.
    form: String,
    /// The whole list in that form.
    #[serde(deserialize_with = "lines")]
    text: String,
    /// Why.
    note: String,
}

/// A text of several lines: browsers end each with CR and LF (HTML, 4.10.22.4), and a page shows no CR.
fn lines<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(String::deserialize(deserializer)?.replace("\r\n", "\n"))
}

/// A page with a status that is not that of success.
fn page_with(status: StatusCode, template: &impl askama::Template) -> Result<Response, HttpError> {
    let mut response = page(template)?;
    *response.status_mut() = status;
    Ok(response)
}

/// The list as a form has it so far.
async fn drafted(store: &Store, list: &str, proposed: &Proposed) -> Result<ReferenceList, HttpError> {
    let unreadable = |error: crate::reference::ReferenceError| HttpError::FormField(format!("draft: {error}"));
    if !proposed.draft.is_empty() {
        return ReferenceList::from_toml_named(&proposed.draft, list).map_err(unreadable);
    }
    let references = references_of(store, list, proposed.based_on).await?;
    let list = ReferenceList::named(list).map_err(unreadable)?;
    Ok(ReferenceList { references, ..list })
}

/// The references of a version; before the first there are none.
async fn references_of(store: &Store, list: &str, number: i64) -> Result<Vec<Reference>, HttpError> {
    Ok(if number == 0 { Vec::new() } else { version(store, list, Some(number)).await?.1.references })
}

/// The preview of a list that was made from the version `based_on`, made to whatever version is the newest now.
async fn preview_of(
    shared: &Shared,
    frame: Frame,
    list: ReferenceList,
    based_on: i64,
    note: String,
) -> Result<PreviewPage, HttpError> {
    let store = &shared.store;
    let versions = store.reference_versions(Some(&list.name)).await?;
    let newest = versions.last().map_or(0, |version| version.number);
    let theirs = references_of(store, &list.name, newest).await?;
    let (references, overtaken) = if newest == based_on {
        (list.references, None)
    } else {
        let base = references_of(store, &list.name, based_on).await?;
        let merged = Difference::between(&base, &list.references).applied_to(&theirs);
        let by = versions.into_iter().filter(|version| version.number > based_on).collect();
        let difference = Difference::between(&base, &theirs);
        (merged.references, Some(Overtaken { by, difference, clashes: merged.clashes }))
    };
    let list = ReferenceList { references, ..list };
    let (now, stale_after_days) = (frame.now, shared.stale_after_days);
    Ok(PreviewPage {
        difference: Difference::between(&theirs, &list.references),
        effect: effect::of(store, &shared.judge, &list, now, stale_after_days).await?,
        size: list.references.len(),
        draft: Draft {
            content: list.to_toml().map_err(|error| HttpError::Page(error.to_string()))?,
            list: list.name,
            based_on: newest,
        },
        note,
        overtaken,
        frame,
    })
}

/// Refuses people who may only look: these pages are for changing something.
fn only_officers(frame: &Frame) -> Result<(), HttpError> {
    if frame.may_change() { Ok(()) } else { Err(HttpError::NotOfficer) }
}
