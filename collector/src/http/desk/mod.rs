//! The desk: one file a page, each for people who are known.

mod audit;
mod campaigns;
mod failure;
mod find;
mod host;
mod inbox;
mod overview;
mod product;
mod products;
mod references;
mod sign_in;
mod sign_out;
mod site;
mod sites;
mod style;

use askama::Template;
use axum::Router;
use axum::http::header;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::Shared;
use super::error::HttpError;
use super::guard::guard;
use super::patience::bounded;
use super::visitor::{Proven, Visitor};
use crate::clock;
use crate::desk::frame::{Frame, Section};

/// Every page; those that show data are behind the guard.
pub(super) fn router(shared: &Shared) -> Router<Shared> {
    Router::new()
        .route("/", get(overview::show))
        .route("/find", get(find::show))
        .route("/products", get(products::show))
        .route("/products/{package}", get(product::show))
        .route("/sites", get(sites::show))
        .route("/sites/{site}", get(site::show))
        .route("/hosts/{site}/{host}", get(host::show))
        .merge(references::router())
        .merge(campaigns::router())
        .route("/audit", get(audit::show))
        .merge(inbox::router())
        .route("/sign-out", post(sign_out::end))
        .route_layer(from_fn_with_state(shared.clone(), guard))
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/desk.css", get(style::sheet))
        .route("/icon.svg", get(style::icon))
        .layer(from_fn(bounded))
        .layer(from_fn(failure::as_page))
}

/// No script, no frame, nothing from outside: whatever a host put into its report stays text.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A page as an answer that no cache keeps and no other site frames.
pub(super) fn page(template: &impl Template) -> Result<Response, HttpError> {
    let html = template.render().map_err(|error| HttpError::Page(error.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    Ok((headers, html).into_response())
}

/// What surrounds the pages that a visitor sees.
pub(super) fn frame(visitor: Visitor, section: Section) -> Frame {
    let signed_in_here = matches!(visitor.proven, Proven::Session { .. });
    Frame { viewer: visitor.viewer, csrf: visitor.csrf, signed_in_here, now: clock::now(), section }
}
