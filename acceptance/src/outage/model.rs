//! The same on paper: a grid of any size comes back to a collector of a given speed, by the programs' own times, pauses and bounds.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

use governor::clock::FakeRelativeClock;
use wlcg_package_collector::admission::{AWAY_SECONDS, Admission, spread};
use wlcg_package_collector::config::Config;
use wlcg_package_collector::intake::ANSWER;
use wlcg_package_reporter::delivery::luck;
use wlcg_package_reporter::state::State;

use super::host::name;
use super::schedule::{DAY, Habit, Run, Schedule, instant};

/// Milliseconds of network between an answer and the next report of the same host.
const ROUND_TRIP: i64 = 50;

/// The second of the day at which the collector is back: in the morning, outside the hours of the daily reports.
const RETURN: i64 = 10 * 3_600;

/// Any day.
const DAY_OF_RETURN: i64 = 20_500;

/// Who comes back, and to what.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    /// Hosts.
    pub hosts: usize,
    /// Sites, all of the same size; every second one has one address for all of its hosts.
    pub sites: usize,
    /// Who starts the hosts' programs.
    pub habit: Habit,
    /// Reports that the collector acknowledges in a second.
    pub received: f64,
    /// Reports that it opens in a second.
    pub opened: f64,
}

/// How it goes.
#[derive(Debug, Default)]
pub struct Drain {
    /// Seconds until each host has delivered its week, ascending.
    pub emptied: Vec<f64>,
    /// Posts in the busiest second.
    pub busiest: usize,
    /// Posts that were told to come later.
    pub turned: usize,
    /// Most seconds that an acknowledgement took.
    pub slowest: f64,
    /// Reports acknowledged until the last host had delivered its week.
    pub received: usize,
    /// Most reports that were acknowledged and not yet opened.
    pub unopened: usize,
    /// Seconds until the last of them was opened.
    pub opened: f64,
}

impl Drain {
    /// Seconds after which such a share of the hosts had delivered everything.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a number is a place in it")]
    pub fn after(&self, share: f64) -> f64 {
        let last = self.emptied.len().saturating_sub(1);
        self.emptied.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
    }

    /// Hosts that still had something to deliver after so many seconds.
    #[must_use]
    pub fn left(&self, seconds: f64) -> usize {
        self.emptied.len() - self.emptied.partition_point(|emptied| *emptied <= seconds)
    }
}

/// Lets a week pass without a collector, and tells what comes of its return.
#[must_use]
pub fn drain(grid: Grid) -> Drain {
    let back = DAY_OF_RETURN * DAY + RETURN;
    let mut collector = Collector::new(&grid, back * 1_000);
    let mut hosts: Vec<Host> = (0..grid.hosts).map(|number| Host::after_a_week(&grid, number, back)).collect();
    let mut events: BinaryHeap<Reverse<(i64, usize, Event)>> = BinaryHeap::new();
    for (number, host) in hosts.iter().enumerate() {
        events.push(Reverse(host.next_run(number, back * 1_000)));
    }
    let mut drained = Drain::default();
    while drained.emptied.len() < grid.hosts {
        let Reverse((at, number, event)) = events.pop().expect("whoever has reports comes again");
        let host = &mut hosts[number];
        if let Event::Run(run) = event {
            host.waiting += usize::from(run == Run::Report);
        }
        match collector.post(at, &host.address) {
            Answer::Acknowledged { at: answered } => {
                host.waiting -= 1;
                host.state = State::default();
                if host.waiting > 0 {
                    events.push(Reverse((answered + ROUND_TRIP, number, Event::Next)));
                    continue;
                }
                if !std::mem::replace(&mut host.is_emptied, true) {
                    drained.emptied.push((answered - back * 1_000) as f64 / 1_000.0);
                }
                events.push(Reverse(host.next_run(number, answered)));
            }
            Answer::Later { at: answered, seconds } => {
                let now = instant(answered / 1_000);
                host.state.not_before = instant(answered / 1_000 + seconds).into();
                host.state.put_off(now, luck(1_000));
                events.push(Reverse(host.next_run(number, answered)));
            }
        }
    }
    drained.emptied.sort_by(f64::total_cmp);
    collector.tell(&mut drained, back * 1_000);
    drained
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Run(Run),
    /// The next report of a run.
    Next,
}

struct Host {
    address: String,
    schedule: Schedule,
    state: State,
    waiting: usize,
    is_emptied: bool,
}

