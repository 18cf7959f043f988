//! `POST /references/{list}/preview`: what a change would do; a wrong one is shown again with what is wrong.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::super::super::Shared;
use super::super::super::change::OfficerForm;
use super::super::super::error::HttpError;
use super::super::{frame, page};
use super::{Proposed, drafted, page_with, preview_of};
use crate::desk::frame::{Frame, Section};
use crate::desk::references::Draft;
use crate::desk::references::row::{Key, RowPage};
use crate::desk::references::text::TextPage;
use crate::reference::typed::{self, Fault};
use crate::reference::{ReferenceError, ReferenceList};

/// The preview of a change.
pub(super) async fn preview(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    OfficerForm(visitor, proposed): OfficerForm<Proposed>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::References);
    let mut list = drafted(&shared.store, &name, &proposed).await?;
    match proposed.what.as_str() {
        "" => {}
        "retire" => list.references.clear(),
        "remove" => {
            let key = key(&proposed);
            list.references.retain(|reference| reference.key() != key.of());
        }
        "row" => {
            if let Err(faults) = put(&mut list, &proposed) {
                return wrong_row(frame, name, proposed, faults);
            }
        }
        "text" => match read(&name, &proposed) {
            Ok(read) => list = read,
            Err(error) => return wrong_text(frame, name, proposed, &error),
        },
        other => return Err(HttpError::FormField(format!("what: {other:?} is none of retire, remove, row, text"))),
    }
    page(&preview_of(&shared, frame, list, proposed.based_on, proposed.note).await?)
}

fn key(proposed: &Proposed) -> Key {
    Key { product: proposed.of_product.clone(), package: proposed.of_package.clone(), os: proposed.of_os.clone() }
}

fn put(list: &mut ReferenceList, proposed: &Proposed) -> Result<(), Vec<Fault>> {
    let key = key(proposed);
    let in_place_of = (!key.package.is_empty()).then(|| key.of());
    typed::put(&mut list.references, in_place_of, proposed.typed.read()?).map_err(|fault| vec![fault])
}

fn read(name: &str, proposed: &Proposed) -> Result<ReferenceList, ReferenceError> {
    match proposed.form.as_str() {
        "csv" => ReferenceList::from_csv(&proposed.text, name),
        _ => ReferenceList::from_toml_named(&proposed.text, name),
    }
}

fn wrong_row(frame: Frame, list: String, proposed: Proposed, faults: Vec<Fault>) -> Result<Response, HttpError> {
    let of = Some(key(&proposed)).filter(|key| !key.package.is_empty());
    let draft = Draft { list, based_on: proposed.based_on, content: proposed.draft };
    page_with(StatusCode::UNPROCESSABLE_ENTITY, &RowPage { frame, draft, of, typed: proposed.typed, faults })
}

fn wrong_text(frame: Frame, list: String, proposed: Proposed, error: &ReferenceError) -> Result<Response, HttpError> {
    let form = if proposed.form == "csv" { "csv" } else { "toml" };
    let draft = Draft { list, based_on: proposed.based_on, content: proposed.draft };
    let shown = TextPage { frame, draft, form, text: proposed.text, error: error.to_string() };
    page_with(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}
