//! How a host changed over time.

use std::collections::HashMap;

use super::{AnswerError, one_host, time};
use crate::history::{self, Interval};
use crate::package_set::Difference;
use crate::store::{Store, StoreError};
use crate::table::{Cell, Table};

/// The states of a host, oldest first, with the number of packages that came and went.
///
/// # Errors
/// [`AnswerError`].
pub async fn answer(store: &Store, name: &str, site: Option<&str>) -> Result<Table, AnswerError> {
    let (host, site) = one_host(store, name, site).await?;
    let intervals = history::intervals(store.runs(host).await?);
    let ids: Vec<i64> = intervals.iter().map(|interval| interval.facts.facts).collect();
    let facts = store.facts(&ids).await?;
    let mut rows = Vec::with_capacity(intervals.len());
    let mut before: Option<(Interval, Vec<i64>)> = None;
    for interval in intervals {
        let packages = store.list(interval.facts.list).await?;
        let change = match &before {
            None => Vec::new(),
            Some((_, old)) => changes(store, &Difference::between(old, &packages)).await?,
        };
        let said_otherwise = before
            .as_ref()
            .map(|(old, _)| changed_facts(facts.get(&old.facts.facts), facts.get(&interval.facts.facts)))
            .unwrap_or_default();
        rows.push(vec![
            Cell::Text(site.clone()),
            Cell::Text(name.to_owned()),
            Cell::Time(Some(time(interval.from))),
            Cell::Time(Some(time(interval.last_seen))),
            Cell::Time(interval.until.map(time)),
            Cell::Number(i64::try_from(interval.reports).unwrap_or(i64::MAX)),
            Cell::Number(i64::try_from(packages.len()).unwrap_or(i64::MAX)),
            Cell::Text(change.into_iter().chain(said_otherwise).collect::<Vec<_>>().join(", ")),
        ]);
        before = Some((interval, packages));
    }
    let columns = vec!["site", "host", "from", "last_seen", "until", "reports", "packages", "changes"];
    Ok(Table { columns, rows })
}

/// What a difference says to people: `+name version`, `-name version`, or `name old -> new`.
///
/// # Errors
/// [`StoreError`].
pub async fn changes(store: &Store, difference: &Difference) -> Result<Vec<String>, StoreError> {
    Ok(changed_packages(store, difference)
        .await?
        .into_iter()
        .map(|change| match (change.from, change.to) {
            (Some(from), Some(to)) => format!("{} {from} -> {to}", change.name),
            (Some(from), None) => format!("-{} {from}", change.name),
            (None, to) => format!("+{} {}", change.name, to.unwrap_or_default()),
        })
        .collect())
}

/// A package that differs between two lists.
#[derive(Debug, PartialEq, Eq)]
pub struct PackageChange {
    /// Name of the package.
    pub name: String,
    /// Its architecture.
    pub arch: String,
    /// Version in the first list.
    pub from: Option<String>,
    /// Version in the second list.
    pub to: Option<String>,
}

/// A difference by name and architecture: an old and a new version of one package are one change.
///
/// # Errors
/// [`StoreError`].
pub async fn changed_packages(store: &Store, difference: &Difference) -> Result<Vec<PackageChange>, StoreError> {
    let ids: Vec<i64> = difference.removed.iter().chain(&difference.added).copied().collect();
    let packages = store.packages(&ids).await?;
    let mut by_name: HashMap<(&str, &str), Versions<'_>> = HashMap::new();
    for (ids, removed) in [(&difference.removed, true), (&difference.added, false)] {
        for package in ids.iter().filter_map(|id| packages.get(id)) {
            let versions = by_name.entry((&package.name, &package.arch)).or_default();
            if removed { versions.0.push(&package.version) } else { versions.1.push(&package.version) }
        }
    }
    let mut changes = Vec::new();
    for ((name, arch), (mut from, mut to)) in by_name {
        let change = |from: Option<&str>, to: Option<&str>| PackageChange {
            name: name.to_owned(),
            arch: arch.to_owned(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        if let ([old], [new]) = (from.as_slice(), to.as_slice()) {
            changes.push(change(Some(old), Some(new)));
            continue;
        }
        from.sort_unstable();
        to.sort_unstable();
        changes.extend(from.into_iter().map(|old| change(Some(old), None)));
        changes.extend(to.into_iter().map(|new| change(None, Some(new))));
    }
    changes.sort_by(|left, right| {
        (&left.name, &left.arch, &left.from, &left.to).cmp(&(&right.name, &right.arch, &right.from, &right.to))
    });
    Ok(changes)
}

/// Versions that left and versions that came.
type Versions<'a> = (Vec<&'a str>, Vec<&'a str>);

fn changed_facts(old: Option<&String>, new: Option<&String>) -> Vec<String> {
    let (Some(old), Some(new)) = (old, new) else { return Vec::new() };
    let value = |text: &str, name: &str| {
        text.lines().find_map(|line| line.split_once(": ").filter(|(n, _)| *n == name)).map(|(_, v)| v.to_owned())
    };
    new.lines()
        .filter_map(|line| line.split_once(": "))
        .filter_map(|(name, to)| {
            let from = value(old, name).unwrap_or_default();
            (from != to).then(|| format!("{name}: {from} -> {to}"))
        })
        .collect()
}
