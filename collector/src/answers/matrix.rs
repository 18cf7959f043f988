//! Sites by products: how many hosts are in each state, now and on a day, and what changed between two of them.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::judge::Judge;
use super::standard::{Judged, Judgements, Standard};
use super::{AnswerError, time};
use crate::access::Scope;
use crate::compare::State;
use crate::history::day_of;
use crate::store::{HostGroup, SiteGroups, Store};

/// Every site that may be seen and has hosts, with every product that something is asked of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// The time that it tells of.
    pub at: Timestamp,
    /// Names of the reference lists.
    pub lists: Vec<String>,
    /// The products; each line has a cell for each of them, in this order.
    pub products: Vec<String>,
    /// All sites together.
    pub total: Line,
    /// Sites by name.
    pub sites: Vec<Line>,
}

/// A site, or all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// Name of the site; empty in the total.
    pub site: String,
    /// Every host, by its worst product.
    pub hosts: Cell,
    /// The hosts that have a product, by its worst package.
    pub products: Vec<Cell>,
}

/// Hosts by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cell {
    /// How they stand; without recent news it is not known.
    pub counts: Counts,
    /// How they would stand if all news were recent: this is what can be held against another day.
    pub judged: Counts,
    /// How many have no recent news.
    pub stale: i64,
    /// How many of those fell silent within the last day.
    pub newly_stale: i64,
    /// Their newest report; none on a past day, whose news are not counted.
    pub last_news: Option<Timestamp>,
}

/// Numbers of hosts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// New enough and not blocked.
    pub compliant: i64,
    /// No answer.
    pub unknown: i64,
    /// Older than a minimum.
    pub behind: i64,
    /// With a version that must not run.
    pub blocked: i64,
}

/// The number of hosts in one state changed between two days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The site.
    pub site: String,
    /// The product.
    pub product: String,
    /// The state.
    pub state: State,
    /// Hosts before.
    pub from: i64,
    /// Hosts after.
    pub to: i64,
}

/// The present or the end of a day, by the lists of then or of another time.
///
/// # Errors
/// [`AnswerError`].
pub async fn of(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    (day, lists_of): (Option<Date>, Option<Timestamp>),
    (now, stale_after_days): (Timestamp, u32),
) -> Result<Matrix, AnswerError> {
    match day {
        Some(day) => on_day(store, judge, scope, day, lists_of).await,
        None => {
            let standard = judge.standard_at(store, lists_of.unwrap_or(now)).await?;
            at_present_by(store, judge, &standard, scope, now, stale_after_days).await
        }
    }
}

/// The present, by the lists of now.
///
/// # Errors
/// [`AnswerError`].
pub async fn at_present(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    now: Timestamp,
    stale_after_days: u32,
) -> Result<Matrix, AnswerError> {
    let standard = judge.standard_at(store, now).await?;
    at_present_by(store, judge, &standard, scope, now, stale_after_days).await
}

/// The present, by any standard.
///
/// # Errors
/// [`AnswerError`].
pub async fn at_present_by(
    store: &Store,
    judge: &Judge,
    standard: &Standard,
    scope: &Scope,
    now: Timestamp,
    stale_after_days: u32,
) -> Result<Matrix, AnswerError> {
    let sites = store.present_sites(scope, stale_before(now, stale_after_days)).await?;
    of_sites(store, judge, standard, &sites, now).await
}

/// The end of a day (UTC), by the lists of then or of another time. No host is stale in it: old news are not counted.
///
/// # Errors
/// [`AnswerError`].
pub async fn on_day(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    day: Date,
    lists_of: Option<Timestamp>,
) -> Result<Matrix, AnswerError> {
    let end = end_of(day);
    let standard = judge.standard_at(store, lists_of.unwrap_or(end)).await?;
    let sites = store.sites_on(scope, day_of(end.as_second())).await?;
    of_sites(store, judge, &standard, &sites, end).await
}

/// The last second of a day, UTC.
#[must_use]
pub fn end_of(day: Date) -> Timestamp {
    Offset::UTC.to_timestamp(day.at(23, 59, 59, 0)).unwrap_or(Timestamp::MAX)
}

/// News before this second are too old to say how a host stands.
#[must_use]
pub fn stale_before(now: Timestamp, stale_after_days: u32) -> i64 {
    now.as_second().saturating_sub(i64::from(stale_after_days) * 86_400)
}

