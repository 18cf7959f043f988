//! Which hosts are asked for, decided by groups of equal hosts first, so that a page reads only the hosts that it shows.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::AnswerError;
use super::facts::Facts;
use super::judge::Judge;
use super::matrix::stale_before;
use super::standard::{ComparedProduct, Judged, Judgements, Standard};
use super::warnings::{self, Newest, Warning};
use crate::access::Scope;
use crate::compare::State;
use crate::history::day_of;
use crate::query::matches_pattern;
use crate::registry::Directory;
use crate::store::{HostFilter, HostGroup, HostState, PastFilter, PresentHost, Store};

/// Which hosts are asked for; what is left out asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostsAsked {
    /// Only this site.
    pub site: Option<String>,
    /// Only this system: its short name, or its own words where it has none.
    pub os: Option<String>,
    /// Only this tag.
    pub tag: Option<String>,
    /// Only hosts that have this product; `state` is then that of the product.
    pub product: Option<String>,
    /// Only this state; hosts without recent news are unknown.
    pub state: Option<State>,
    /// Only these names, in which `*` and `?` stand for others.
    pub name: Option<String>,
    /// Only hosts without recent news, or only those with.
    pub stale: Option<bool>,
    /// Only hosts with a warning, or only those without; of a date, see [`warnings::of_date`].
    pub warned: Option<bool>,
    /// Only hosts whose state we learnt of at this time or later.
    pub changed_since: Option<Timestamp>,
    /// Compared with the reference lists of this time instead of those of the time that is looked at.
    pub lists_of: Option<Timestamp>,
}

/// A place in the order of hosts: site and name.
pub type Place = (String, String);

/// A part of an answer that may be long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, After> {
    /// What there is to see.
    pub items: Vec<T>,
    /// Where the next page begins: after this; none when this was the last.
    pub next: Option<After>,
    /// How many hosts there are on all pages, where that is known without reading them.
    pub hosts: Option<i64>,
}

/// The groups that are asked for.
pub(super) struct Selection<'a> {
    asked: &'a HostsAsked,
    scope: Scope,
    groups: Vec<HostGroup>,
    /// How many groups may be seen.
    of_all: usize,
    /// Whether they are of a date.
    is_past: bool,
    standard: Arc<Standard>,
    pub(super) facts: HashMap<i64, Arc<Facts>>,
    judged: Judgements,
    stale_before: i64,
    /// The time that is looked at, and after how many days news are too old.
    then: (Timestamp, u32),
    directory: Directory,
}

