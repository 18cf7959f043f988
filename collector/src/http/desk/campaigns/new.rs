//! `GET /campaigns/new`, `POST /campaigns`: a new campaign.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::super::super::Shared;
use super::super::super::change::OfficerForm;
use super::super::super::error::HttpError;
use super::super::super::visitor::Visitor;
use super::super::{frame, page};
use super::faulty;
use crate::answers::campaign;
use crate::campaign::{CampaignError, Draft, Letter, Planned, choice};
use crate::clock;
use crate::days::{day, of as date_of};
use crate::desk::campaigns::new::{Choice, NewCampaignPage};
use crate::desk::frame::{Frame, Section};
use crate::reference::{Reference, ReferenceList};
use crate::store::StoredCampaign;

/// The fields of the form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Written {
    name: String,
    note: String,
    begins: String,
    deadline: String,
    sites: String,
    chosen: Vec<String>,
    pasted: String,
}

/// The empty form.
pub(super) async fn show(State(shared): State<Shared>, visitor: Visitor) -> Result<Response, HttpError> {
    visitor.must_be_officer()?;
    let frame = frame(visitor, Section::Campaigns);
    let begins = date_of(frame.now).to_string();
    let draft = Draft { begins, ..Draft::default() };
    page(&form(&active(&shared, &frame).await?, frame, draft, String::new()))
}

/// Begins a campaign; what is wrong is shown with all that was written.
pub(super) async fn create(
    State(shared): State<Shared>,
    OfficerForm(visitor, written): OfficerForm<Written>,
) -> Result<Response, HttpError> {
    let now = clock::now();
    let Written { name, note, begins, deadline, sites, chosen, pasted } = written;
    let draft = Draft { name, note, begins, deadline, sites, chosen: chosen.into_iter().collect(), pasted };
    let frame = frame(visitor.clone(), Section::Campaigns);
    let active = active(&shared, &frame).await?;
    let planned = match draft.read(&active, date_of(now)) {
        Ok(planned) => planned,
        Err(error) => return faulty(&form(&active, frame, draft, error.to_string())),
    };
    let stored = stored(planned, shared.sending.desk_url.is_some(), &visitor, now)?;
    let deed = visitor.by(now.as_second());
    let Some(id) = shared.store.add_campaign(&stored, &deed.did("campaign new", &stored.name)).await? else {
        return faulty(&form(&active, frame, draft, CampaignError::Taken(stored.name).to_string()));
    };
    let begun = campaign::one(&shared.store, &visitor.viewer.scope, id).await?;
    let by = (visitor.viewer.name.as_str(), now);
    campaign::announce(&shared.store, &begun, "campaign.started", &shared.sending, by).await?;
    Ok(Redirect::to(&format!("/campaigns/{id}")).into_response())
}

async fn active(shared: &Shared, frame: &Frame) -> Result<Vec<ReferenceList>, HttpError> {
    let standard = shared.judge.standard_at(&shared.store, frame.now).await?;
    Ok(standard.lists.iter().map(|list| list.as_ref().clone()).collect())
}

fn stored(
    planned: Planned,
    has_url: bool,
    visitor: &Visitor,
    now: jiff::Timestamp,
) -> Result<StoredCampaign, HttpError> {
    let letter = Letter::proposed(has_url);
    let content = planned.references.to_toml().map_err(|error| HttpError::Page(error.to_string()))?;
    Ok(StoredCampaign {
        id: 0,
        name: planned.name,
        note: planned.note,
        content,
        sites: planned.sites.into_iter().collect::<Vec<_>>().join("\n"),
        begins: day(planned.begins),
        deadline: day(planned.deadline),
        contacts: String::new(),
        subject: letter.subject,
        letter: letter.text,
        author: visitor.viewer.name.clone(),
        created: now.as_second(),
        closed: 0,
    })
}

fn form(active: &[ReferenceList], frame: Frame, draft: Draft, error: String) -> NewCampaignPage {
    let mut choices: BTreeMap<&str, BTreeMap<String, Choice>> = BTreeMap::new();
    for list in active {
        for reference in &list.references {
            let value = choice(&list.name, reference);
            let of_product = choices.entry(&reference.product).or_default();
            let choice = of_product.entry(value.clone()).or_insert_with(|| Choice {
                chosen: draft.chosen.contains(&value),
                value,
                list: list.name.clone(),
                package: reference.package.clone(),
                asked: Vec::new(),
            });
            choice.asked.push(asked(reference));
        }
    }
    let products =
        choices.into_iter().map(|(product, choices)| (product.to_owned(), choices.into_values().collect())).collect();
    NewCampaignPage { frame, products, draft, error }
}

/// What a reference asks for, in a few words.
fn asked(reference: &Reference) -> String {
    let os = reference.os.as_deref().unwrap_or("all systems");
    let minimum = reference.minimum.as_ref().map(|minimum| format!("{minimum} or newer"));
    let blocked = (!reference.blocked.is_empty()).then(|| format!("not {}", reference.blocked.join(", ")));
    format!("{os} {}", minimum.into_iter().chain(blocked).collect::<Vec<_>>().join(", "))
}
