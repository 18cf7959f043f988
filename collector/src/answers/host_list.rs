//! Hosts page by page, now or at a date, each with how it stands and why.

use jiff::Timestamp;

use super::judge::Judge;
use super::select::{HostsAsked, Page, Place, Selection, worst_package};
use super::standard::ComparedProduct;
use super::{AnswerError, Host, hosts_at, time};
use crate::access::Scope;
use crate::compare::State;
use crate::query::matches_pattern;
use crate::store::{PresentHost, Store};

/// A host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostLine {
    /// Its site.
    pub site: String,
    /// Its name.
    pub name: String,
    /// Short name of its system, if we know one.
    pub os: Option<String>,
    /// Its system in its own words.
    pub system: String,
    /// Its running kernel.
    pub kernel: String,
    /// The tag that its site gave it.
    pub tag: String,
    /// How many packages it has.
    pub packages: i64,
    /// How it stands, in the product that is asked for or in all.
    pub state: State,
    /// Why.
    pub reason: String,
    /// The first report that said all this.
    pub since: Timestamp,
    /// The last report, not after the date that is asked for.
    pub last_news: Timestamp,
    /// How the newest report came; none at a date.
    pub arrival: Option<HostArrival>,
}

/// How a host's newest report came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostArrival {
    /// When.
    pub received: Timestamp,
    /// The address it came from.
    pub source: String,
    /// Whether it was signed.
    pub signed: bool,
    /// When a report came that first said the same.
    pub changed: Timestamp,
}

/// Hosts by site and name after a place, at most so many: of now, or of a date.
///
/// # Errors
/// [`AnswerError`].
pub async fn page(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    (asked, at): (&HostsAsked, Option<Timestamp>),
    (after, limit): (Option<&Place>, usize),
    (now, stale_after_days): (Timestamp, u32),
) -> Result<Page<HostLine, Place>, AnswerError> {
    match at {
        None => of_present(store, judge, scope, asked, (after, limit), (now, stale_after_days)).await,
        Some(at) => of_past(store, judge, scope, asked, (after, limit), (at, stale_after_days)).await,
    }
}

async fn of_present(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    asked: &HostsAsked,
    (after, limit): (Option<&Place>, usize),
    (now, stale_after_days): (Timestamp, u32),
) -> Result<Page<HostLine, Place>, AnswerError> {
    let selection = Selection::of_present(store, judge, scope, asked, (now, stale_after_days)).await?;
    let mut hosts = selection.hosts_after(store, after, limit.saturating_add(1)).await?;
    let next = next(&mut hosts, limit, |host| (host.site.clone(), host.name.clone()));
    let sizes = store.sizes_of(&hosts.iter().map(|host| host.list).collect::<Vec<_>>()).await?;
    let line = |host: PresentHost| {
        let facts = selection.facts.get(&host.facts).cloned().unwrap_or_default();
        let state = (host.list, host.facts);
        let reason = reason(selection.worst(state), time(host.last_news), (now, stale_after_days));
        HostLine {
            os: facts.os.as_deref().map(str::to_owned),
            system: facts.system.clone(),
            kernel: facts.kernel.as_ref().to_owned(),
            tag: facts.tag.clone(),
            packages: sizes.get(&host.list).copied().unwrap_or_default(),
            state: selection.state(state, host.last_news),
            reason,
            since: time(host.since),
            last_news: time(host.last_news),
            arrival: Some(HostArrival {
                received: time(host.received),
                source: host.source,
                signed: host.signed,
                changed: time(host.changed),
            }),
            site: host.site,
            name: host.name,
        }
    };
    Ok(Page { items: hosts.into_iter().map(line).collect(), next, hosts: selection.hosts() })
}

