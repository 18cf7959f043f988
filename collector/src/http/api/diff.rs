//! `GET /api/v1/hosts/{site}/{host}/diff`: what differs between two dates of a host, or between two hosts.

use axum::extract::State as Axum;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::{List, Wanted};
use super::moment::At;
use super::question::{Pieces, Question, Word};
use super::rows::rows;
use crate::answers::change;
use crate::answers::{host, time};
use crate::package_set;

rows! {
    /// A package that differs.
    struct PackageChange {
        /// Its name.
        package: String,
        /// Its architecture.
        arch: String,
        /// Its version on the first side.
        from: Option<String>,
        /// Its version on the second side.
        to: Option<String>,
    }
}

/// What may be asked.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// The date of the first side: of the host. Without it the state before the newest, or now when another host is compared.
    #[param(inline, required = false)]
    from: Option<At>,
    /// The date of the second side: of the host, or of the other one. Now unless another is asked for.
    #[param(inline, required = false)]
    to: Option<At>,
    /// Another host.
    #[param(inline, required = false)]
    other: Option<Word>,
    /// The site of the other host, when it is not the same.
    #[param(inline, required = false)]
    other_site: Option<Word>,
}

/// What differs
///
/// Between two dates of a host, or between a host and another one.
#[utoipa::path(get, path = "/hosts/{site}/{host}/diff", tag = "hosts",
    params(("site" = String, Path, description = "Its site"), ("host" = String, Path, description = "Its name"), Asked),
    responses((status = 200, description = "The differences", body = List<PackageChange>), (status = 404)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Pieces((site, name)): Pieces<(String, String)>,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let (store, scope) = (&shared.store, &asker.viewer.scope);
    let (from, to) = (asked.from.map(|at| at.0), asked.to.map(|at| at.0));
    let (first, second) = match (&asked.other, &asked.other_site) {
        (None, None) => {
            let second = host::state_at(store, scope, (&site, &name), to).await?;
            let from = from.unwrap_or_else(|| time(second.from.saturating_sub(1)));
            (host::state_at(store, scope, (&site, &name), Some(from)).await?, second)
        }
        (other, other_site) => {
            let other = other.as_ref().map_or(name.as_str(), |other| &other.0);
            let other_site = other_site.as_ref().map_or(site.as_str(), |site| &site.0);
            let first = host::state_at(store, scope, (&site, &name), from).await?;
            (first, host::state_at(store, scope, (other_site, other), to).await?)
        }
    };
    let lists = store.lists(&[first.facts.list, second.facts.list]).await?;
    let packages = |list| lists.get(&list).map_or(&[][..], Vec::as_slice);
    let between = package_set::Difference::between(packages(first.facts.list), packages(second.facts.list));
    let changes = change::changed_packages(store, &between).await?;
    wanted.rows(&List::whole(changes.into_iter().map(difference).collect()))
}

/// A change of a package as it is answered.
pub(super) fn difference(change: change::PackageChange) -> PackageChange {
    PackageChange { package: change.name, arch: change.arch, from: change.from, to: change.to }
}
