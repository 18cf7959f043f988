//! `GET /sites`: every site that reported or that a registry knows.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;

use super::super::Shared;
use super::super::error::HttpError;
use super::super::question::Question;
use super::super::visitor::Visitor;
use super::{frame, page};
use crate::answers::matrix;
use crate::desk::frame::{Paging, Section};
use crate::desk::piece;
use crate::desk::sites::{SITES_PER_PAGE, SiteRow, SitesPage};

/// What may be asked of the list.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    q: String,
    page: usize,
}

/// Sites by name.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::Sites);
    let scope = &frame.viewer.scope;
    let matrix = matrix::at_present(&shared.store, &shared.judge, scope, frame.now, shared.stale_after_days).await?;
    let directory = shared.store.directory().await?;
    let mut sites: BTreeMap<String, SiteRow> = BTreeMap::new();
    for entry in directory.iter().filter(|entry| scope.holds(&entry.site.name)) {
        let (country, tier) = (entry.site.country.clone(), entry.site.tier.clone());
        sites.insert(entry.site.name.clone(), SiteRow { name: entry.site.name.clone(), country, tier, hosts: None });
    }
    for line in matrix.sites {
        let row = sites.entry(line.site.clone()).or_insert_with(|| SiteRow {
            name: line.site,
            country: String::new(),
            tier: String::new(),
            hosts: None,
        });
        row.hosts = Some(line.hosts);
    }
    let wanted = asked.q.trim().to_lowercase();
    let found = |row: &SiteRow| row.name.to_lowercase().contains(&wanted) || row.country.to_lowercase() == wanted;
    let sites: Vec<SiteRow> = sites.into_values().filter(found).collect();
    let total = sites.len();
    let paging = Paging::of(total, SITES_PER_PAGE, asked.page, format!("/sites?q={}&page=", piece(&asked.q)));
    let sites = sites.into_iter().skip((paging.page - 1) * SITES_PER_PAGE).take(SITES_PER_PAGE).collect();
    page(&SitesPage { frame, sites, total, q: asked.q, paging })
}
