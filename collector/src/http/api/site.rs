//! `GET /api/v1/sites/{site}`: one site.

use axum::extract::State as Axum;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::Wanted;
use super::inbox::{self, InboxReport};
use super::overview::{MatrixCell, cells};
use super::question::{Nothing, Pieces, Question};
use super::rows::{self, number, rows};
use crate::answers::campaign::SiteInCampaign;
use crate::answers::site;
use crate::answers::warnings::WarningKind;
use crate::registry::SiteEntry;

rows! {
    /// How many hosts have a kind of warning.
    struct WarningCount {
        /// The kind: `silent`, `unsigned`, `outside` (of the site's networks), `clock_ahead`, or `complaint` (of the host's own).
        warning: String,
        /// How many hosts.
        hosts: i64,
    }

    /// An open campaign that asks the site.
    struct SiteCampaign {
        /// Its number.
        id: i64,
        /// Its name.
        campaign: String,
        /// The last day on which the site is on time, UTC.
        deadline: String,
        /// How far the site is.
        state: String,
        /// Since when, where that is known.
        since: Option<String>,
        /// Its hosts that are asked.
        hosts: i64,
        /// Its hosts that are still to be done.
        to_do: i64,
    }
}

/// A site.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Site {
    /// Its name.
    site: String,
    /// What registries say of it; none for a site that none of them knows.
    registered: Option<Registered>,
    /// The systems that its hosts have: short names, or their own words where they have none.
    systems: Vec<String>,
    /// Its hosts by what a person should look at; the hosts themselves are at `/hosts?warned=true&site=`.
    warnings: Vec<WarningCount>,
    /// Open campaigns that ask it.
    campaigns: Vec<SiteCampaign>,
    /// Its newest reports, at most 15.
    reports: Vec<InboxReport>,
    /// Its hosts by state, in all and for each product; empty for a site that never reported.
    products: Vec<MatrixCell>,
}

/// What registries say of a site.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Registered {
    /// Which registries know it.
    known_by: Vec<String>,
    /// Its country.
    country: String,
    /// Its tier.
    tier: String,
    /// Whom to write to.
    contact: Vec<String>,
    /// Whom to write to on security.
    security: Vec<String>,
    /// Its networks.
    networks: Vec<String>,
}

/// One site
///
/// What is registered of it, its hosts by state and by warning, its campaigns and newest reports. Its hosts are at `/hosts?site=`.
/// CSV has the hosts by state. A site that may not be seen is as if it did not exist.
#[utoipa::path(get, path = "/sites/{site}", tag = "sites", params(("site" = String, Path, description = "The site")),
    responses((status = 200, description = "The site", body = Site), (status = 404)))]
pub(super) async fn show(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Pieces(name): Pieces<String>,
    Question(Nothing {}): Question<Nothing>,
) -> Result<Response, HttpError> {
    let (store, judge, scope) = (&shared.store, &shared.judge, &asker.viewer.scope);
    let Some(found) = site::answer(store, judge, scope, &name, shared.reading(asker.now)).await? else {
        return Err(HttpError::NoSite(name));
    };
    let count =
        |(kind, hosts): (WarningKind, usize)| WarningCount { warning: kind.as_str().to_owned(), hosts: number(hosts) };
    let site = Site {
        registered: found.entry.as_ref().map(registered),
        systems: found.systems(),
        warnings: found.warnings().into_iter().map(count).collect(),
        products: found.line.iter().flat_map(|line| cells(line, &found.products, None)).collect(),
        campaigns: found.campaigns.into_iter().map(campaign).collect(),
        reports: found.reports.into_iter().map(inbox::row).collect(),
        site: name,
    };
    wanted.object(&site, None, || rows::table(&site.products))
}

fn campaign(asks: SiteInCampaign) -> SiteCampaign {
    let SiteInCampaign { id, name, deadline, site } = asks;
    SiteCampaign {
        id,
        campaign: name,
        deadline: deadline.to_string(),
        state: site.state.as_str().to_owned(),
        since: site.since.map(|since| since.to_string()),
        hosts: site.tally.asked(),
        to_do: site.tally.open(),
    }
}

fn registered(entry: &SiteEntry) -> Registered {
    Registered {
        known_by: entry.sources.iter().map(|source| source.as_str().to_owned()).collect(),
        country: entry.site.country.clone(),
        tier: entry.site.tier.clone(),
        contact: entry.site.contact.clone(),
        security: entry.site.security.clone(),
        networks: entry.site.prefixes.iter().map(ToString::to_string).collect(),
    }
}
