//! What differs between two package lists, as people read it.

use std::collections::HashMap;

use report::package::Package;

use crate::package_set::Difference;
use crate::store::{Store, StoreError};

/// A package that differs between two lists.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
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

impl std::fmt::Display for PackageChange {
    /// `+name version`, `-name version`, or `name old -> new`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, "{} {from} -> {to}", self.name),
            (Some(from), None) => write!(f, "-{} {from}", self.name),
            (None, to) => write!(f, "+{} {}", self.name, to.as_deref().unwrap_or_default()),
        }
    }
}

/// A difference by name and architecture: an old and a new version of one package are one change.
///
/// # Errors
/// [`StoreError`].
pub async fn changed_packages(store: &Store, difference: &Difference) -> Result<Vec<PackageChange>, StoreError> {
    let ids: Vec<i64> = difference.removed.iter().chain(&difference.added).copied().collect();
    Ok(changes_between(&store.packages(&ids).await?, difference))
}

/// The same, of packages that were fetched before; an id that is not among `packages` is left out.
#[must_use]
pub fn changes_between(packages: &HashMap<i64, Package<'static>>, difference: &Difference) -> Vec<PackageChange> {
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
    changes
}

/// Versions that left and versions that came.
type Versions<'a> = (Vec<&'a str>, Vec<&'a str>);
