//! `GET /api/v1/sites/{site}`: one site.

use axum::extract::State as Axum;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::Wanted;
use super::overview::{MatrixCell, cells};
use super::question::{Nothing, Pieces, Question};
use super::rows;
use crate::answers::matrix;
use crate::registry::SiteEntry;

/// A site.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Site {
    /// Its name.
    site: String,
    /// What registries say of it; none for a site that none of them knows.
    registered: Option<Registered>,
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
/// What is registered of it, and its hosts by state. Its hosts are at `/hosts?site=`. A site that may not be seen is as if it
/// did not exist.
#[utoipa::path(get, path = "/sites/{site}", tag = "sites", params(("site" = String, Path, description = "The site")),
    responses((status = 200, description = "The site", body = Site), (status = 404)))]
pub(super) async fn show(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Pieces(name): Pieces<String>,
    Question(Nothing {}): Question<Nothing>,
) -> Result<Response, HttpError> {
    let scope = asker.viewer.scope.narrowed(Some(&name));
    let entry = if scope.holds(&name) { shared.store.site_entry(&name).await? } else { SiteEntry::default() };
    let matrix = matrix::at_present(&shared.store, &shared.judge, &scope, asker.now, shared.stale_after_days).await?;
    let products: Vec<MatrixCell> = matrix.sites.iter().flat_map(|line| cells(line, &matrix.products, None)).collect();
    let registered = (!entry.sources.is_empty()).then(|| registered(&entry));
    if products.is_empty() && registered.is_none() {
        return Err(HttpError::NoSite(name));
    }
    let site = Site { site: name, registered, products };
    wanted.object(&site, None, || rows::table(&site.products))
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
