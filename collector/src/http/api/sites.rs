//! `GET /api/v1/sites`: every site that reported or that a registry knows.

use std::collections::BTreeMap;

use axum::extract::State as Axum;
use axum::response::Response;

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::{List, Wanted};
use super::by_name::ByName;
use super::question::Question;
use super::rows::{Time, rows};
use crate::answers::matrix;
use crate::registry::SiteEntry;

rows! {
    /// A site.
    #[derive(Default)]
    struct SiteSummary {
        /// Its name.
        site: String,
        /// Its country, as registered.
        country: String,
        /// Its tier, as registered.
        tier: String,
        /// Which registries know it.
        known_by: Vec<String>,
        /// Hosts that reported.
        hosts: i64,
        /// Compliant in everything that is asked of them.
        compliant: i64,
        /// With nothing worse than unknown.
        unknown: i64,
        /// With nothing worse than behind.
        behind: i64,
        /// With a version that must not run.
        blocked: i64,
        /// Without recent news; they are counted as unknown.
        stale: i64,
        /// Its newest report; none for a site that never reported.
        last_report: Option<Time>,
    }
}

/// Sites by name
///
/// Those that have hosts and those that a registry knows, with their hosts by state.
#[utoipa::path(get, path = "/sites", tag = "sites", params(ByName), responses((status = 200, description = "A page of sites", body = List<SiteSummary>)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Question(asked): Question<ByName>,
) -> Result<Response, HttpError> {
    let scope = &asker.viewer.scope;
    let matrix = matrix::at_present(&shared.store, &shared.judge, scope, asker.now, shared.stale_after_days).await?;
    let directory = shared.store.directory().await?;
    let mut sites: BTreeMap<String, SiteSummary> = BTreeMap::new();
    for entry in directory.iter().filter(|entry| scope.holds(&entry.site.name)) {
        sites.insert(entry.site.name.clone(), registered(entry));
    }
    for line in matrix.sites {
        let row =
            sites.entry(line.site.clone()).or_insert_with(|| SiteSummary { site: line.site, ..SiteSummary::default() });
        row.hosts = line.hosts.counts.total();
        row.compliant = line.hosts.counts.compliant;
        row.unknown = line.hosts.counts.unknown;
        row.behind = line.hosts.counts.behind;
        row.blocked = line.hosts.counts.blocked;
        row.stale = line.hosts.stale;
        row.last_report = line.hosts.last_news.map(Time);
    }
    wanted.rows(&asked.page(sites.into_values(), |row| &row.site))
}

fn registered(entry: &SiteEntry) -> SiteSummary {
    SiteSummary {
        site: entry.site.name.clone(),
        country: entry.site.country.clone(),
        tier: entry.site.tier.clone(),
        known_by: entry.sources.iter().map(|source| source.as_str().to_owned()).collect(),
        ..SiteSummary::default()
    }
}
