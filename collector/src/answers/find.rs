//! Which hosts have a package, now or at a date, page by page: the versions are ordered once, the hosts are found by their lists.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use report::package::Package;

use super::host_list::past_hosts;
use super::judge::Judge;
use super::select::{HostsAsked, Page, Place, Selection};
use super::{AnswerError, time};
use crate::access::Scope;
use crate::query::PackageQuery;
use crate::store::{Store, StoreError};

/// A package on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The host's site.
    pub site: String,
    /// The host.
    pub host: String,
    /// Short name of its system, if we know one.
    pub os: Option<String>,
    /// The tag that its site gave it.
    pub tag: String,
    /// The package.
    pub package: Package<'static>,
    /// The host's last report, not after the date that is asked for.
    pub last_news: Timestamp,
}

/// Packages that the question matches, by host and then by name and version, after a place; `limit` is exceeded only to
/// show one host whole.
///
/// The states of hosts and their products are not looked at.
///
/// # Errors
/// [`AnswerError`].
pub async fn page(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    (question, asked, at): (&PackageQuery, &HostsAsked, Option<Timestamp>),
    (after, limit): (Option<&Place>, usize),
    (now, stale_after_days): (Timestamp, u32),
) -> Result<Page<Found, Place>, AnswerError> {
    let packages = matching(store, question).await?;
    let ids: HashSet<i64> = packages.keys().copied().collect();
    let asked = &HostsAsked { product: None, state: None, ..asked.clone() };
    match at {
        None => {
            let mut selection = Selection::of_present(store, judge, scope, asked, (now, stale_after_days)).await?;
            let held = store.held(&selection.lists(), &ids).await?;
            selection.retain_lists(|list| held.get(&list).is_some_and(|held| !held.is_empty()));
            let hosts = selection.hosts_after(store, after, limit.saturating_add(1)).await?;
            let rows = hosts.into_iter().map(|host| {
                let facts = selection.facts.get(&host.facts).cloned().unwrap_or_default();
                let of_host = OfHost {
                    os: facts.os.as_deref().map(str::to_owned),
                    tag: facts.tag.clone(),
                    last_news: time(host.last_news),
                    place: (host.site, host.name),
                };
                (of_host, held.get(&host.list).map(Vec::as_slice).unwrap_or_default())
            });
            Ok(filled(rows, &packages, limit, selection.hosts()))
        }
        Some(at) => {
            let hosts = past_hosts(store, scope, asked, at, stale_after_days).await?;
            let mut lists: Vec<i64> = hosts.iter().map(|host| host.state.list).collect();
            lists.sort_unstable();
            lists.dedup();
            let held = store.held(&lists, &ids).await?;
            let having = |list: i64| held.get(&list).map(Vec::as_slice).unwrap_or_default();
            let all = hosts.iter().filter(|host| !having(host.state.list).is_empty()).count();
            let rows = hosts.into_iter().map(|host| {
                let of_host = OfHost {
                    os: host.os,
                    tag: host.tag,
                    last_news: time(host.state.last_news),
                    place: (host.state.site, host.state.name),
                };
                (of_host, having(host.state.list))
            });
            let rows = rows
                .filter(|(host, held)| !held.is_empty() && after.is_none_or(|after| host.place > *after))
                .take(limit.saturating_add(1));
            Ok(filled(rows, &packages, limit, i64::try_from(all).ok()))
        }
    }
}

/// How many hosts of each site a question finds now.
///
/// # Errors
/// [`AnswerError`].
pub async fn by_site(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    (question, asked): (&PackageQuery, &HostsAsked),
    (now, stale_after_days): (Timestamp, u32),
) -> Result<BTreeMap<String, i64>, AnswerError> {
    let packages = matching(store, question).await?;
    let mut selection = Selection::of_present(store, judge, scope, asked, (now, stale_after_days)).await?;
    let held = store.held(&selection.lists(), &packages.keys().copied().collect()).await?;
    selection.retain_lists(|list| held.get(&list).is_some_and(|held| !held.is_empty()));
    Ok(selection.hosts_by_site())
}

/// Every package that the question matches, by id.
pub(super) async fn matching(
    store: &Store,
    question: &PackageQuery,
) -> Result<HashMap<i64, Package<'static>>, StoreError> {
    let named = match question.literal_name() {
        Some(name) => store.packages_named(&[name]).await?,
        None => {
            let mut names = store.package_names().await?;
            names.retain(|name| question.matches_name(name));
            store.packages_named(&names.iter().map(String::as_str).collect::<Vec<_>>()).await?
        }
    };
    let wanted = |package: &Package<'_>| question.matches_version(package.packager, &package.version);
    Ok(named.into_iter().filter(|(_, package)| wanted(package)).collect())
}

/// What all rows of a host share.
struct OfHost {
    place: Place,
    os: Option<String>,
    tag: String,
    last_news: Timestamp,
}

/// Hosts one after the other while the page holds them.
fn filled<'a>(
    hosts: impl Iterator<Item = (OfHost, &'a [i64])>,
    packages: &HashMap<i64, Package<'static>>,
    limit: usize,
    all: Option<i64>,
) -> Page<Found, Place> {
    let mut page = Page { items: Vec::new(), next: None, hosts: all };
    let mut last: Option<Place> = None;
    for (host, ids) in hosts {
        if !page.items.is_empty() && page.items.len() + ids.len() > limit {
            page.next = last;
            break;
        }
        let mut found: Vec<&Package<'static>> = ids.iter().filter_map(|id| packages.get(id)).collect();
        found.sort();
        page.items.extend(found.into_iter().map(|package| Found {
            site: host.place.0.clone(),
            host: host.place.1.clone(),
            os: host.os.clone(),
            tag: host.tag.clone(),
            package: package.clone(),
            last_news: host.last_news,
        }));
        last = Some(host.place);
    }
    page
}
