//! `GET /api/v1/sites`: every site that reported or that a registry knows.

use std::collections::BTreeMap;

use axum::extract::State as Axum;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::{List, Wanted};
use super::cursor::Cursor;
use super::question::{Limit, Question};
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

/// What may be asked of the list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Where the page before ended.
    #[param(inline, required = false)]
    cursor: Option<Cursor>,
    /// At most so many rows.
    #[param(inline, required = false)]
    limit: Limit,
}

/// Sites by name
///
/// Those that have hosts and those that a registry knows, with their hosts by state.
#[utoipa::path(get, path = "/sites", tag = "sites", params(Asked), responses((status = 200, description = "A page of sites", body = List<SiteSummary>)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Question(asked): Question<Asked>,
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
    let after = asked.cursor.as_ref().map(Cursor::word);
    let mut rows = sites.into_values().filter(|row| after.is_none_or(|after| row.site.as_str() > after));
    let items: Vec<SiteSummary> = rows.by_ref().take(asked.limit.rows()).collect();
    let next = rows.next().and(items.last()).map(|last| Cursor::after(&[&last.site]));
    wanted.rows(&List { items, next })
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
