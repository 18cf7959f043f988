//! `GET /references`: every list.

use axum::extract::State;
use axum::response::Response;

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::super::visitor::Visitor;
use super::super::{frame, page};
use crate::desk::frame::{Frame, Section};
use crate::desk::references::{NewList, References};
use crate::store::ListVersion;

/// Every list, and a form for a new one.
pub(super) async fn show(State(shared): State<Shared>, visitor: Visitor) -> Result<Response, HttpError> {
    page(&of(&shared, frame(visitor, Section::References), NewList::default(), String::new()).await?)
}

/// The page, with what was typed of a new list and what is wrong with it.
pub(super) async fn of(shared: &Shared, frame: Frame, typed: NewList, error: String) -> Result<References, HttpError> {
    let mut lists: Vec<ListVersion> = Vec::new();
    for version in shared.store.reference_versions(None).await? {
        match lists.last_mut() {
            Some(last) if last.name == version.name => *last = version,
            _ => lists.push(version),
        }
    }
    Ok(References { frame, lists, typed, error })
}
