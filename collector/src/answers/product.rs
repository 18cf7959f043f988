//! One package over the grid: which versions are where, what is asked of it, and who is behind by how much.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use report::package::{Package, Packager};
use report::version;

use super::AnswerError;
use super::judge::Judge;
use super::matrix::{Cell, end_of, stale_before};
use super::standard::Judged;
use crate::access::Scope;
use crate::compare::State;
use crate::reference::Reference;
use crate::store::Store;

/// A package.
#[derive(Debug)]
pub struct ProductAnswer {
    /// What is asked of it, each with the list that asks.
    pub references: Vec<(String, Reference)>,
    /// Its versions that are installed, the newest first.
    pub versions: Vec<VersionRow>,
    /// The sites that have it, by name.
    pub sites: Vec<SiteRow>,
    /// All hosts that have it.
    pub hosts: Cell,
}

/// A version that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    /// Its manager.
    pub packager: Packager,
    /// The version in its manager's form.
    pub version: String,
    /// Hosts that have it, by what is said of them.
    pub hosts: Cell,
    /// How many sites have such hosts.
    pub sites: usize,
    /// How many newer versions are installed somewhere.
    pub newer: usize,
}

/// A site that has the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRow {
    /// Its name.
    pub site: String,
    /// Its hosts that have the package.
    pub hosts: Cell,
    /// The versions there, the newest first, and on how many hosts.
    pub versions: Vec<(String, i64)>,
}

/// The order of versions of one package, rpm's and dpkg's apart.
type VersionKey<'a> = (Packager, &'a str);

/// A package as it is installed on the hosts that may be seen, now or at the end of a day, by the lists of then or of another time.
///
/// # Errors
/// [`AnswerError`].
pub async fn answer(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    package: &str,
    (day, lists_of): (Option<Date>, Option<Timestamp>),
    (now, stale_after_days): (Timestamp, u32),
) -> Result<ProductAnswer, AnswerError> {
    let named: HashMap<i64, Package<'static>> = store.packages_named(&[package]).await?.into_iter().collect();
    let groups = match day {
        Some(day) => store.groups_on(scope, crate::days::day(day)).await?,
        None => store.present_groups(scope, stale_before(now, stale_after_days)).await?,
    };
    let mut lists: Vec<i64> = groups.iter().map(|group| group.list).collect();
    lists.sort_unstable();
    lists.dedup();
    let asked: HashSet<i64> = named.keys().copied().collect();
    let held = store.held(&lists, &asked).await?;
    let having = |list: &i64| held.get(list).filter(|ids| !ids.is_empty());
    let groups: Vec<_> = groups.into_iter().filter(|group| having(&group.list).is_some()).collect();
    let standard = judge.standard_at(store, lists_of.unwrap_or_else(|| day.map_or(now, end_of))).await?;
    let states: Vec<(i64, i64)> = groups.iter().map(|group| (group.list, group.facts)).collect();
    let judged = judge.judge(store, &standard, &states).await?;

    let mut versions: HashMap<VersionKey<'_>, (Cell, BTreeSet<&str>)> = HashMap::new();
    let mut sites: BTreeMap<&str, (Cell, HashMap<VersionKey<'_>, i64>)> = BTreeMap::new();
    let mut hosts = Cell::default();
    for group in &groups {
        let state = state_of(judged.get(&(group.list, group.facts)), package);
        let site = sites.entry(&group.site).or_default();
        site.0.add(group, state);
        hosts.add(group, state);
        let ids = having(&group.list).map(Vec::as_slice).unwrap_or_default();
        let found: HashSet<VersionKey<'_>> =
            ids.iter().filter_map(|id| named.get(id)).map(|found| (found.packager, &*found.version)).collect();
        for key in found {
            let version = versions.entry(key).or_default();
            version.0.add(group, state);
            version.1.insert(&group.site);
            *site.1.entry(key).or_default() += group.hosts;
        }
    }
    let mut order: Vec<VersionKey<'_>> = versions.keys().copied().collect();
    order.sort_by(|left, right| newest_first(*left, *right));
    let row = |(place, key): (usize, &VersionKey<'_>)| {
        let (hosts, sites) = versions.get(key)?;
        let newer = order.iter().take(place).filter(|other| other.0 == key.0).count();
        Some(VersionRow { packager: key.0, version: key.1.to_owned(), hosts: *hosts, sites: sites.len(), newer })
    };
    Ok(ProductAnswer {
        references: references(&standard.lists, package),
        versions: order.iter().enumerate().filter_map(row).collect(),
        sites: sites.into_iter().map(|(site, (hosts, versions))| site_row(site, hosts, versions)).collect(),
        hosts,
    })
}

fn references(lists: &[Arc<crate::reference::ReferenceList>], package: &str) -> Vec<(String, Reference)> {
    let of_list = |list: &Arc<crate::reference::ReferenceList>| {
        let name = list.name.clone();
        let asked: Vec<_> = list.references.iter().filter(|asked| asked.package == package).cloned().collect();
        asked.into_iter().map(move |reference| (name.clone(), reference))
    };
    lists.iter().flat_map(of_list).collect()
}

/// What is said of the package where something is asked of it.
fn state_of(judged: Option<&Arc<Judged>>, package: &str) -> State {
    let found = judged.into_iter().flat_map(|judged| &judged.packages).filter(|found| found.package == package);
    found.map(|found| found.verdict.state).max().unwrap_or(State::Unknown)
}

fn site_row(site: &str, hosts: Cell, versions: HashMap<VersionKey<'_>, i64>) -> SiteRow {
    let mut versions: Vec<_> = versions.into_iter().collect();
    versions.sort_by(|(left, _), (right, _)| newest_first(*left, *right));
    let versions = versions.into_iter().map(|((_, version), hosts)| (version.to_owned(), hosts)).collect();
    SiteRow { site: site.to_owned(), hosts, versions }
}

fn newest_first((left, older): VersionKey<'_>, (right, newer): VersionKey<'_>) -> std::cmp::Ordering {
    left.cmp(&right).then_with(|| version::compare(left, newer, older)).then_with(|| older.cmp(newer))
}