async fn of_sites(
    store: &Store,
    judge: &Judge,
    standard: &Standard,
    sites: &[Arc<SiteGroups>],
    at: Timestamp,
) -> Result<Matrix, AnswerError> {
    let known: Vec<Option<Arc<Line>>> = sites.iter().map(|hosts| standard.lines.of(hosts)).collect();
    let unknown = sites.iter().zip(&known).filter(|(_, line)| line.is_none()).flat_map(|(hosts, _)| &hosts.groups);
    let states: Vec<(i64, i64)> = unknown.map(|group| (group.list, group.facts)).collect();
    let judged = judge.judge(store, standard, &states).await?;
    let mut total = Line::of(standard, "");
    let mut lines = Vec::with_capacity(sites.len());
    for (hosts, line) in sites.iter().zip(known).filter(|(hosts, _)| !hosts.groups.is_empty()) {
        let line = line.unwrap_or_else(|| {
            let line = Arc::new(Line::counting(standard, hosts, &judged));
            standard.lines.keep(hosts, &line);
            line
        });
        total.add_all(&line);
        lines.push(Line::clone(&line));
    }
    lines.sort_unstable_by(|left, right| left.site.cmp(&right.site));
    Ok(Matrix {
        at,
        lists: standard.lists.iter().map(|list| list.name.clone()).collect(),
        products: standard.products.clone(),
        total,
        sites: lines,
    })
}

impl Line {
    /// A line without hosts.
    fn of(standard: &Standard, site: &str) -> Self {
        let products = vec![Cell::default(); standard.products.len()];
        Line { site: site.to_owned(), products, ..Line::default() }
    }

    fn counting(standard: &Standard, hosts: &SiteGroups, judged: &Judgements) -> Self {
        let mut line = Line::of(standard, &hosts.site);
        let nothing = Judged::default();
        for group in &hosts.groups {
            line.add(group, judged.get(&(group.list, group.facts)).map_or(&nothing, Arc::as_ref));
        }
        line
    }

    fn add(&mut self, group: &HostGroup, judged: &Judged) {
        // Without any package that is asked for it is not known how a host stands.
        self.hosts.add(group, judged.worst().unwrap_or(State::Unknown));
        for (product, state) in &judged.products {
            if let Some(cell) = self.products.get_mut(*product) {
                cell.add(group, *state);
            }
        }
    }

    /// Adds the hosts of another line with the same products.
    fn add_all(&mut self, other: &Line) {
        self.hosts.add_all(&other.hosts);
        self.products.iter_mut().zip(&other.products).for_each(|(cell, other)| cell.add_all(other));
    }
}

impl Cell {
    pub(super) fn add(&mut self, group: &HostGroup, state: State) {
        *self.judged.of_mut(state) += group.hosts;
        *self.counts.of_mut(state) += group.hosts - group.stale;
        self.counts.unknown += group.stale;
        self.stale += group.stale;
        self.newly_stale += group.newly_stale;
        if group.last_news > self.last_news.map_or(0, Timestamp::as_second) {
            self.last_news = Some(time(group.last_news));
        }
    }

    fn add_all(&mut self, other: &Cell) {
        for state in State::ALL {
            *self.counts.of_mut(state) += other.counts.of(state);
            *self.judged.of_mut(state) += other.judged.of(state);
        }
        self.stale += other.stale;
        self.newly_stale += other.newly_stale;
        self.last_news = self.last_news.max(other.last_news);
    }
}

impl Counts {
    /// Hosts in a state.
    #[must_use]
    pub fn of(&self, state: impl Borrow<State>) -> i64 {
        match state.borrow() {
            State::Compliant => self.compliant,
            State::Unknown => self.unknown,
            State::Behind => self.behind,
            State::Blocked => self.blocked,
        }
    }

    /// All hosts.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.compliant + self.unknown + self.behind + self.blocked
    }

    pub(super) fn of_mut(&mut self, state: State) -> &mut i64 {
        match state {
            State::Compliant => &mut self.compliant,
            State::Unknown => &mut self.unknown,
            State::Behind => &mut self.behind,
            State::Blocked => &mut self.blocked,
        }
    }
}

/// What is not the same in two matrices, by site and product; ages of news count in neither.
#[must_use]
pub fn changes(before: &Matrix, after: &Matrix) -> Vec<Change> {
    let mut sites: BTreeMap<&str, (Option<&Line>, Option<&Line>)> = BTreeMap::new();
    before.sites.iter().for_each(|line| sites.entry(&line.site).or_default().0 = Some(line));
    after.sites.iter().for_each(|line| sites.entry(&line.site).or_default().1 = Some(line));
    let mut products: BTreeMap<&str, (Option<usize>, Option<usize>)> = BTreeMap::new();
    before.products.iter().enumerate().for_each(|(at, name)| products.entry(name).or_default().0 = Some(at));
    after.products.iter().enumerate().for_each(|(at, name)| products.entry(name).or_default().1 = Some(at));
    let judged = |line: Option<&Line>, product: Option<usize>| {
        line.zip(product)
            .and_then(|(line, product)| line.products.get(product))
            .map(|cell| cell.judged)
            .unwrap_or_default()
    };
    let mut changes = Vec::new();
    for (site, (line_before, line_after)) in sites {
        for (product, (at_before, at_after)) in &products {
            let (from, to) = (judged(line_before, *at_before), judged(line_after, *at_after));
            if from == to {
                continue;
            }
            let differing = State::ALL.into_iter().filter(|state| from.of(state) != to.of(state));
            changes.extend(differing.map(|state| Change {
                site: site.to_owned(),
                product: (*product).to_owned(),
                state,
                from: from.of(state),
                to: to.of(state),
            }));
        }
    }
    changes
}