async fn of_past(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    asked: &HostsAsked,
    (after, limit): (Option<&Place>, usize),
    (at, stale_after_days): (Timestamp, u32),
) -> Result<Page<HostLine, Place>, AnswerError> {
    let hosts = past_hosts(store, scope, asked, at, stale_after_days).await?;
    let standard = judge.standard_at(store, asked.lists_of.unwrap_or(at)).await?;
    let states: Vec<(i64, i64)> = hosts.iter().map(|host| (host.state.list, host.state.facts)).collect();
    let judged = judge.judge(store, &standard, &states).await?;
    let mut lines: Vec<HostLine> = Vec::new();
    let mut all = 0;
    let product = asked.product.as_deref();
    let mut lists = Vec::new();
    for host in hosts {
        let worst = judged.get(&(host.state.list, host.state.facts)).and_then(|judged| worst_package(judged, product));
        if worst.is_none() && product.is_some() {
            continue;
        }
        let last_news = time(host.state.last_news);
        let aged = worst.map(|found| found.with_age(last_news, at, stale_after_days));
        let state = aged.as_ref().map_or(State::Unknown, |found| found.verdict.state);
        if asked.state.is_some_and(|asked| asked != state) {
            continue;
        }
        all += 1;
        let place = (host.state.site.as_str(), host.state.name.as_str());
        if lines.len() > limit || after.is_some_and(|(site, name)| place <= (site.as_str(), name.as_str())) {
            continue;
        }
        lists.push(host.state.list);
        lines.push(HostLine {
            reason: reason(worst, last_news, (at, stale_after_days)),
            site: host.state.site,
            name: host.state.name,
            os: host.os,
            system: host.system,
            kernel: host.kernel,
            tag: host.tag,
            packages: host.state.list,
            state,
            since: time(host.state.since),
            last_news,
            arrival: None,
        });
    }
    let sizes = store.sizes_of(&lists).await?;
    for line in &mut lines {
        line.packages = sizes.get(&line.packages).copied().unwrap_or_default();
    }
    let next = next(&mut lines, limit, |line| (line.site.clone(), line.name.clone()));
    Ok(Page { items: lines, next, hosts: Some(all) })
}

/// The hosts of a date that are asked for, without regard to how they stood.
pub(super) async fn past_hosts(
    store: &Store,
    scope: &Scope,
    asked: &HostsAsked,
    at: Timestamp,
    stale_after_days: u32,
) -> Result<Vec<Host>, AnswerError> {
    let mut hosts = hosts_at(store, &scope.narrowed(asked.site.as_deref()), at).await?;
    let stale_before = super::matrix::stale_before(at, stale_after_days);
    hosts.retain(|host| {
        asked.os.as_deref().is_none_or(|os| os == host.os.as_deref().unwrap_or(&host.system))
            && asked.tag.as_deref().is_none_or(|tag| tag == host.tag)
            && asked.name.as_deref().is_none_or(|pattern| matches_pattern(pattern, &host.state.name))
            && asked.stale.is_none_or(|stale| stale == (host.state.last_news < stale_before))
            && asked.changed_since.is_none_or(|since| host.state.since >= since.as_second())
    });
    // The database's order of names is that of bytes, as ours.
    hosts.sort_by(|left, right| (&left.state.site, &left.state.name).cmp(&(&right.state.site, &right.state.name)));
    Ok(hosts)
}

/// Cuts what was read to a page and tells where the next one begins.
pub(super) fn next<T>(items: &mut Vec<T>, limit: usize, place: impl Fn(&T) -> Place) -> Option<Place> {
    let more = items.len() > limit;
    items.truncate(limit);
    items.last().filter(|_| more).map(place)
}

/// Why a host stands as it does.
pub(super) fn reason(
    worst: Option<&ComparedProduct>,
    last_news: Timestamp,
    (at, stale_after_days): (Timestamp, u32),
) -> String {
    match worst {
        Some(found) => {
            format!("{}: {}", found.package, found.with_age(last_news, at, stale_after_days).verdict.reason)
        }
        None => "none of the packages that are asked for is installed".to_owned(),
    }
}
