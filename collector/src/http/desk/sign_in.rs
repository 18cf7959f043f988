//! `GET /sign-in?link=...` shows a button, `POST /sign-in` uses the link up and begins a session.

use axum::extract::{Query, Request, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::super::Shared;
use super::super::change::{check_origin, read_form};
use super::super::error::HttpError;
use super::super::peer::{Peer, Source};
use super::super::visitor::{Way, cookie_value, set_cookie};
use super::page;
use crate::access::deed::By;
use crate::access::secret::{self, Secret};
use crate::clock;
use crate::desk::sign_in::SignIn;

/// The secret of a link.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    link: Option<String>,
}

/// Asks whether to sign in.
pub(super) async fn show(
    State(shared): State<Shared>,
    Query(Asked { link }): Query<Asked>,
    parts: Parts,
) -> Result<Response, HttpError> {
    match Way::of(&Peer::of(&parts)?, &parts.headers, &shared)? {
        // Whoever the proxy names needs no link.
        Way::Named { .. } => Ok(Redirect::to("/").into_response()),
        Way::Foreign => Err(HttpError::UnknownProxy),
        Way::Unnamed { .. } => page(&SignIn { link }),
    }
}

/// Signs in.
pub(super) async fn sign_in(State(shared): State<Shared>, request: Request) -> Result<Response, HttpError> {
    let (parts, body) = request.into_parts();
    let peer = Peer::of(&parts)?;
    let Way::Unnamed { cookie } = Way::of(&peer, &parts.headers, &shared)? else {
        return Err(HttpError::SignedInElsewhere);
    };
    check_origin(&parts.headers, peer.is_trusted(&shared.trusted_proxies))?;
    let Source(source) = Source::of(&peer, &parts.headers, &shared.trusted_proxies);
    let before = cookie_value(&parts.headers, cookie).map(secret::digest);
    let (_, Asked { link }) = read_form(Request::from_parts(parts, body)).await?;
    let link = secret::digest(&link.ok_or(HttpError::UsedLink)?);

    let session = Secret::new()?;
    let seconds = i64::from(shared.session_hours) * 3_600;
    let now = clock::now().as_second();
    let used = shared.store.use_link(link, session.digest(), (now, now.saturating_add(seconds)), &source).await?;
    let Some(viewer) = used else {
        let by = By { at: now, person: "", role: "", source: &source };
        shared.log.note(&by.did("sign-in refused", "by a link"));
        return Err(HttpError::UsedLink);
    };
    if let Some(before) = before {
        let deed = By::viewer(&viewer, &source, now).did("sign-out", "by signing in again");
        shared.store.end_session(before, &deed).await?;
    }
    let cookie = set_cookie(cookie, session.reveal(), seconds);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}
