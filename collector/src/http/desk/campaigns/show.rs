//! `GET /campaigns/{id}`: one campaign.

use axum::extract::{Path, State};
use axum::response::Response;

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::super::question::Question;
use super::super::super::visitor::Visitor;
use super::super::{frame, page};
use super::named;
use crate::access::Scope;
use crate::answers::campaign::{self, CampaignProgress};
use crate::campaign::Campaign;
use crate::days::day;
use crate::desk::campaigns::show::{CampaignPage, HOSTS_PER_PAGE};
use crate::desk::chart::{Chart, Mark, Series};
use crate::desk::frame::{Frame, Paging, Section};
use crate::desk::piece;
use crate::store::MessageState;

/// The site whose hosts are asked for, and which part of them.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    site: String,
    page: usize,
}

/// One campaign, as far as it may be seen.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path(id): Path<String>,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let campaign = named(&shared, &visitor, &id).await?;
    let frame = frame(visitor, Section::Campaigns);
    page(&shown(&shared, frame, campaign, asked, (String::new(), Default::default())).await?)
}

/// The page; with an exception that was written, and what is wrong with it.
pub(super) async fn shown(
    shared: &Shared,
    frame: Frame,
    campaign: Campaign,
    asked: Asked,
    (error, typed): (String, [String; 4]),
) -> Result<CampaignPage, HttpError> {
    let (store, judge, scope) = (&shared.store, &shared.judge, &frame.viewer.scope);
    let reading = shared.reading(frame.now);
    let progress = campaign::progress(store, judge, scope, campaign, reading).await?;
    let site = match (asked.site, scope) {
        // Whoever sees one site alone came for its hosts.
        (site, Scope::Sites(sites)) if site.is_empty() && sites.len() == 1 => sites.iter().cloned().collect(),
        (site, _) => site,
    };
    let mut hosts = Vec::new();
    if !site.is_empty() && progress.campaign.closed.is_none() {
        let of_site = scope.narrowed(Some(&site));
        hosts = campaign::hosts(store, judge, &of_site, &progress.campaign, &progress.exceptions, reading).await?;
    }
    let link = format!("?site={}&page=", piece(&site));
    let paging = Paging::of(hosts.len(), HOSTS_PER_PAGE, asked.page, link);
    let hosts = hosts.into_iter().skip((paging.page - 1) * HOSTS_PER_PAGE).take(HOSTS_PER_PAGE).collect();
    let messages = if frame.may_change() { store.messages(progress.campaign.id).await? } else { Vec::new() };
    let mailed = campaign::last_mails(&messages);
    let previews = messages
        .iter()
        .filter(|message| message.state == MessageState::Preview && message.content.follows.is_none())
        .count();
    let sites = progress.sites.iter().map(|site| (site.clone(), mailed.get(site.site.as_str()).copied()));
    Ok(CampaignPage {
        sites: sites.collect(),
        chart: chart(&progress),
        previews,
        site,
        hosts,
        paging,
        error,
        typed,
        progress,
        frame,
    })
}

/// What is left to do, and the straight way from the first day to the deadline.
fn chart(progress: &CampaignProgress) -> Option<Chart> {
    let left = progress.burn_down.total();
    let (first, open) = *left.first()?;
    let deadline = day(progress.campaign.deadline);
    Some(Chart {
        id: "burn-down",
        title: "Hosts left to do".to_owned(),
        unit: "hosts",
        series: vec![
            Series { name: "left to do".to_owned(), points: left, filled: true },
            Series { name: "an even pace".to_owned(), points: vec![(first, open), (deadline, 0)], filled: false },
        ],
        marks: vec![Mark { day: deadline, name: "deadline".to_owned() }],
    })
}
