//! How far each site is: hosts done, behind, blocked, unknown and excepted, and since when the site is where it is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::burndown::BurnDown;
use super::{Campaign, Exception};
use crate::access::Scope;
use crate::compare::State;
use crate::days::{date, day};

/// Hosts that are asked, by how they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// New enough and not blocked.
    pub done: i64,
    /// Older than asked.
    pub behind: i64,
    /// With a blocked version.
    pub blocked: i64,
    /// Without recent news, or of a system that nothing is asked for.
    pub unknown: i64,
    /// Not done, and need not be for now.
    pub excepted: i64,
}

impl Tally {
    /// All that are asked.
    #[must_use]
    pub fn asked(&self) -> i64 {
        self.open() + self.done + self.excepted
    }

    /// Those that are still to be done.
    #[must_use]
    pub fn open(&self) -> i64 {
        self.behind + self.blocked + self.unknown
    }

    fn add(&mut self, state: State, hosts: i64) {
        match state {
            State::Compliant => self.done += hosts,
            State::Behind => self.behind += hosts,
            State::Blocked => self.blocked += hosts,
            State::Unknown => self.unknown += hosts,
        }
    }

    fn except(&mut self, state: State, hosts: i64) {
        if state != State::Compliant {
            self.add(state, -hosts);
            self.excepted += hosts;
        }
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.done += other.done;
        self.behind += other.behind;
        self.blocked += other.blocked;
        self.unknown += other.unknown;
        self.excepted += other.excepted;
    }
}

/// Hosts of a site in the same state of packages and header lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The site.
    pub site: String,
    /// How the references judge them; `None` when nothing is asked of them.
    pub state: Option<State>,
    /// How many.
    pub hosts: i64,
    /// How many of them have no recent news.
    pub stale: i64,
}

/// Where a site stands in a campaign, in the order of concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SiteState {
    /// Not done after the deadline.
    Late,
    /// Asked by name, and no host of it has ever reported.
    Silent,
    /// Not done, and there is time.
    OnTime,
    /// Whatever is not done need not be for now.
    Excepted,
    /// Every host that is asked is new enough.
    Done,
    /// No host has any of the packages.
    Nothing,
}

impl SiteState {
    /// The words in answers and on pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SiteState::Late => "late",
            SiteState::Silent => "no reports",
            SiteState::OnTime => "on time",
            SiteState::Excepted => "excepted",
            SiteState::Done => "done",
            SiteState::Nothing => "nothing to do",
        }
    }
}

/// A site of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteProgress {
    /// Its name.
    pub site: String,
    /// Its hosts.
    pub tally: Tally,
    /// Where it stands.
    pub state: SiteState,
    /// Since which day; none where there is no such day.
    pub since: Option<Date>,
}

/// Hosts by site: those of excepted sites and the excepted hosts of others are excepted unless they are done.
#[must_use]
pub fn tally(
    groups: &[Group],
    excepted_hosts: &[Group],
    exceptions: &[Exception],
    today: i64,
) -> BTreeMap<String, Tally> {
    let exempt = exempt_sites(exceptions, today);
    let mut sites: BTreeMap<String, Tally> = BTreeMap::new();
    let parts = |group: &Group| {
        let fresh = group.state.map(|state| (state, group.hosts - group.stale));
        fresh.into_iter().chain(group.state.map(|_| (State::Unknown, group.stale))).collect::<Vec<_>>()
    };
    for group in groups {
        let tally = sites.entry(group.site.clone()).or_default();
        for (state, hosts) in parts(group) {
            tally.add(state, hosts);
            if exempt.contains(group.site.as_str()) {
                tally.except(state, hosts);
            }
        }
    }
    for host in excepted_hosts.iter().filter(|host| !exempt.contains(host.site.as_str())) {
        let tally = sites.entry(host.site.clone()).or_default();
        parts(host).into_iter().for_each(|(state, hosts)| tally.except(state, hosts));
    }
    sites
}

/// Every site that may be seen and is asked, the ones of most concern first.
///
/// Where all sites are asked, those that have nothing to do are left out.
#[must_use]
pub fn sites(
    campaign: &Campaign,
    scope: &Scope,
    tallies: &BTreeMap<String, Tally>,
    exceptions: &[Exception],
    burn_down: &BurnDown,
    today: Date,
) -> Vec<SiteProgress> {
    let named = campaign.sites.iter().filter(|site| scope.holds(site));
    let names: BTreeSet<&String> =
        tallies.iter().filter(|(_, tally)| tally.asked() > 0).map(|(site, _)| site).chain(named).collect();
    let mut sites: Vec<SiteProgress> = names
        .into_iter()
        .map(|site| {
            let (state, since) = stand(campaign, site, tallies.get(site).copied(), exceptions, burn_down, today);
            SiteProgress { site: site.clone(), tally: tallies.get(site).copied().unwrap_or_default(), state, since }
        })
        .collect();
    sites.sort_by(|left, right| {
        let by_open = || right.tally.open().cmp(&left.tally.open());
        left.state.cmp(&right.state).then_with(by_open).then_with(|| left.site.cmp(&right.site))
    });
    sites
}

