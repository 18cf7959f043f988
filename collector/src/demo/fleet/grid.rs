//! The invented grid: every site, farm and host of it, and the order in which their reports arrive.

use std::ops::Range;

use fastrand::Rng;
use jiff::Timestamp;

use super::catalogue::Catalogue;
use super::farm::{self, Farm};
use super::host::{self, Host, Moment};
use super::odd::Odd;
use super::site::{self, Site};
use super::{DAY, TODAY};
use crate::store::InboxState;

/// Everything that was invented.
pub(super) struct Grid {
    pub(super) catalogue: Catalogue,
    pub(super) sites: Vec<Site>,
    pub(super) farms: Vec<Farm>,
    pub(super) hosts: Vec<Host>,
    /// The end of the last day, unix seconds.
    end: i64,
}

/// A report on its way: whose it is and when it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrival {
    /// Unix seconds.
    pub(super) received: i64,
    /// Place of the host in the grid.
    pub(super) host: u32,
    /// Place of the report among the host's.
    pub(super) report: u32,
    /// What is wrong with it; the report itself came as it should.
    pub(super) odd: Option<Odd>,
}

impl Arrival {
    /// What becomes of the report.
    pub(super) fn expected(&self) -> InboxState {
        self.odd.map_or(InboxState::Opened, Odd::expected)
    }
}

impl Grid {
    /// The grid of `hosts` hosts that `seed` stands for, whose last day ends at `now`. The same for the same arguments.
    pub(super) fn invent(hosts: u32, seed: u64, now: Timestamp) -> Self {
        let mut rng = Rng::with_seed(seed);
        let catalogue = Catalogue::read();
        let sites = site::invent(usize::try_from(hosts).unwrap_or(usize::MAX), &mut rng);
        let update = since_midnight(now);
        let mut farms = Vec::new();
        let mut invented = Vec::new();
        for (at, site) in sites.iter().enumerate() {
            let mut rng = rng.fork();
            let mut number = 0;
            for farm in farm::of_site(at, site, &catalogue, &mut rng) {
                invented.extend(host::of_farm(farms.len(), &farm, site, number, &update, &mut rng));
                number += farm.hosts;
                farms.push(farm);
            }
        }
        Grid { catalogue, sites, farms, hosts: invented, end: now.as_second() }
    }

    /// Every report in the order of arrival.
    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        for (host, reports) in (0..).zip(self.hosts.iter().map(|host| &host.reports)) {
            for (report, moment) in (0..).zip(reports) {
                arrivals.push(Arrival { received: self.received(host, moment), host, report, odd: None });
            }
        }
        arrivals.extend(self.odd_arrivals());
        arrivals.sort_unstable();
        arrivals
    }

    /// In the last ten days, of each kind one for so many hosts that are known by their key.
    fn odd_arrivals(&self) -> Vec<Arrival> {
        let is_known =
            |host: &Host| host.signs && host.reports.first().is_some_and(|first| first.received < TODAY - 30);
        let known: Vec<u32> = (0..).zip(&self.hosts).filter(|(_, host)| is_known(host)).map(|(at, _)| at).collect();
        let kinds = Odd::ALL.into_iter().filter(|odd| *odd != Odd::Moved || self.sites.len() > 1).cycle();
        let mut arrivals = Vec::new();
        for (number, odd) in kinds.take(Odd::ALL.len() * (1 + self.hosts.len() / 10_000)).enumerate() {
            let Some(host) = known.get(number * 7 % known.len().max(1)).copied() else { continue };
            let day = TODAY - i32::try_from(number % 10).unwrap_or_default();
            let received = self.at(day, i32::try_from(number).unwrap_or_default() * 977);
            let last = self.hosts.get(host as usize).map_or(0, |host| host.reports.len().saturating_sub(1));
            arrivals.push(Arrival { received, host, report: u32::try_from(last).unwrap_or_default(), odd: Some(odd) });
        }
        arrivals
    }

    /// Another site than the one at this place, if there is one.
    pub(super) fn neighbour(&self, site: usize) -> Option<&Site> {
        self.sites.get((site + 1) % self.sites.len().max(1))
    }

    /// Whether a host runs pakiti-client.
    pub(super) fn is_legacy(&self, host: &Host) -> bool {
        let farm = self.farms.get(host.farm);
        farm.and_then(|farm| self.sites.get(farm.site)).is_some_and(|site| site.legacy)
    }

    /// The host that a report comes from.
    pub(super) fn host(&self, arrival: Arrival) -> Option<&Host> {
        self.hosts.get(usize::try_from(arrival.host).ok()?)
    }

    /// The start of a second of a day, unix seconds.
    pub(super) fn at(&self, day: i32, second: i32) -> i64 {
        self.end - i64::from(TODAY + 1 - day) * DAY + i64::from(second.rem_euclid(86_400))
    }

    /// Some seconds for the way, and never after the end.
    fn received(&self, host: u32, moment: &Moment) -> i64 {
        let way = 1 + i32::try_from(host % 7).unwrap_or_default();
        (self.at(moment.received, moment.second) + i64::from(way)).min(self.end)
    }
}

