//! Which hosts have a package, now or at a date.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{AnswerError, hosts_at, time};
use crate::access::Scope;
use crate::query::PackageQuery;
use crate::store::{Store, StoreError};
use crate::table::{Cell, Table};

/// One row for each host that may be seen and package that the question matches.
///
/// # Errors
/// [`AnswerError`].
pub async fn answer(
    store: &Store,
    scope: &Scope,
    question: &PackageQuery,
    at: Timestamp,
    site: Option<&str>,
) -> Result<Table, AnswerError> {
    let mut packages = candidates(store, question).await?;
    packages.retain(|(_, package)| question.matches_version(package.packager, &package.version));
    let ids: Vec<i64> = packages.iter().map(|(id, _)| *id).collect();
    let by_id: HashMap<_, _> = packages.into_iter().collect();
    let holders = store.lists_with(&ids).await?;
    let mut rows = Vec::new();
    for host in hosts_at(store, &scope.narrowed(site), at).await? {
        let mut found: Vec<_> =
            holders.get(&host.state.list).into_iter().flatten().filter_map(|id| by_id.get(id)).collect();
        found.sort();
        for package in found {
            rows.push(vec![
                Cell::Text(host.state.site.clone()),
                Cell::Text(host.state.name.clone()),
                Cell::Text(host.os.clone().unwrap_or_default()),
                Cell::Text(package.name.to_string()),
                Cell::Text(package.version.to_string()),
                Cell::Text(package.arch.to_string()),
                Cell::Time(Some(time(host.state.last_news))),
            ]);
        }
    }
    Ok(Table { columns: vec!["site", "host", "os", "package", "version", "arch", "last_report"], rows })
}

async fn candidates(
    store: &Store,
    question: &PackageQuery,
) -> Result<Vec<(i64, report::package::Package<'static>)>, StoreError> {
    if let Some(name) = question.literal_name() {
        return store.packages_named(&[name]).await;
    }
    let mut names = store.package_names().await?;
    names.retain(|name| question.matches_name(name));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    store.packages_named(&names).await
}
