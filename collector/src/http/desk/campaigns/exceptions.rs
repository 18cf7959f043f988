//! `POST /campaigns/{id}/exceptions` and `.../{exception}/end`: sites and hosts that need not follow for now.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::super::super::Shared;
use super::super::super::change::OfficerForm;
use super::super::super::error::HttpError;
use super::super::frame;
use super::show::shown;
use super::{Nothing, faulty, named};
use crate::campaign::NewException;
use crate::clock;
use crate::days::{day, of as date_of};
use crate::desk::frame::Section;
use crate::store::StoredException;

/// The fields of the form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Written {
    site: String,
    host: String,
    reason: String,
    expires: String,
}

/// Grants an exception; what is wrong is shown with all that was written.
pub(super) async fn grant(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    OfficerForm(visitor, Written { site, host, reason, expires }): OfficerForm<Written>,
) -> Result<Response, HttpError> {
    let now = clock::now();
    let campaign = named(&shared, &visitor, &id).await?;
    let exception = match NewException::read(&campaign, [&site, &host, &reason, &expires], date_of(now)) {
        Ok(exception) => exception,
        Err(error) => {
            let frame = frame(visitor, Section::Campaigns);
            let written = (error.to_string(), [site, host, reason, expires]);
            return faulty(&shown(&shared, frame, campaign, Default::default(), written).await?);
        }
    };
    let stored = StoredException {
        id: 0,
        campaign: campaign.id,
        site: exception.site,
        host: exception.host,
        reason: exception.reason,
        author: visitor.viewer.name.clone(),
        created: now.as_second(),
        expires: day(exception.expires),
    };
    let object = format!("{}: {} {}", campaign.name, stored.site, stored.host);
    let deed = visitor.by(now.as_second()).did("campaign exception", object.trim_end());
    shared.store.add_exception(&stored, &deed).await?;
    back(campaign.id)
}

/// Ends an exception: from today on it counts no more.
pub(super) async fn end(
    State(shared): State<Shared>,
    Path((id, exception)): Path<(String, String)>,
    OfficerForm(visitor, Nothing {}): OfficerForm<Nothing>,
) -> Result<Response, HttpError> {
    let now = clock::now();
    let campaign = named(&shared, &visitor, &id).await?;
    if let Ok(number) = exception.parse() {
        let object = format!("{}: {number}", campaign.name);
        let deed = visitor.by(now.as_second()).did("campaign exception end", &object);
        shared.store.end_exception(campaign.id, number, day(date_of(now)) - 1, &deed).await?;
    }
    back(campaign.id)
}

fn back(id: i64) -> Result<Response, HttpError> {
    Ok(Redirect::to(&format!("/campaigns/{id}#exceptions")).into_response())
}