/// Seconds of the last day that are of the same day (UTC) as its end, and not more than the last hour.
fn since_midnight(end: Timestamp) -> Range<i32> {
    let of_today = i32::try_from(end.as_second().rem_euclid(DAY)).unwrap_or_default();
    // Right after midnight there is no such second: yesterday's last minute has to do.
    86_400 - of_today.clamp(60, 3_600)..86_390
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::text::Writer;
    use super::*;

    fn now() -> Timestamp {
        "2026-11-24T21:00:00Z".parse().unwrap()
    }

    /// Every report of a grid as text, with its time of arrival.
    fn texts(grid: Grid) -> Vec<(Arrival, String)> {
        let grid = Arc::new(grid);
        let writer = Writer::new(Arc::clone(&grid));
        let text = |arrival: Arrival| {
            let host = grid.host(arrival).unwrap();
            let moment = &host.reports[usize::try_from(arrival.report).unwrap()];
            (arrival, writer.text(host, moment, arrival).unwrap())
        };
        grid.arrivals().into_iter().map(text).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn every_report_is_one_that_a_host_could_send(hosts in 1_u32..40, seed in any::<u64>()) {
            let grid = Grid::invent(hosts, seed, now());
            let sites: BTreeSet<String> = grid.sites.iter().map(|site| site.naming.site.clone()).collect();
            prop_assert_eq!(grid.hosts.len(), usize::try_from(hosts).unwrap());
            let mut reported = BTreeSet::new();
            let mut last = i64::MIN;
            for (arrival, text) in texts(grid) {
                prop_assert!(last <= arrival.received && arrival.received <= now().as_second());
                last = arrival.received;
                if arrival.odd.is_some() {
                    continue;
                }
                let report = report::text::read(text.as_bytes()).unwrap();
                prop_assert_eq!(&report::text::write(&report).unwrap(), &text);
                let packages = report.packages.len();
                prop_assert!((300..=1_500).contains(&packages), "{} has {packages} packages", report.header.host);
                let collected = report.header.collected.map_or(arrival.received, Timestamp::as_second);
                prop_assert!(collected <= arrival.received + 10_000 && collected <= now().as_second());
                prop_assert!(collected > now().as_second() - 366 * DAY);
                let names = [report.header.fact("system"), report.header.fact("kernel"), report.header.fact("cpu")];
                prop_assert!(report::os::short_name(names[0]).is_some() && !names.contains(&""), "{names:?}");
                let site = report.header.site.unwrap();
                prop_assert!(sites.contains(site.as_ref()), "{site}");
                reported.insert((site.into_owned(), report.header.host.into_owned()));
            }
            prop_assert_eq!(reported.len(), usize::try_from(hosts).unwrap());
        }
    }

    #[test]
    fn the_same_seed_is_the_same_grid_and_another_is_not() {
        let texts = |seed| texts(Grid::invent(25, seed, now()));
        let once = texts(1);
        assert!(once == texts(1));
        assert!(once != texts(2));
    }

    /// Whether the newest report is of another state than the one before, and of the day (UTC) on which the year ends.
    fn is_updated_today(grid: &Grid, host: &Host) -> bool {
        let [.., before, last] = host.reports.as_slice() else { return false };
        last.state != before.state && grid.at(last.day, last.second).div_euclid(DAY) == grid.end.div_euclid(DAY)
    }

    #[test]
    fn a_grid_of_any_size_and_hour_has_an_update_on_its_last_day() {
        for (hosts, now) in [(1, "00:01:00"), (60, "00:05:00"), (400, "12:00:00"), (2_000, "23:59:59")] {
            let now = format!("2026-11-24T{now}Z").parse().unwrap();
            let grid = Grid::invent(hosts, super::super::SEED, now);
            assert!(grid.hosts.iter().any(|host| is_updated_today(&grid, host)), "{hosts} hosts at {now}");
        }
    }

    #[test]
    fn the_year_has_what_an_officer_meets() {
        let grid = Grid::invent(2_000, super::super::SEED, now());
        let hosts = |wanted: &dyn Fn(&Host) -> bool| grid.hosts.iter().filter(|host| wanted(host)).count();
        let last = |host: &Host| host.reports.last().unwrap().day;
        let silent = hosts(&|host| last(host) < TODAY - 7);
        let new = hosts(&|host| host.reports[0].day > TODAY - 7);
        let late = hosts(&|host| host.reports.iter().any(|report| report.received > report.day));
        let lagging = hosts(&|host| {
            let newest = &host.reports.last().unwrap();
            grid.farms[host.farm].states[newest.state].kernels.last() != Some(&newest.running)
        });
        for (what, number) in [("silent", silent), ("new", new), ("late", late), ("lagging", lagging)] {
            assert!((10..600).contains(&number), "{what}: {number}");
        }
        assert!(hosts(&|host| host.warning.is_some()) > 5 && hosts(&|host| !host.signs) > 50);
        assert!(hosts(&|host| host.address.starts_with("203.")) > 2 && hosts(&|host| host.clock_ahead > 0) > 2);
        for site in [0, 8] {
            let updated = hosts(&|host| grid.farms[host.farm].site == site && is_updated_today(&grid, host));
            assert!(updated > 0, "{}: no host was updated on the last day", grid.sites[site].naming.site);
        }
        assert!((20..400).contains(&hosts(&|host| is_updated_today(&grid, host))));
        let reports: usize = grid.hosts.iter().map(|host| host.reports.len()).sum();
        assert!((8..20).contains(&(reports / grid.hosts.len())), "{reports} reports");
    }
}