impl<'a> Selection<'a> {
    /// Reads the groups that may be seen and that the filters let through, of now or of a date.
    pub(super) async fn of(
        store: &Store,
        judge: &Judge,
        scope: &Scope,
        (asked, at): (&'a HostsAsked, Option<Timestamp>),
        (now, stale_after_days): (Timestamp, u32),
    ) -> Result<Self, AnswerError> {
        let scope = scope.narrowed(asked.site.as_deref());
        let then = at.unwrap_or(now);
        let stale_before = stale_before(then, stale_after_days);
        let groups = match at {
            None => store.present_groups(&scope, stale_before).await?,
            Some(at) => past_groups(store, &scope, at).await?,
        };
        let standard = judge.standard_at(store, asked.lists_of.unwrap_or(then)).await?;
        let judged = if asked.state.is_some() || asked.product.is_some() {
            let states: Vec<(i64, i64)> = groups.iter().map(|group| (group.list, group.facts)).collect();
            judge.judge(store, &standard, &states).await?
        } else {
            // How they stand decides nothing: only those that are shown are judged.
            Judgements::default()
        };
        let facts = judge.facts(store, groups.iter().map(|group| group.facts)).await?;
        let of_all = groups.len();
        let is_past = at.is_some();
        let (then, directory) = ((then, stale_after_days), Directory::default());
        let mut selection =
            Selection { asked, scope, groups, of_all, is_past, standard, facts, judged, stale_before, then, directory };
        selection.groups.retain_mut(|group| {
            let Some(state) = selection_state(asked, &selection.facts, &selection.judged, (group.list, group.facts))
            else {
                return false;
            };
            let counts = |state| asked.state.is_none_or(|asked| asked == state);
            if is_past {
                // Which of them had no recent news then, only the hosts tell.
                return counts(state) || counts(State::Unknown);
            }
            let fresh = group.hosts - group.stale;
            let (fresh, stale) = match asked.stale {
                Some(true) => (0, group.stale),
                Some(false) => (fresh, 0),
                None => (fresh, group.stale),
            };
            group.hosts = if counts(state) { fresh } else { 0 } + if counts(State::Unknown) { stale } else { 0 };
            group.hosts > 0
        });
        Ok(selection)
    }

    /// Judges states whose hosts are shown, as far as that was not needed before.
    pub(super) async fn judge(
        &mut self,
        store: &Store,
        judge: &Judge,
        states: impl Iterator<Item = (i64, i64)>,
    ) -> Result<(), AnswerError> {
        let mut missing: Vec<(i64, i64)> = states.filter(|state| !self.judged.contains_key(state)).collect();
        missing.sort_unstable();
        missing.dedup();
        self.judged.extend(judge.judge(store, &self.standard, &missing).await?);
        Ok(())
    }

    /// Reads which networks are whose: without them no address is a site's or not.
    pub(super) async fn know_networks(&mut self, store: &Store) -> Result<(), AnswerError> {
        self.directory = store.directory().await?;
        Ok(())
    }

    /// What is strange about a host now.
    pub(super) fn warnings(&self, host: &PresentHost) -> Vec<Warning> {
        let newest = Newest {
            collected: host.last_news,
            received: host.received,
            source: &host.source,
            signed: host.signed,
            complaint: self.complaint(host.facts),
        };
        let site = self.directory.get(&host.site);
        let (now, stale_after_days) = self.then;
        warnings::of(newest, |source| site.is_some_and(|site| site.is_outside(source)), now, stale_after_days)
    }

    /// What was strange about a host at the date.
    pub(super) fn past_warnings(&self, host: &HostState) -> Vec<Warning> {
        let (at, stale_after_days) = self.then;
        warnings::of_date(host.last_news, self.complaint(host.facts), at, stale_after_days)
    }

    fn complaint(&self, facts: i64) -> &str {
        self.facts.get(&facts).map_or("", |facts| &facts.complaint)
    }

    /// The package lists of the hosts that are asked for.
    pub(super) fn lists(&self) -> Vec<i64> {
        let mut lists: Vec<i64> = self.groups.iter().map(|group| group.list).collect();
        lists.sort_unstable();
        lists.dedup();
        lists
    }

    /// Leaves out hosts with other lists.
    pub(super) fn retain_lists(&mut self, wanted: impl Fn(i64) -> bool) {
        self.groups.retain(|group| wanted(group.list));
    }

    /// How many hosts there are, where the groups tell.
    pub(super) fn hosts(&self) -> Option<i64> {
        self.groups_tell_all().then(|| self.groups.iter().map(|group| group.hosts).sum())
    }

    /// How many hosts there are at each site, as far as the groups tell.
    pub(super) fn hosts_by_site(&self) -> BTreeMap<String, i64> {
        let mut sites = BTreeMap::new();
        for group in &self.groups {
            *sites.entry(group.site.clone()).or_default() += group.hosts;
        }
        sites
    }

    fn groups_tell_all(&self) -> bool {
        let ages_matter = self.is_past && (self.asked.stale.is_some() || self.asked.state.is_some());
        let hosts_matter =
            self.asked.name.is_some() || self.asked.warned.is_some() || self.asked.changed_since.is_some();
        !hosts_matter && !ages_matter
    }

    /// The first hosts after a place, at most so many.
    pub(super) async fn hosts_after(
        &self,
        store: &Store,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<Vec<PresentHost>, AnswerError> {
        let scope = self.sites_needed(after, limit);
        let states: HashSet<(i64, i64)> = self.groups.iter().map(|group| (group.list, group.facts)).collect();
        let lists = self.lists();
        let filter = HostFilter {
            scope: &scope,
            after: after.map(|(site, name)| (site.as_str(), name.as_str())),
            // With every list asked for there is nothing to narrow down.
            lists: (self.groups.len() < self.of_all).then_some(&lists),
            name: self.asked.name.as_deref(),
            changed_since: self.asked.changed_since.map(Timestamp::as_second),
        };
        let wanted = |host: &PresentHost| {
            let is_stale = self.is_stale(host.last_news);
            states.contains(&(host.list, host.facts))
                && self.asked.stale.is_none_or(|stale| stale == is_stale)
                && self.asked.name.as_deref().is_none_or(|pattern| matches_pattern(pattern, &host.name))
                && self.asked.warned.is_none_or(|warned| warned != self.warnings(host).is_empty())
                && self.asked.state.is_none_or(|state| self.state((host.list, host.facts), host.last_news) == state)
        };
        Ok(store.present_hosts(&filter, limit, wanted).await?)
    }

    /// The first hosts of the date after a place, at most so many.
    pub(super) async fn past_hosts_after(
        &self,
        store: &Store,
        at: Timestamp,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<Vec<HostState>, AnswerError> {
        let scope = self.sites_needed(after, limit);
        let states: HashSet<(i64, i64)> = self.groups.iter().map(|group| (group.list, group.facts)).collect();
        let lists = self.lists();
        let filter = PastFilter {
            scope: &scope,
            at: at.as_second(),
            after: after.map(|(site, name)| (site.as_str(), name.as_str())),
            lists: (self.groups.len() < self.of_all).then_some(&lists),
        };
        let wanted = |host: &HostState| {
            let is_stale = self.is_stale(host.last_news);
            states.contains(&(host.list, host.facts))
                && self.asked.stale.is_none_or(|stale| stale == is_stale)
                && self.asked.name.as_deref().is_none_or(|pattern| matches_pattern(pattern, &host.name))
                && self.asked.warned.is_none_or(|warned| warned != self.past_warnings(host).is_empty())
                && self.asked.changed_since.is_none_or(|since| host.since >= since.as_second())
                && self.asked.state.is_none_or(|state| self.state((host.list, host.facts), host.last_news) == state)
        };
        Ok(store.past_hosts(&filter, limit, wanted).await?)
    }

    /// The sites that a page needs: those that follow the place until they hold as many hosts as it shows.
    fn sites_needed(&self, after: Option<&Place>, limit: usize) -> Scope {
        let mut sites: BTreeMap<&str, i64> = BTreeMap::new();
        for group in &self.groups {
            *sites.entry(&group.site).or_default() += group.hosts;
        }
        let mut needed = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut names = std::collections::BTreeSet::new();
        for (site, hosts) in sites {
            let begun = after.map(|(last, _)| site.cmp(last.as_str()));
            if begun == Some(std::cmp::Ordering::Less) {
                continue;
            }
            if needed <= 0 && self.groups_tell_all() {
                break;
            }
            names.insert(site.to_owned());
            // Of the site where the page before ended it is not known how many are left.
            if begun != Some(std::cmp::Ordering::Equal) {
                needed -= hosts;
            }
        }
        // What was not narrowed down need not be listed.
        if !self.groups_tell_all() && self.scope == Scope::All { Scope::All } else { Scope::Sites(names) }
    }

    /// Whether news of this second are too old.
    pub(super) fn is_stale(&self, last_news: i64) -> bool {
        last_news < self.stale_before
    }

    /// How a host stands, in the product that is asked for or in all.
    pub(super) fn state(&self, state: (i64, i64), last_news: i64) -> State {
        if self.is_stale(last_news) {
            return State::Unknown;
        }
        selection_state(self.asked, &self.facts, &self.judged, state).unwrap_or(State::Unknown)
    }

    /// What led to it, when something that is asked for is installed.
    pub(super) fn worst(&self, state: (i64, i64)) -> Option<&ComparedProduct> {
        self.judged.get(&state).and_then(|judged| worst_package(judged, self.asked.product.as_deref()))
    }
}

/// The states of hosts at a date: at the end of a day they are counted, at another second the hosts are read.
async fn past_groups(store: &Store, scope: &Scope, at: Timestamp) -> Result<Vec<HostGroup>, AnswerError> {
    let day = day_of(at.as_second());
    if day_of(at.as_second().saturating_add(1)) > day {
        return Ok(store.groups_on(scope, day).await?);
    }
    let mut groups: BTreeMap<(String, i64, i64), i64> = BTreeMap::new();
    for host in store.hosts_at(scope, at.as_second()).await? {
        *groups.entry((host.site, host.list, host.facts)).or_default() += 1;
    }
    let group = |((site, list, facts), hosts)| HostGroup::of_the_past(site, list, facts, hosts);
    Ok(groups.into_iter().map(group).collect())
}

/// The package of most concern, of one product or of all.
fn worst_package<'j>(judged: &'j Judged, product: Option<&str>) -> Option<&'j ComparedProduct> {
    let of_product = |found: &&Arc<ComparedProduct>| product.is_none_or(|product| product == found.product);
    judged.packages.iter().filter(of_product).max_by_key(|found| found.verdict.state).map(Arc::as_ref)
}

/// How hosts in this state stand if their news are recent; `None` when they are not asked for.
fn selection_state(
    asked: &HostsAsked,
    facts: &HashMap<i64, Arc<Facts>>,
    judged: &Judgements,
    (list, of): (i64, i64),
) -> Option<State> {
    if !facts.get(&of).is_some_and(|facts| asked.takes(facts)) {
        return None;
    }
    let worst = judged.get(&(list, of)).and_then(|judged| worst_package(judged, asked.product.as_deref()));
    match worst {
        Some(found) => Some(found.verdict.state),
        // A product that is not installed concerns nobody; a host without any of them is a question.
        None => asked.product.is_none().then_some(State::Unknown),
    }
}

impl HostsAsked {
    /// Whether header lines are those of hosts that are asked for.
    pub(super) fn takes(&self, facts: &Facts) -> bool {
        self.os.as_deref().is_none_or(|os| os == facts.os.as_deref().unwrap_or(&facts.system))
            && self.tag.as_deref().is_none_or(|tag| tag == facts.tag)
    }
}
