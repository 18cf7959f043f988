//! `GET /api/v1/products/{package}` and below: one package over the grid.

use axum::extract::State as Axum;
use axum::response::Response;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::{List, Wanted};
use super::moment::{At, Lists};
use super::question::{Nothing, Pieces, Question};
use super::references::{ReferenceRow, reference};
use super::rows::{self, number, rows};
use crate::answers::product::{self, ProductAnswer};
use crate::answers::spread;
use crate::answers::time;

rows! {
    /// A version that is installed.
    struct InstalledVersion {
        /// Its manager.
        packager: String,
        /// The version in its manager's form.
        version: String,
        /// Hosts that have it.
        hosts: i64,
        /// Of them compliant in this package.
        compliant: i64,
        /// Of them with no answer.
        unknown: i64,
        /// Of them behind.
        behind: i64,
        /// Of them blocked.
        blocked: i64,
        /// Of them without recent news; they are counted as unknown.
        stale: i64,
        /// How many sites have such hosts.
        sites: i64,
        /// How many newer versions are installed somewhere.
        newer: i64,
    }

    /// A site that has the package.
    struct ProductSite {
        /// The site.
        site: String,
        /// Hosts that have it.
        hosts: i64,
        /// Of them compliant in this package.
        compliant: i64,
        /// Of them with no answer.
        unknown: i64,
        /// Of them behind.
        behind: i64,
        /// Of them blocked.
        blocked: i64,
        /// Of them without recent news; they are counted as unknown.
        stale: i64,
        /// Its versions there, the newest first.
        versions: Vec<String>,
    }

    /// A version at a site.
    struct VersionAtSite {
        /// The site.
        site: String,
        /// The version in its manager's form.
        version: String,
        /// Hosts that have it.
        hosts: i64,
    }

    /// A version on a day.
    struct VersionOnDay {
        /// The version in its manager's form.
        version: String,
        /// The day (UTC); days on which nothing changed are left out.
        day: String,
        /// Hosts that had it at the end of that day.
        hosts: i64,
    }
}

/// A package.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProductPackage {
    /// Its name.
    package: String,
    /// Hosts that have it.
    hosts: i64,
    /// What is asked of it.
    references: Vec<ReferenceRow>,
    /// Its versions that are installed, the newest first.
    versions: Vec<InstalledVersion>,
}

/// What may be asked of a package.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct When {
    /// As it was at the end of this day (UTC), by the reference lists of that day.
    #[param(inline, required = false)]
    at: Option<At>,
    /// By the reference lists of this date instead, or of `now`.
    #[param(inline, required = false)]
    lists: Option<Lists>,
}

/// One package
///
/// Which versions are installed, now or on a day, and what is asked of it. CSV has the versions.
#[utoipa::path(get, path = "/products/{package}", tag = "products", params(When, ("package" = String, Path, description = "Its name")),
    responses((status = 200, description = "The package", body = ProductPackage)))]
pub(super) async fn show(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Pieces(package): Pieces<String>,
    Question(when): Question<When>,
) -> Result<Response, HttpError> {
    let found = answer(&shared, &asker, &package, when).await?;
    let row = |row: product::VersionRow| InstalledVersion {
        packager: row.packager.to_string(),
        version: row.version,
        hosts: row.hosts.counts.total(),
        compliant: row.hosts.counts.compliant,
        unknown: row.hosts.counts.unknown,
        behind: row.hosts.counts.behind,
        blocked: row.hosts.counts.blocked,
        stale: row.hosts.stale,
        sites: number(row.sites),
        newer: number(row.newer),
    };
    let product = ProductPackage {
        hosts: found.hosts.counts.total(),
        references: found.references.iter().map(|(list, asked)| reference(list, asked)).collect(),
        versions: found.versions.into_iter().map(row).collect(),
        package,
    };
    wanted.object(&product, None, || rows::table(&product.versions))
}

/// What may be asked of the versions by site.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct OnDay {
    /// As it was at the end of this day (UTC).
    #[param(inline, required = false)]
    at: Option<At>,
}

/// A package by site
///
/// How the hosts of each site stand that have it, now or on a day, and which versions are there.
#[utoipa::path(get, path = "/products/{package}/sites", tag = "products", params(When, ("package" = String, Path, description = "Its name")),
    responses((status = 200, description = "The sites", body = List<ProductSite>)))]
pub(super) async fn sites(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Pieces(package): Pieces<String>,
    Question(when): Question<When>,
) -> Result<Response, HttpError> {
    let found = answer(&shared, &asker, &package, when).await?;
    let row = |row: product::SiteRow| ProductSite {
        site: row.site,
        hosts: row.hosts.counts.total(),
        compliant: row.hosts.counts.compliant,
        unknown: row.hosts.counts.unknown,
        behind: row.hosts.counts.behind,
        blocked: row.hosts.counts.blocked,
        stale: row.hosts.stale,
        versions: row.versions.into_iter().map(|(version, _)| version).collect(),
    };
    wanted.rows(&List::whole(found.sites.into_iter().map(row).collect()))
}

/// The versions of a package by site
///
/// How many hosts of each site have which version, now or on a day.
#[utoipa::path(get, path = "/products/{package}/versions", tag = "products", params(OnDay, ("package" = String, Path, description = "Its name")),
    responses((status = 200, description = "The versions by site", body = List<VersionAtSite>)))]
pub(super) async fn versions(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Pieces(package): Pieces<String>,
    Question(OnDay { at }): Question<OnDay>,
) -> Result<Response, HttpError> {
    let found = answer(&shared, &asker, &package, When { at, lists: None }).await?;
    let rows = found.sites.into_iter().flat_map(|row| {
        let version = |(version, hosts)| VersionAtSite { site: row.site.clone(), version, hosts };
        row.versions.into_iter().map(version).collect::<Vec<_>>()
    });
    wanted.rows(&List::whole(rows.collect()))
}

/// A package over time
///
/// How many hosts had which version at the end of each day. A silent host counts until its news are stale.
#[utoipa::path(get, path = "/products/{package}/spread", tag = "products", params(("package" = String, Path, description = "Its name")),
    responses((status = 200, description = "The versions by day", body = List<VersionOnDay>)))]
pub(super) async fn spread(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Pieces(package): Pieces<String>,
    Question(Nothing {}): Question<Nothing>,
) -> Result<Response, HttpError> {
    let scope = &asker.viewer.scope;
    let versions = spread::of(&shared.store, scope, &package, asker.now, shared.stale_after_days).await?;
    let rows = versions.into_iter().flat_map(|spread| {
        let row = |(day, hosts)| VersionOnDay { version: spread.version.clone(), day: date(day).to_string(), hosts };
        spread.days.into_iter().map(row).collect::<Vec<_>>()
    });
    wanted.rows(&List::whole(rows.collect()))
}

async fn answer(shared: &Shared, asker: &Asker, package: &str, when: When) -> Result<ProductAnswer, HttpError> {
    let when = (when.at.map(|At(at)| super::date(at)), Lists::at(when.lists, asker.now));
    let (store, judge, scope) = (&shared.store, &shared.judge, &asker.viewer.scope);
    Ok(product::answer(store, judge, scope, package, when, (asker.now, shared.stale_after_days)).await?)
}

fn date(day: i64) -> Date {
    super::date(time(day.saturating_mul(86_400)))
}
