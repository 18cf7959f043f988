//! `GET /api/v1/registry`: what registries say of sites.

use axum::extract::State as Axum;
use axum::response::Response;

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::{List, Wanted};
use super::by_name::ByName;
use super::question::Question;
use super::rows::rows;
use crate::registry::SiteEntry;

rows! {
    /// A site as registries describe it.
    struct RegisteredSite {
        /// Its name.
        site: String,
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
        /// Other names of it.
        also_called: Vec<String>,
    }
}

/// Registered sites
///
/// Every site that a registry or the operator names, by name.
#[utoipa::path(get, path = "/registry", tag = "sites", params(ByName), responses((status = 200, description = "A page of sites", body = List<RegisteredSite>)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Question(asked): Question<ByName>,
) -> Result<Response, HttpError> {
    let directory = shared.store.directory().await?;
    let entries = directory.iter().filter(|entry| asker.viewer.scope.holds(&entry.site.name));
    wanted.rows(&asked.page(entries.map(row), |row| &row.site))
}

fn row(entry: &SiteEntry) -> RegisteredSite {
    RegisteredSite {
        site: entry.site.name.clone(),
        known_by: entry.sources.iter().map(|source| source.as_str().to_owned()).collect(),
        country: entry.site.country.clone(),
        tier: entry.site.tier.clone(),
        contact: entry.site.contact.clone(),
        security: entry.site.security.clone(),
        networks: entry.site.prefixes.iter().map(ToString::to_string).collect(),
        also_called: entry.site.aliases.clone(),
    }
}
