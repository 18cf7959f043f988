//! `/campaigns`: campaigns and what is written to their sites; whoever may only look sees what concerns them.

mod exceptions;
mod letter;
mod life;
mod list;
mod messages;
mod new;
mod outbox;
mod show;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;

use super::super::Shared;
use super::super::error::HttpError;
use super::super::visitor::Visitor;
use super::page;
use crate::answers::AnswerError;
use crate::answers::campaign;
use crate::campaign::Campaign;

/// Every page of campaigns.
pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/campaigns", get(list::show).post(new::create))
        .route("/campaigns/new", get(new::show))
        .route("/campaigns/{id}", get(show::show))
        .route("/campaigns/{id}/close", post(life::close))
        .route("/campaigns/{id}/reopen", post(life::reopen))
        .route("/campaigns/{id}/exceptions", post(exceptions::grant))
        .route("/campaigns/{id}/exceptions/{exception}/end", post(exceptions::end))
        .route("/campaigns/{id}/messages", get(messages::show))
        .route("/campaigns/{id}/letter", post(letter::preview))
        .route("/campaigns/{id}/approve", post(outbox::approve))
        .route("/campaigns/{id}/discard", post(outbox::discard))
        .route("/campaigns/{id}/again", post(outbox::again))
}

/// A button that has no field but its proof.
#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

/// The campaign that an address names, if whoever asks may see it.
async fn named(shared: &Shared, visitor: &Visitor, id: &str) -> Result<Campaign, HttpError> {
    let number = id.parse().map_err(|_| AnswerError::NoCampaign(id.to_owned()))?;
    Ok(campaign::one(&shared.store, &visitor.viewer.scope, number).await?)
}

/// A page with what is wrong on it.
fn faulty(template: &impl askama::Template) -> Result<Response, HttpError> {
    let mut response = page(template)?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}
