//! `POST /campaigns/{id}/close`, `POST /campaigns/{id}/reopen`: the end of a campaign, and its return.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::super::super::Shared;
use super::super::super::change::OfficerForm;
use super::super::super::error::HttpError;
use super::{Nothing, named};
use crate::answers::campaign;
use crate::clock;

/// Closes a campaign; a closed one stays as it is.
pub(super) async fn close(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    OfficerForm(visitor, Nothing {}): OfficerForm<Nothing>,
) -> Result<Response, HttpError> {
    let now = clock::now();
    let campaign = named(&shared, &visitor, &id).await?;
    let deed = visitor.by(now.as_second());
    if shared.store.close_campaign(campaign.id, now.as_second(), &deed.did("campaign close", &campaign.name)).await? {
        let by = (visitor.viewer.name.as_str(), now);
        campaign::announce(&shared.store, &campaign, "campaign.closed", &shared.sending, by).await?;
    }
    back(campaign.id)
}

/// Opens a campaign again; an open one stays as it is.
pub(super) async fn reopen(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    OfficerForm(visitor, Nothing {}): OfficerForm<Nothing>,
) -> Result<Response, HttpError> {
    let campaign = named(&shared, &visitor, &id).await?;
    let deed = visitor.by(clock::now().as_second());
    shared.store.close_campaign(campaign.id, 0, &deed.did("campaign reopen", &campaign.name)).await?;
    back(campaign.id)
}

fn back(id: i64) -> Result<Response, HttpError> {
    Ok(Redirect::to(&format!("/campaigns/{id}")).into_response())
}
