//! `POST /campaigns/{id}/approve`, `/discard`, `/again`: what becomes of messages that somebody has looked at.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use report::hash::Hash;
use serde::Deserialize;

use super::super::super::Shared;
use super::super::super::change::OfficerForm;
use super::super::super::error::HttpError;
use super::{Nothing, named};
use crate::clock;

/// The messages that are meant, by what they are known by: exactly those that were seen.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Meant {
    digest: Vec<String>,
}

impl Meant {
    fn read(&self) -> Result<Vec<Hash>, HttpError> {
        let hash = |digest: &String| digest.parse().map_err(|_| HttpError::FormField(format!("digest {digest:?}")));
        self.digest.iter().map(hash).collect()
    }
}

/// Queues what was seen and ticked; what is queued or sent already stays as it is.
pub(super) async fn approve(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    OfficerForm(visitor, meant): OfficerForm<Meant>,
) -> Result<Response, HttpError> {
    let campaign = named(&shared, &visitor, &id).await?;
    let deed = visitor.by(clock::now().as_second()).did("campaign approve", &campaign.name);
    shared.store.approve(campaign.id, &meant.read()?, &deed).await?;
    back(campaign.id)
}

/// Throws every preview away.
pub(super) async fn discard(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    OfficerForm(visitor, Nothing {}): OfficerForm<Nothing>,
) -> Result<Response, HttpError> {
    let campaign = named(&shared, &visitor, &id).await?;
    let deed = visitor.by(clock::now().as_second()).did("campaign discard", &campaign.name);
    shared.store.discard_previews(campaign.id, &deed).await?;
    back(campaign.id)
}

/// Queues a message again that failed.
pub(super) async fn again(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    OfficerForm(visitor, meant): OfficerForm<Meant>,
) -> Result<Response, HttpError> {
    let campaign = named(&shared, &visitor, &id).await?;
    let deed = visitor.by(clock::now().as_second()).did("campaign send again", &campaign.name);
    for digest in meant.read()? {
        shared.store.queue_again(campaign.id, digest, &deed).await?;
    }
    back(campaign.id)
}

fn back(id: i64) -> Result<Response, HttpError> {
    Ok(Redirect::to(&format!("/campaigns/{id}/messages")).into_response())
}
