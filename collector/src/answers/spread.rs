//! How a package's versions spread over the hosts, day by day.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use report::package::Package;
use report::version;

use crate::access::Scope;
use crate::history::day_of;
use crate::store::{Spread, Store, StoreError};

/// One version over the days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionSpread {
    /// The version, in its manager's form.
    pub version: String,
    /// Hosts at the end of each day on which the number changed (UTC, since 1970-01-01), and of today.
    pub days: Vec<(i64, i64)>,
}

impl VersionSpread {
    /// Hosts that have it now.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.days.last().map_or(0, |(_, hosts)| *hosts)
    }
}

/// Every version of a package that hosts had, oldest version first; a silent host counts until its news are stale.
///
/// # Errors
/// [`StoreError`].
pub async fn of(
    store: &Store,
    scope: &Scope,
    package: &str,
    now: Timestamp,
    stale_after_days: u32,
) -> Result<Vec<VersionSpread>, StoreError> {
    let packages = store.packages_named(&[package]).await?;
    let ids = counted_as(&packages);
    let stale_before = now.as_second().saturating_sub(i64::from(stale_after_days) * 86_400);
    let spread = store.spread(scope, &ids).await?;
    let silent = store.silent(scope, &ids, stale_before).await?;
    Ok(versions(&packages, spread, silent, day_of(now.as_second()), stale_after_days))
}

/// The same version for several architectures is one version.
fn counted_as(packages: &[(i64, Package<'static>)]) -> Vec<(i64, i64)> {
    let mut first: HashMap<(report::package::Packager, &str), i64> = HashMap::new();
    let mut counted = Vec::with_capacity(packages.len());
    for (id, package) in packages {
        counted.push((*id, *first.entry((package.packager, &package.version)).or_insert(*id)));
    }
    counted
}

fn versions(
    packages: &[(i64, Package<'static>)],
    spread: Vec<Spread>,
    silent: Vec<Spread>,
    today: i64,
    stale_after_days: u32,
) -> Vec<VersionSpread> {
    let by_id: HashMap<i64, &Package<'_>> = packages.iter().map(|(id, package)| (*id, package)).collect();
    let mut changes: HashMap<(report::package::Packager, &str), BTreeMap<i64, i64>> = HashMap::new();
    let left = silent.into_iter().map(|silent| Spread {
        day: silent.day + i64::from(stale_after_days) + 1,
        hosts: -silent.hosts,
        ..silent
    });
    for change in spread.into_iter().chain(left) {
        let Some(package) = by_id.get(&change.package) else { continue };
        let days = changes.entry((package.packager, &package.version)).or_default();
        *days.entry(change.day.min(today)).or_default() += change.hosts;
    }
    let mut versions: Vec<_> = changes.into_iter().collect();
    versions.sort_by(|((left, older), _), ((right, newer), _)| {
        left.cmp(right).then_with(|| version::compare(*left, older, newer)).then_with(|| older.cmp(newer))
    });
    let running = |days: BTreeMap<i64, i64>| {
        let mut hosts = 0;
        let mut points: Vec<(i64, i64)> = Vec::with_capacity(days.len() + 1);
        for (day, change) in days {
            hosts += change;
            points.push((day, hosts));
        }
        if points.last().is_some_and(|(day, _)| *day < today) {
            points.push((today, hosts));
        }
        points
    };
    let versions = versions
        .into_iter()
        .map(|((_, version), days)| VersionSpread { version: version.to_owned(), days: running(days) });
    versions.filter(|version| version.days.iter().any(|(_, hosts)| *hosts > 0)).collect()
}

#[cfg(test)]
mod tests {
    use report::package::Packager;

    use super::*;

    fn package(version: &str, arch: &str) -> Package<'static> {
        Package {
            name: "xrootd".into(),
            version: version.to_owned().into(),
            arch: arch.to_owned().into(),
            packager: Packager::Rpm,
        }
    }

    #[test]
    fn architectures_are_one_version_and_the_silent_leave() {
        let packages =
            [(1, package("0:10-1", "x86_64")), (2, package("0:9-1", "x86_64")), (3, package("0:9-1", "aarch64"))];
        let change = |package, day, hosts| Spread { package, day, hosts };
        assert_eq!(counted_as(&packages), [(1, 1), (2, 2), (3, 2)]);
        let spread = vec![change(2, 1, 5), change(2, 5, -2), change(1, 5, 2)];
        let told = versions(&packages, spread, vec![change(2, 2, 1)], 20, 7);
        let days: Vec<_> = told.iter().map(|version| (version.version.as_str(), version.days.clone())).collect();
        assert_eq!(days, [("0:9-1", vec![(1, 5), (5, 3), (10, 2), (20, 2)]), ("0:10-1", vec![(5, 2), (20, 2)])]);
        assert_eq!(told[1].now(), 2);
    }
}
