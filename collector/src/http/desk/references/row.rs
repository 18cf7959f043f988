//! `/references/{list}/row`: the form for one reference, of the newest version or of a draft.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::super::super::Shared;
use super::super::super::change::OfficerForm;
use super::super::super::error::HttpError;
use super::super::super::question::Question;
use super::super::super::visitor::Visitor;
use super::super::{frame, page};
use super::{Proposed, only_officers};
use crate::answers::references;
use crate::desk::frame::Section;
use crate::desk::references::Draft;
use crate::desk::references::row::{Key, RowPage};
use crate::reference::typed::Typed;

/// Which reference; a new one when none is named.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    product: String,
    package: String,
    os: String,
}

/// The form for a reference of the newest version; one that is gone meanwhile is a new one.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path(list): Path<String>,
    Question(Asked { product, package, os }): Question<Asked>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::References);
    only_officers(&frame)?;
    let (stored, held) = references::version(&shared.store, &list, None).await?;
    let key = Key { product, package, os };
    let found = held.references.iter().find(|reference| reference.key() == key.of());
    let typed = match found {
        Some(reference) => Typed::of(reference),
        None => {
            Typed { product: key.product.clone(), package: key.package.clone(), os: key.os.clone(), ..Typed::default() }
        }
    };
    let draft = Draft { list, based_on: stored.version.number, content: String::new() };
    page(&RowPage { frame, draft, of: found.map(|_| key), typed, faults: Vec::new() })
}

/// The form for a new reference of a draft.
pub(super) async fn go_on(
    Path(list): Path<String>,
    OfficerForm(visitor, proposed): OfficerForm<Proposed>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::References);
    let draft = Draft { list, based_on: proposed.based_on, content: proposed.draft };
    page(&RowPage { frame, draft, of: None, typed: Typed::default(), faults: Vec::new() })
}
