//! `GET /api/v1/registry`: what registries say of sites.

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

/// Registered sites
///
/// Every site that a registry or the operator names, by name.
#[utoipa::path(get, path = "/registry", tag = "sites", params(Asked), responses((status = 200, description = "A page of sites", body = List<RegisteredSite>)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let directory = shared.store.directory().await?;
    let after = asked.cursor.as_ref().map(Cursor::word);
    let mut entries = directory.iter().filter(|entry| {
        let name = entry.site.name.as_str();
        asker.viewer.scope.holds(name) && after.is_none_or(|after| name > after)
    });
    let items: Vec<RegisteredSite> = entries.by_ref().take(asked.limit.rows()).map(row).collect();
    let next = entries.next().and(items.last()).map(|last| Cursor::after(&[&last.site]));
    wanted.rows(&List { items, next })
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
