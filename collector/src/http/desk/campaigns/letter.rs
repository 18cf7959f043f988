//! `POST /campaigns/{id}/letter`: keeps what is written to the sites, and makes the previews of the mails.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::super::super::Shared;
use super::super::super::change::OfficerForm;
use super::super::super::error::HttpError;
use super::super::frame;
use super::messages::shown;
use super::{faulty, named};
use crate::answers::campaign;
use crate::campaign::{Campaign, CampaignError, Contacts, Letter};
use crate::clock;
use crate::desk::frame::Section;

/// The fields of the form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Written {
    subject: String,
    text: String,
    contacts: String,
}

/// Shows every mail before any of them is sent; what is wrong is shown with all that was written.
pub(super) async fn preview(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    OfficerForm(visitor, written): OfficerForm<Written>,
) -> Result<Response, HttpError> {
    let now = clock::now();
    let campaign = named(&shared, &visitor, &id).await?;
    let (letter, contacts) = match read(&written, shared.sending.desk_url.is_some()) {
        Ok(read) => read,
        Err(error) => {
            let frame = frame(visitor, Section::Campaigns);
            let typed = [written.subject, written.text, written.contacts];
            return faulty(&shown(&shared, frame, campaign, Default::default(), (error.to_string(), typed)).await?);
        }
    };
    let kept = [letter.subject.as_str(), &letter.text, &contacts.to_string()];
    let by = visitor.by(now.as_second());
    shared.store.write_letter(campaign.id, kept, &by.did("campaign letter", &campaign.name)).await?;
    let campaign = Campaign { letter, contacts, ..campaign };
    let (store, judge, reading) = (&shared.store, &shared.judge, shared.reading(now));
    let progress = campaign::progress(store, judge, &visitor.viewer.scope, campaign, reading).await?;
    let messages = campaign::write(store, judge, &progress, &shared.sending, reading).await?;
    let campaign = progress.campaign;
    store.replace_mail_previews(campaign.id, &messages, &by.did("campaign preview", &campaign.name)).await?;
    Ok(Redirect::to(&format!("/campaigns/{}/messages", campaign.id)).into_response())
}

fn read(written: &Written, has_url: bool) -> Result<(Letter, Contacts), CampaignError> {
    let letter = Letter::read(&written.subject, &written.text)?;
    if letter.has_link() && !has_url {
        return Err(CampaignError::NoLink);
    }
    Ok((letter, Contacts::read(&written.contacts)?))
}
