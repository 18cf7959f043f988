//! Hosts page by page, now or at a date, each with how it stands and why.

use jiff::Timestamp;

use super::judge::Judge;
use super::select::{HostsAsked, Page, Place, Selection};
use super::standard::ComparedProduct;
use super::warnings::Warning;
use super::{AnswerError, time};
use crate::access::Scope;
use crate::compare::State;
use crate::store::{HostState, PresentHost, Store};

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
    /// What is strange about it; of a date, see [`super::warnings::of_date`].
    pub warnings: Vec<Warning>,
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
    let mut selection = Selection::of(store, judge, scope, (asked, at), (now, stale_after_days)).await?;
    let more = limit.saturating_add(1);
    let mut hosts: Vec<Found> = match at {
        None => {
            selection.know_networks(store).await?;
            let hosts = selection.hosts_after(store, after, more).await?.into_iter();
            hosts.map(|host| with_arrival(selection.warnings(&host), host)).collect()
        }
        Some(at) => {
            let hosts = selection.past_hosts_after(store, at, after, more).await?.into_iter();
            hosts.map(|host| (selection.past_warnings(&host), host, None)).collect()
        }
    };
    let next = next(&mut hosts, limit, |(_, host, _)| (host.site.clone(), host.name.clone()));
    selection.judge(store, judge, hosts.iter().map(|(_, host, _)| (host.list, host.facts))).await?;
    let sizes = store.sizes_of(&hosts.iter().map(|(_, host, _)| host.list).collect::<Vec<_>>()).await?;
    let line = |(warnings, host, arrival): Found| {
        let facts = selection.facts.get(&host.facts).cloned().unwrap_or_default();
        let state = (host.list, host.facts);
        let reason = reason(selection.worst(state), time(host.last_news), (at.unwrap_or(now), stale_after_days));
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
            arrival,
            warnings,
            site: host.site,
            name: host.name,
        }
    };
    Ok(Page { items: hosts.into_iter().map(line).collect(), next, hosts: selection.hosts() })
}

/// A host that is shown, with what is strange about it and how its newest report came.
type Found = (Vec<Warning>, HostState, Option<HostArrival>);

fn with_arrival(warnings: Vec<Warning>, host: PresentHost) -> Found {
    let PresentHost { host, site, name, list, facts, since, last_news, received, source, signed, changed } = host;
    let arrival = HostArrival { received: time(received), source, signed, changed: time(changed) };
    (warnings, HostState { host, site, name, list, facts, since, last_news }, Some(arrival))
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
