//! Who may change something: people who mean it, which a browser that signs them in by itself does not prove.

use axum::RequestPartsExt as _;
use axum::extract::{FromRequest, FromRequestParts, RawForm, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Shared;
use super::error::HttpError;
use super::peer::{self, Peer};
use super::visitor::Visitor;
use crate::clock;

/// Where programs put the proof that pages have in the field `csrf`.
const HEADER: &str = "x-csrf-token";

/// Somebody who means this request, whatever their role: with a token, or with the proof in [`HEADER`].
#[derive(Debug)]
pub(super) struct Author(pub(super) Visitor);

/// A form of somebody who means it, whatever their role: with a token, or with the proof in the field `csrf`.
#[derive(Debug)]
pub(super) struct AuthorForm<T>(pub(super) Visitor, pub(super) T);

/// A form of an officer who means it; see [`AuthorForm`].
#[derive(Debug)]
pub(super) struct OfficerForm<T>(pub(super) Visitor, pub(super) T);

impl FromRequestParts<Shared> for Author {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, HttpError> {
        let visitor = from_here(parts, shared).await?;
        let proof = parts.headers.get(HEADER).and_then(|proof| proof.to_str().ok()).unwrap_or_default();
        check_proof(&visitor, proof, shared)?;
        Ok(Author(visitor))
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for AuthorForm<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, HttpError> {
        let (mut parts, body) = request.into_parts();
        let visitor = from_here(&mut parts, shared).await?;
        let (proof, form) = read_form(Request::from_parts(parts, body)).await?;
        check_proof(&visitor, &proof, shared)?;
        Ok(AuthorForm(visitor, form))
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for OfficerForm<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, HttpError> {
        let AuthorForm(visitor, form) = AuthorForm::from_request(request, shared).await?;
        visitor.must_be_officer()?;
        Ok(OfficerForm(visitor, form))
    }
}

/// Who asks, unless a browser says that another site's page made it ask.
async fn from_here(parts: &mut Parts, shared: &Shared) -> Result<Visitor, HttpError> {
    let visitor: Visitor = parts.extract_with_state(shared).await?;
    if visitor.csrf_subject().is_some() {
        let trusted = Peer::of(parts)?.is_trusted(&shared.trusted_proxies);
        check_origin(&parts.headers, trusted)?;
    }
    Ok(visitor)
}

/// What a browser says of where a request came from (Fetch Metadata, RFC 6454), where it says anything.
pub(super) fn check_origin(headers: &HeaderMap, trusted_proxy: bool) -> Result<(), HttpError> {
    let said = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let ours = match (said("sec-fetch-site"), said("origin")) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == peer::asked_host(headers, trusted_proxy)
        }
        (None, None) => true,
    };
    if ours { Ok(()) } else { Err(HttpError::NotMeant) }
}

fn check_proof(visitor: &Visitor, proof: &str, shared: &Shared) -> Result<(), HttpError> {
    let Some(subject) = visitor.csrf_subject() else { return Ok(()) };
    let today = clock::now().as_second().div_euclid(86_400);
    if shared.csrf.holds(&subject, today, proof) { Ok(()) } else { Err(HttpError::NotMeant) }
}

/// The proof in a form, and its other fields.
pub(super) async fn read_form<T: DeserializeOwned>(request: Request) -> Result<(String, T), HttpError> {
    #[derive(Deserialize)]
    struct Proof {
        #[serde(default)]
        csrf: String,
    }
    let RawForm(bytes) = RawForm::from_request(request, &())
        .await
        .map_err(|rejection| HttpError::Form(rejection.body_text(), rejection.into_response().status()))?;
    let unreadable = |error: serde_html_form::de::Error| HttpError::FormField(error.to_string());
    let Proof { csrf } = serde_html_form::from_bytes(&bytes).map_err(unreadable)?;
    Ok((csrf, serde_html_form::from_bytes(&bytes).map_err(unreadable)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_sites_page_is_told_from_ours() {
        let check = |lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().unwrap());
            }
            check_origin(&headers, true).is_ok()
        };
        let behind = [("host", "desk"), ("x-forwarded-host", "desk:444")];
        for (lines, ours) in [
            (&[][..], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("origin", "https://desk:444")], true),
            (&[("origin", "https://desk")], false),
            (&[("origin", "https://evil")], false),
            (&[("origin", "null")], false),
            (&[("origin", "https://evil"), ("sec-fetch-site", "same-origin")], true),
        ] {
            assert_eq!(check(&[&behind[..], lines].concat()), ours, "{lines:?}");
        }
    }
}
