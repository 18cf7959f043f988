//! `GET /api/v1/hosts/{site}/{host}/packages`: what a host has, or had.

use axum::extract::State as Axum;
use axum::response::Response;
use report::package::Package;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::{List, Wanted};
use super::cursor::Cursor;
use super::moment::At;
use super::question::{Limit, Pieces, Question, Word};
use super::rows::rows;
use crate::answers::host;
use crate::query::matches_pattern;

rows! {
    /// A package.
    struct InstalledPackage {
        /// Its name.
        package: String,
        /// Its version in its manager's form.
        version: String,
        /// Its architecture.
        arch: String,
        /// Its manager.
        packager: String,
    }
}

/// What may be asked of the list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// As it was then.
    #[param(inline, required = false)]
    at: Option<At>,
    /// Only names with this text in them, or with `*` and `?` that are like it.
    #[param(inline, required = false)]
    q: Option<Word>,
    /// Where the page before ended.
    #[param(inline, required = false)]
    cursor: Option<Cursor>,
    /// At most so many rows.
    #[param(inline, required = false)]
    limit: Limit,
}

/// A host's packages
///
/// Now or at a date, by name and version.
#[utoipa::path(get, path = "/hosts/{site}/{host}/packages", tag = "hosts",
    params(("site" = String, Path, description = "Its site"), ("host" = String, Path, description = "Its name"), Asked),
    responses((status = 200, description = "A page of packages", body = List<InstalledPackage>), (status = 404)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Pieces((site, name)): Pieces<(String, String)>,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let store = &shared.store;
    let state = host::state_at(store, &asker.viewer.scope, (&site, &name), asked.at.map(|at| at.0)).await?;
    let ids = store.list(state.facts.list).await?;
    let mut packages: Vec<Package<'static>> = store.packages(&ids).await?.into_values().collect();
    packages.sort();
    let named = |name: &str| match &asked.q {
        None => true,
        Some(Word(pattern)) if pattern.contains(['*', '?']) => matches_pattern(pattern, name),
        Some(Word(text)) => name.contains(text.as_str()),
    };
    let after = asked.cursor.as_ref().map(|cursor| cursor.words(4));
    let mut rows = packages
        .into_iter()
        .filter(|package| named(&package.name))
        .map(row)
        .filter(|row| after.as_deref().is_none_or(|after| place(row).as_slice() > after));
    let items: Vec<InstalledPackage> = rows.by_ref().take(asked.limit.rows()).collect();
    let next = rows.next().and(items.last()).map(|last| Cursor::after(&place(last)));
    wanted.rows(&List { items, next })
}

fn row(package: Package<'static>) -> InstalledPackage {
    InstalledPackage {
        package: package.name.into_owned(),
        version: package.version.into_owned(),
        arch: package.arch.into_owned(),
        packager: package.packager.to_string(),
    }
}

fn place(row: &InstalledPackage) -> [&str; 4] {
    [&row.package, &row.version, &row.arch, &row.packager]
}