fn stand(
    campaign: &Campaign,
    site: &str,
    tally: Option<Tally>,
    exceptions: &[Exception],
    burn_down: &BurnDown,
    today: Date,
) -> (SiteState, Option<Date>) {
    let Some(tally) = tally else { return (SiteState::Silent, None) };
    let begun = (today >= campaign.begins).then_some(campaign.begins);
    if tally.asked() == 0 {
        return (SiteState::Nothing, None);
    }
    if tally.open() > 0 {
        return match today > campaign.deadline {
            true => (SiteState::Late, Some(date(day(campaign.deadline) + 1))),
            false => (SiteState::OnTime, begun),
        };
    }
    if tally.excepted > 0 {
        let in_force =
            exceptions.iter().filter(|exception| exception.site == site && exception.is_in_force(day(today)));
        let since = in_force.map(|exception| date(crate::history::day_of(exception.created))).min();
        return (SiteState::Excepted, since);
    }
    (SiteState::Done, begun.map(|_| date(burn_down.done_since(site))))
}

fn exempt_sites(exceptions: &[Exception], today: i64) -> BTreeSet<&str> {
    let in_force = exceptions.iter().filter(|exception| exception.host.is_none() && exception.is_in_force(today));
    in_force.map(|exception| exception.site.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::campaign;
    use super::*;

    fn group(site: &str, state: Option<State>, hosts: i64, stale: i64) -> Group {
        Group { site: site.to_owned(), state, hosts, stale }
    }

    fn exception(site: &str, host: Option<&str>, created: Date, expires: Date) -> Exception {
        Exception {
            id: 1,
            site: site.to_owned(),
            host: host.map(str::to_owned),
            reason: "tape".to_owned(),
            author: "officer".to_owned(),
            created: day(created) * 86_400,
            expires: day(expires),
        }
    }

    fn january(day: i8) -> Date {
        Date::constant(2026, 1, day)
    }

    fn stands(groups: &[Group], hosts: &[Group], exceptions: &[Exception], today: Date) -> Vec<String> {
        let tallies = tally(groups, hosts, exceptions, day(today));
        let burn_down = BurnDown::of((day(january(10)), day(today)), &[], &[], &[]);
        let all = campaign(&["A", "B", "C", "D"]);
        let told = |site: SiteProgress| {
            let Tally { done, behind, blocked, unknown, excepted } = site.tally;
            let since = site.since.map(|since| since.to_string()).unwrap_or_default();
            format!("{} {} {done}/{behind}/{blocked}/{unknown}/{excepted} {since}", site.site, site.state.as_str())
        };
        sites(&all, &Scope::All, &tallies, exceptions, &burn_down, today).into_iter().map(told).collect()
    }

    #[test]
    fn silence_is_never_done_and_what_is_not_asked_does_not_count() {
        let groups = [
            group("A", Some(State::Compliant), 5, 2),
            group("A", Some(State::Behind), 3, 0),
            group("A", None, 40, 7),
            group("B", Some(State::Compliant), 2, 0),
            group("C", None, 2, 2),
        ];
        let expected = ["D no reports 0/0/0/0/0 ", "A on time 3/3/0/2/0 2026-01-10"];
        assert_eq!(stands(&groups, &[], &[], january(20))[..2], expected);
        assert_eq!(stands(&groups, &[], &[], january(21))[0], "A late 3/3/0/2/0 2026-01-21");
        assert_eq!(stands(&groups, &[], &[], january(21))[3], "C nothing to do 0/0/0/0/0 ");
    }

    #[test]
    fn exceptions_count_until_they_expire_and_only_for_what_is_not_done() {
        let groups = [group("A", Some(State::Blocked), 3, 1), group("A", Some(State::Compliant), 1, 0)];
        let of_site = [exception("A", None, january(12), january(15))];
        assert_eq!(stands(&groups, &[], &of_site, january(15))[3], "A excepted 1/0/0/0/3 2026-01-12");
        assert_eq!(stands(&groups, &[], &of_site, january(16))[3], "A on time 1/0/2/1/0 2026-01-10");
        let of_host = [exception("A", Some("wn1"), january(12), january(15))];
        let host = [group("A", Some(State::Blocked), 1, 0)];
        assert_eq!(stands(&groups, &host, &of_host, january(15))[3], "A on time 1/0/1/1/1 2026-01-10");
        // A host of a site that is excepted as a whole is not taken away twice.
        let both = [of_site[0].clone(), of_host[0].clone()];
        assert_eq!(stands(&groups, &host, &both, january(15))[3], "A excepted 1/0/0/0/3 2026-01-12");
        let done = [group("A", Some(State::Compliant), 1, 0)];
        assert_eq!(stands(&done, &done, &of_host, january(15))[3], "A done 1/0/0/0/0 2026-01-10");
    }

    #[test]
    fn a_site_sees_no_name_of_another() {
        let all = campaign(&["A", "B"]);
        let seen = Scope::Sites(["A".to_owned()].into());
        let tallies = tally(&[group("A", Some(State::Behind), 1, 0)], &[], &[], day(january(12)));
        let sites = sites(&all, &seen, &tallies, &[], &BurnDown::default(), january(12));
        assert_eq!(sites.iter().map(|site| site.site.as_str()).collect::<Vec<_>>(), ["A"]);
    }
}
