//! `GET /api/v1/campaigns` and below: targets with a deadline, and how far sites are.

use axum::extract::State as Axum;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::{List, Wanted};
use super::question::{Nothing, Pieces, Question};
use super::references::{ReferenceRow, reference};
use super::rows::{self, Time, number, rows};
use crate::access::Role;
use crate::answers::campaign::{self, CampaignProgress};
use crate::campaign::SiteProgress;
use crate::days;
use crate::history::day_of;

rows! {
    /// A campaign with the numbers of the sites that may be seen.
    struct CampaignRow {
        /// Its number.
        id: i64,
        /// Its name.
        campaign: String,
        /// Where it is in its life: `coming`, `running`, `overdue` or `closed`.
        phase: String,
        /// Its first day, UTC.
        begins: String,
        /// The last day on which sites are on time, UTC.
        deadline: String,
        /// Sites that are asked.
        sites: i64,
        /// Hosts that are asked.
        hosts: i64,
        /// Hosts that are done.
        done: i64,
        /// Hosts that are still to be done.
        to_do: i64,
        /// Hosts that need not be done for now.
        excepted: i64,
        /// Of the hosts to do, those behind.
        behind: i64,
        /// Of the hosts to do, those with a blocked version.
        blocked: i64,
        /// Of the hosts to do, those of which it is not known.
        unknown: i64,
    }

    /// A site in a campaign.
    struct CampaignSite {
        /// The site.
        site: String,
        /// How far it is.
        state: String,
        /// Since when, where that is known.
        since: Option<String>,
        /// Hosts that are asked.
        hosts: i64,
        /// Hosts that are done.
        done: i64,
        /// Hosts behind.
        behind: i64,
        /// Hosts with a blocked version.
        blocked: i64,
        /// Hosts of which it is not known.
        unknown: i64,
        /// Hosts that need not be done for now.
        excepted: i64,
        /// When a mail was last sent to it; told to officers alone.
        last_mail: Option<Time>,
    }

    /// A site, or one host of it, that need not follow for now.
    struct CampaignException {
        /// The site.
        site: String,
        /// The host; none for the whole site.
        host: Option<String>,
        /// Why.
        reason: String,
        /// Who allowed it.
        author: String,
        /// The first day on which it holds, UTC.
        begins: String,
        /// The last day on which it holds, UTC.
        expires: String,
        /// Whether it holds now; of a closed campaign, whether it held when that was closed.
        in_force: bool,
    }

    /// Hosts that were still to be done on a day.
    struct BurnDownDay {
        /// The day, UTC; days on which nothing changed may be left out.
        day: String,
        /// Hosts that were not done at its end.
        to_do: i64,
    }
}

/// A campaign and how far its sites are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CampaignAnswer {
    /// Its numbers.
    summary: CampaignRow,
    /// What people should know of it.
    note: String,
    /// Who made it.
    author: String,
    /// When it was closed: then all this is as it was at the end of that day.
    closed: Option<Time>,
    /// The sites that were named and may be seen; none where all sites are asked.
    named: Vec<String>,
    /// What is asked.
    references: Vec<ReferenceRow>,
    /// The sites that may be seen, of most concern first.
    items: Vec<CampaignSite>,
    /// Their exceptions.
    exceptions: Vec<CampaignException>,
    /// How the number of hosts that are still to be done went down.
    burn_down: Vec<BurnDownDay>,
}

/// Campaigns
///
/// Every campaign that asks a site which may be seen, the newest first.
#[utoipa::path(get, path = "/campaigns", tag = "campaigns", responses((status = 200, description = "The campaigns", body = List<CampaignRow>)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Question(Nothing {}): Question<Nothing>,
) -> Result<Response, HttpError> {
    let (store, scope) = (&shared.store, &asker.viewer.scope);
    let mut rows = Vec::new();
    for found in campaign::all(store, scope).await? {
        let told = campaign::progress(store, &shared.judge, scope, found, shared.reading(asker.now)).await?;
        rows.push(summary(&told));
    }
    wanted.rows(&List::whole(rows))
}

/// One campaign
///
/// How far its sites are; their hosts are at `/campaigns/{campaign}/hosts`. CSV has the sites. A campaign that asks no site which may be seen is as if it did not exist.
#[utoipa::path(get, path = "/campaigns/{campaign}", tag = "campaigns", params(("campaign" = u32, Path, description = "Its number")),
    responses((status = 200, description = "The campaign", body = CampaignAnswer), (status = 404)))]
pub(super) async fn show(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Pieces(id): Pieces<u32>,
    Question(Nothing {}): Question<Nothing>,
) -> Result<Response, HttpError> {
    let (store, scope) = (&shared.store, &asker.viewer.scope);
    let found = campaign::one(store, scope, i64::from(id)).await?;
    let told = campaign::progress(store, &shared.judge, scope, found, shared.reading(asker.now)).await?;
    let is_officer = asker.viewer.role == Role::Officer;
    let messages = if is_officer { store.messages(told.campaign.id).await? } else { Vec::new() };
    let mailed = campaign::last_mails(&messages);
    let list = &told.campaign.references;
    let answer = CampaignAnswer {
        summary: summary(&told),
        note: told.campaign.note.clone(),
        author: told.campaign.author.clone(),
        closed: told.campaign.closed.map(Time),
        named: told.campaign.sites.iter().filter(|site| scope.holds(site)).cloned().collect(),
        references: list.references.iter().map(|asked| reference(&list.name, asked)).collect(),
        items: told.sites.iter().map(|told| site(told, mailed.get(told.site.as_str()).copied())).collect(),
        exceptions: told
            .exceptions
            .iter()
            .map(|exception| CampaignException {
                site: exception.site.clone(),
                host: exception.host.clone(),
                reason: exception.reason.clone(),
                author: exception.author.clone(),
                begins: days::date(day_of(exception.created)).to_string(),
                expires: days::date(exception.expires).to_string(),
                in_force: told.is_in_force(exception),
            })
            .collect(),
        burn_down: told
            .burn_down
            .total()
            .into_iter()
            .map(|(day, to_do)| BurnDownDay { day: days::date(day).to_string(), to_do })
            .collect(),
    };
    wanted.object(&answer, None, || rows::table(&answer.items))
}

fn summary(told: &CampaignProgress) -> CampaignRow {
    CampaignRow {
        id: told.campaign.id,
        campaign: told.campaign.name.clone(),
        phase: told.phase.as_str().to_owned(),
        begins: told.campaign.begins.to_string(),
        deadline: told.campaign.deadline.to_string(),
        sites: number(told.sites.len()),
        hosts: told.total.asked(),
        done: told.total.done,
        to_do: told.total.open(),
        excepted: told.total.excepted,
        behind: told.total.behind,
        blocked: told.total.blocked,
        unknown: told.total.unknown,
    }
}

fn site(site: &SiteProgress, mailed: Option<Timestamp>) -> CampaignSite {
    CampaignSite {
        site: site.site.clone(),
        state: site.state.as_str().to_owned(),
        since: site.since.map(|since| since.to_string()),
        hosts: site.tally.asked(),
        done: site.tally.done,
        behind: site.tally.behind,
        blocked: site.tally.blocked,
        unknown: site.tally.unknown,
        excepted: site.tally.excepted,
        last_mail: mailed.map(Time),
    }
}
