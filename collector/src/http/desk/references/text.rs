//! `/references/{list}/text`: a whole list as text, of the newest version or of a draft.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::super::super::Shared;
use super::super::super::change::OfficerForm;
use super::super::super::error::HttpError;
use super::super::super::question::Question;
use super::super::super::visitor::Visitor;
use super::super::{frame, page};
use super::{Proposed, drafted, only_officers};
use crate::answers::references;
use crate::desk::frame::Section;
use crate::desk::references::Draft;
use crate::desk::references::text::TextPage;
use crate::reference::ReferenceList;

/// In which form.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    form: String,
}

/// The newest version as text.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path(name): Path<String>,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::References);
    only_officers(&frame)?;
    let (stored, list) = references::version(&shared.store, &name, None).await?;
    let draft = Draft { list: name, based_on: stored.version.number, content: String::new() };
    let (form, text) = written(&list, &asked.form)?;
    page(&TextPage { frame, draft, form, text, error: String::new() })
}

/// A draft as text.
pub(super) async fn go_on(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    OfficerForm(visitor, proposed): OfficerForm<Proposed>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::References);
    let list = drafted(&shared.store, &name, &proposed).await?;
    let draft = Draft { list: name, based_on: proposed.based_on, content: proposed.draft };
    let (form, text) = written(&list, &proposed.form)?;
    page(&TextPage { frame, draft, form, text, error: String::new() })
}

fn written(list: &ReferenceList, form: &str) -> Result<(&'static str, String), HttpError> {
    let (form, text) = if form == "csv" { ("csv", list.to_csv()) } else { ("toml", list.to_toml()) };
    Ok((form, text.map_err(|error| HttpError::Page(error.to_string()))?))
}
