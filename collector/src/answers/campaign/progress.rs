//! How far a campaign is, from counts of hosts: the number of queries does not depend on how many there are.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::super::AnswerError;
use super::super::judge::Judge;
use super::exceptions;
use crate::access::Scope;
use crate::campaign::burndown::{BurnDown, Change, ExceptedPast};
use crate::campaign::progress::{Group, sites, tally};
use crate::campaign::{Campaign, Exception, Phase, SiteProgress, Tally};
use crate::compare::State;
use crate::days;
use crate::history::day_of;
use crate::store::{HostPast, SilentGroup, Store};

/// When a campaign is looked at, and when silence is too long.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// The present.
    pub now: Timestamp,
    /// A host without news for so many days is unknown.
    pub stale_after_days: u32,
}

impl Reading {
    /// Hosts without news since then are unknown, unix seconds.
    #[must_use]
    pub fn stale_before(&self) -> i64 {
        self.now.as_second().saturating_sub(i64::from(self.stale_after_days) * 86_400)
    }
}

/// A campaign and how far its sites are: now, or for a closed one at the end of the day on which it was closed.
#[derive(Debug, Clone)]
pub struct CampaignProgress {
    /// The campaign.
    pub campaign: Campaign,
    /// The day that is told of.
    pub on: Date,
    /// Where the campaign is in its life.
    pub phase: Phase,
    /// The sites that may be seen, of most concern first.
    pub sites: Vec<SiteProgress>,
    /// All their hosts.
    pub total: Tally,
    /// The exceptions of those sites, the newest first.
    pub exceptions: Vec<Exception>,
    /// Hosts that were not done at the end of each day.
    pub burn_down: BurnDown,
}

impl CampaignProgress {
    /// Whether an exception counts on the day that is told of.
    #[must_use]
    pub fn is_in_force(&self, exception: &Exception) -> bool {
        exception.is_in_force(days::day(self.on))
    }
}

/// Reads how far a campaign is, as far as may be seen.
///
/// # Errors
/// [`AnswerError`].
pub async fn progress(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    campaign: Campaign,
    reading: Reading,
) -> Result<CampaignProgress, AnswerError> {
    let scope = campaign.within(scope);
    let today = campaign.closed.map_or(reading.now, |closed| closed.min(reading.now));
    let on = days::of(today);
    let (first, last) = (days::day(campaign.begins), days::day(on));
    let exceptions = exceptions(store, &scope, campaign.id).await?;
    let mut groups = match campaign.closed {
        None => store.present_groups(&scope, reading.stale_before()).await?,
        Some(_) => store.groups_on(&scope, last).await?,
    };
    let changes = store.count_changes(&scope, first).await?;
    let mut silent = store.silent_groups(&scope, reading.stale_before()).await?;
    silent.retain(|group| silent_day(group.last_news, reading) <= last);
    if campaign.closed.is_some() {
        let mut stale: HashMap<(&str, i64, i64), i64> = HashMap::new();
        for group in &silent {
            *stale.entry((&group.site, group.list, group.facts)).or_default() += group.hosts;
        }
        for group in &mut groups {
            group.stale = stale.get(&(group.site.as_str(), group.list, group.facts)).copied().unwrap_or_default();
        }
    }
    let wanted: BTreeSet<(&str, &str)> =
        exceptions.iter().filter_map(|exception| Some((exception.site.as_str(), exception.host.as_deref()?))).collect();
    let pasts = if wanted.is_empty() { Vec::new() } else { store.host_pasts(&wanted).await? };

    let of_pasts = pasts.iter().flat_map(|past| past.states.iter().map(|(_, list, facts)| (*list, *facts)));
    let states = groups.iter().map(|group| (group.list, group.facts));
    let states = states.chain(changes.iter().map(|change| (change.list, change.facts))).chain(of_pasts);
    let states: Vec<(i64, i64)> = states.collect();
    let standard = judge.standard(vec![Arc::new(campaign.references.clone())], reading.now);
    let judged = judge.judge(store, &standard, &states).await?;
    let state_of = |list, facts| judged.get(&(list, facts)).and_then(|judged| judged.worst());

    let groups: Vec<Group> = groups
        .into_iter()
        .map(|group| {
            let state = state_of(group.list, group.facts);
            Group { site: group.site, state, hosts: group.hosts, stale: group.stale }
        })
        .collect();
    let is_open = |state: Option<State>| state.is_some_and(|state| state != State::Compliant);
    let changes = changes.into_iter().filter(|change| is_open(state_of(change.list, change.facts)));
    let mut changes: Vec<Change> =
        changes.map(|change| Change { site: change.site, day: change.day, hosts: change.hosts }).collect();
    for SilentGroup { site, list, facts, last_news, hosts } in silent {
        if state_of(list, facts) == Some(State::Compliant) {
            changes.push(Change { site, day: silent_day(last_news, reading), hosts });
        }
    }
    let excepted: Vec<ExceptedPast> = pasts.iter().map(|past| excepted_past(past, reading, &state_of)).collect();
    let in_force = |past: &&HostPast| {
        exceptions.iter().any(|exception| {
            exception.site == past.site && exception.host.as_ref() == Some(&past.host) && exception.is_in_force(last)
        })
    };
    let excepted_now = pasts.iter().filter(in_force).filter_map(|past| {
        let (_, list, facts) = past.states.iter().rev().find(|(since, ..)| day_of(*since) <= last)?;
        let stale = i64::from(is_stale(past, reading) && silent_day(past.last_news, reading) <= last);
        Some(Group { site: past.site.clone(), state: state_of(*list, *facts), hosts: 1, stale })
    });
    let excepted_now: Vec<Group> = excepted_now.collect();

    let burn_down = BurnDown::of((first, last), &changes, &exceptions, &excepted);
    let tallies = tally(&groups, &excepted_now, &exceptions, last);
    let sites = sites(&campaign, &scope, &tallies, &exceptions, &burn_down, on);
    let mut total = Tally::default();
    sites.iter().for_each(|site| total += site.tally);
    Ok(CampaignProgress { phase: campaign.phase(on), campaign, on, sites, total, exceptions, burn_down })
}

/// The day on which a host that is silent came to be unknown.
fn silent_day(last_news: i64, reading: Reading) -> i64 {
    let day = day_of(last_news).saturating_add(i64::from(reading.stale_after_days));
    day.min(day_of(reading.now.as_second()))
}

fn is_stale(past: &HostPast, reading: Reading) -> bool {
    past.last_news < reading.stale_before()
}

fn excepted_past(past: &HostPast, reading: Reading, state_of: &impl Fn(i64, i64) -> Option<State>) -> ExceptedPast {
    let mut states: Vec<(i64, Option<State>)> =
        past.states.iter().map(|(since, list, facts)| (*since, state_of(*list, *facts))).collect();
    if is_stale(past, reading) && states.last().is_some_and(|(_, state)| state.is_some()) {
        states.push((silent_day(past.last_news, reading) * 86_400, Some(State::Unknown)));
    }
    let is_open = |state: Option<State>| state.is_some_and(|state| state != State::Compliant);
    let states = states.into_iter().map(|(since, state)| (since, is_open(state))).collect();
    ExceptedPast { site: past.site.clone(), host: past.host.clone(), states }
}