impl Host {
    fn after_a_week(grid: &Grid, number: usize, back: i64) -> Self {
        let site = number % grid.sites;
        let within = if site.is_multiple_of(2) { 0 } else { number / grid.sites };
        let schedule = Schedule::of(grid.habit, number, &name(number));
        let address = format!("2001:db8:{site:x}:{within:x}::1");
        let mut host = Host { address, schedule, state: State::default(), waiting: 0, is_emptied: false };
        let mut at = back - 7 * DAY;
        loop {
            let (next, run) = schedule.next(at, &host.state, host.waiting == 0);
            if next >= back {
                return host;
            }
            host.waiting += usize::from(run == Run::Report);
            host.state.put_off(instant(next), luck(1_000));
            at = next;
        }
    }

    /// Times in milliseconds; runs begin at full seconds, each host at its own part of one.
    fn next_run(&self, number: usize, after: i64) -> (i64, usize, Event) {
        let (second, run) = self.schedule.next(after.div_euclid(1_000), &self.state, self.waiting == 0);
        let part = if self.schedule.is_herd() { 0 } else { i64::try_from(number % 1_000).unwrap() };
        (second * 1_000 + part, number, Event::Run(run))
    }
}

enum Answer {
    Acknowledged { at: i64 },
    Later { at: i64, seconds: i64 },
}

/// One queue in front of a collector that takes in and opens at two steady rates.
struct Collector {
    admission: Admission<FakeRelativeClock>,
    clock: FakeRelativeClock,
    now: i64,
    /// Milliseconds for each report.
    each: (f64, f64),
    /// When what is queued is received, and opened.
    free: (f64, f64),
    /// When each report that is received and not opened will be.
    unopened: VecDeque<f64>,
    posts: BTreeMap<i64, usize>,
    told: Drain,
}

impl Collector {
    fn new(grid: &Grid, back: i64) -> Self {
        let clock = FakeRelativeClock::default();
        Collector {
            admission: Admission::by_clock(Config::default().bounds(), clock.clone()),
            clock,
            now: back,
            each: (1_000.0 / grid.received, 1_000.0 / grid.opened),
            free: (back as f64, back as f64),
            unopened: VecDeque::new(),
            posts: BTreeMap::new(),
            told: Drain::default(),
        }
    }

    fn post(&mut self, at: i64, address: &str) -> Answer {
        self.clock.advance(Duration::from_millis(u64::try_from(at - self.now).unwrap_or_default()));
        self.now = self.now.max(at);
        *self.posts.entry(at / 1_000).or_default() += 1;
        if let Err(turned) = self.admission.check(address) {
            self.told.turned += 1;
            return Answer::Later { at, seconds: i64::try_from(turned.seconds()).unwrap() };
        }
        let patience = i64::try_from(ANSWER.as_millis()).unwrap();
        let wait = (self.free.0 - at as f64).max(0.0);
        if wait > patience as f64 {
            self.told.turned += 1;
            return Answer::Later { at: at + patience, seconds: i64::try_from(spread(AWAY_SECONDS)).unwrap() };
        }
        let received = at as f64 + wait + self.each.0;
        self.free = (received, self.free.1.max(received) + self.each.1);
        self.unopened.push_back(self.free.1);
        while self.unopened.front().is_some_and(|opened| *opened <= received) {
            self.unopened.pop_front();
        }
        self.told.received += 1;
        self.told.unopened = self.told.unopened.max(self.unopened.len());
        self.told.slowest = self.told.slowest.max((received - at as f64) / 1_000.0);
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
        Answer::Acknowledged { at: received.ceil() as i64 }
    }

    fn tell(self, drained: &mut Drain, back: i64) {
        let emptied = std::mem::take(&mut drained.emptied);
        let busiest = self.posts.values().copied().max().unwrap_or_default();
        let opened = (self.free.1 - back as f64) / 1_000.0;
        *drained = Drain { emptied, busiest, opened, ..self.told };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_comes_back_spread_out_and_a_herd_does_not() {
        let grid = |habit| drain(Grid { hosts: 3_000, sites: 30, habit, received: 40.0, opened: 10.0 });
        let timers = grid(Habit::Timers);
        assert_eq!((timers.emptied.len(), timers.left(0.0), timers.left(1e9)), (3_000, 3_000, 0));
        assert!(timers.received >= 7 * 3_000 && timers.after(0.5) < timers.after(1.0), "{}", timers.received);
        assert!(timers.opened >= 7.0 * 300.0, "no faster than it opens: {}", timers.opened);
        let deaf = grid(Habit::Herd { asked: false });
        let obedient = grid(Habit::Herd { asked: true });
        let of_all = |what: fn(&Drain) -> usize| [what(&timers), what(&obedient), what(&deaf)];
        let (busiest, turned) = (of_all(|drain| drain.busiest), of_all(|drain| drain.turned));
        assert!(busiest[0] * 4 < busiest[1].min(busiest[2]), "{busiest:?}");
        assert!(turned[0] * 4 < turned[1].min(turned[2]), "{turned:?}");
    }
}
