//! `POST /references/{list}/store`: a previewed version is stored, unless another one came in between.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::super::super::Shared;
use super::super::super::change::OfficerForm;
use super::super::super::error::HttpError;
use super::super::frame;
use super::{Proposed, drafted, page_with, preview_of};
use crate::access::deed::By;
use crate::desk::frame::Section;
use crate::desk::piece;
use crate::store::{Added, NewVersion, retrying};

/// Stores a version. Where another one was faster nothing is stored: the differences are shown, and the person is asked
/// again.
pub(super) async fn store(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    OfficerForm(visitor, proposed): OfficerForm<Proposed>,
) -> Result<Response, HttpError> {
    let source = visitor.source.clone();
    let frame = frame(visitor, Section::References);
    let list = drafted(&shared.store, &name, &proposed).await?;
    let content = list.to_toml().map_err(|error| HttpError::Page(error.to_string()))?;
    let version = NewVersion {
        name: &name,
        by: By::viewer(&frame.viewer, &source, frame.now.as_second()),
        note: proposed.note.trim(),
        content: &content,
        size: i64::try_from(list.references.len()).unwrap_or(i64::MAX),
    };
    let added = retrying(|| async {
        let mut writing = shared.store.begin().await?;
        let added = writing.add_reference_list(&version, proposed.based_on).await?;
        if let Added::Stored(_) = added {
            writing.commit().await?;
        }
        Ok(added)
    });
    match added.await? {
        Added::Stored(number) => {
            Ok(Redirect::to(&format!("/references/{}?stored={number}", piece(&name))).into_response())
        }
        Added::Overtaken => {
            let shown = preview_of(&shared, frame, list, proposed.based_on, proposed.note).await?;
            page_with(StatusCode::CONFLICT, &shown)
        }
    }
}
