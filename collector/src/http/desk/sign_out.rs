//! `POST /sign-out`: ends the session that a link began.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::super::Shared;
use super::super::change::AuthorForm;
use super::super::error::HttpError;
use super::super::visitor::{Proven, set_cookie};
use crate::clock;

/// The button has no field but its proof.
#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

/// Signs out.
pub(super) async fn end(
    State(shared): State<Shared>,
    AuthorForm(visitor, Nothing {}): AuthorForm<Nothing>,
) -> Result<Response, HttpError> {
    let Proven::Session { session, cookie } = visitor.proven else { return Err(HttpError::SignedInElsewhere) };
    let now = clock::now().as_second();
    shared.store.end_session(session, &visitor.by(now).did("sign-out", "")).await?;
    Ok(([(header::SET_COOKIE, set_cookie(cookie, "", 0))], Redirect::to("/sign-in")).into_response())
}
