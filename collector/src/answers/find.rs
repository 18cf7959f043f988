//! Which hosts have a package, now or at a date, page by page: the versions are ordered once, the hosts are found by their lists.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use report::package::Package;

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

/// Packages on hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPage {
    /// By host and then by name and version.
    pub page: Page<Found, Place>,
    /// How many hosts of each site are on all pages; none where that is not known without reading them.
    pub by_site: BTreeMap<String, i64>,
}

/// Packages that the question matches, after a place; `limit` is exceeded only to show one host whole.
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
) -> Result<FoundPage, AnswerError> {
    let packages = matching(store, question).await?;
    let ids: HashSet<i64> = packages.keys().copied().collect();
    let asked = &HostsAsked { product: None, state: None, ..asked.clone() };
    let mut selection = Selection::of(store, judge, scope, (asked, at), (now, stale_after_days)).await?;
    let held = store.held(&selection.lists(), &ids).await?;
    selection.retain_lists(|list| held.get(&list).is_some_and(|held| !held.is_empty()));
    let having = |list: i64| held.get(&list).map(Vec::as_slice).unwrap_or_default();
    let of_host = |place: Place, facts: i64, last_news: i64| {
        let facts = selection.facts.get(&facts).cloned().unwrap_or_default();
        OfHost { os: facts.os.as_deref().map(str::to_owned), tag: facts.tag.clone(), last_news: time(last_news), place }
    };
    let more = limit.saturating_add(1);
    let rows: Vec<(OfHost, &[i64])> = match at {
        None => {
            let hosts = selection.hosts_after(store, after, more).await?.into_iter();
            hosts.map(|host| (of_host((host.site, host.name), host.facts, host.last_news), having(host.list))).collect()
        }
        Some(at) => {
            let hosts = selection.past_hosts_after(store, at, after, more).await?.into_iter();
            hosts.map(|host| (of_host((host.site, host.name), host.facts, host.last_news), having(host.list))).collect()
        }
    };
    let page = filled(rows.into_iter(), &packages, limit, selection.hosts());
    let by_site = if page.hosts.is_some() { selection.hosts_by_site() } else { BTreeMap::new() };
    Ok(FoundPage { page, by_site })
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
