//! `POST /references`: the preview of a new list, or the form for its first reference.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::super::Shared;
use super::super::super::change::OfficerForm;
use super::super::super::error::HttpError;
use super::super::{frame, page};
use super::{lists, page_with, preview_of};
use crate::desk::frame::Section;
use crate::desk::references::row::RowPage;
use crate::desk::references::{Draft, NewList};
use crate::reference::typed::Typed;
use crate::reference::{ReferenceError, ReferenceList};

/// A new list as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typing {
    name: String,
    form: String,
    #[serde(deserialize_with = "super::lines")]
    text: String,
}

/// What a new list would do; a wrong one is shown again with its error.
pub(super) async fn preview(
    State(shared): State<Shared>,
    OfficerForm(visitor, Typing { name, form, text }): OfficerForm<Typing>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::References);
    let error = match read(name.trim(), &form, &text) {
        Ok(list) if shared.store.newest_reference_version(&list.name).await?.is_some() => {
            format!("there is a list named {:?} already: change that one, or take another name", list.name)
        }
        Ok(list) if list.references.is_empty() => {
            let draft = Draft { list: list.name, based_on: 0, content: String::new() };
            return page(&RowPage { frame, draft, of: None, typed: Typed::default(), faults: Vec::new() });
        }
        Ok(list) => return page(&preview_of(&shared, frame, list, 0, String::new()).await?),
        Err(error) => error.to_string(),
    };
    let shown = lists::of(&shared, frame, NewList { name, form, text }, error).await?;
    page_with(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}

fn read(name: &str, form: &str, text: &str) -> Result<ReferenceList, ReferenceError> {
    match form {
        _ if text.trim().is_empty() => ReferenceList::named(name),
        "csv" => ReferenceList::from_csv(text, name),
        _ => ReferenceList::from_toml_named(text, name),
    }
}
