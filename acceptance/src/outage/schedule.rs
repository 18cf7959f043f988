//! When the programs of a host run by themselves: by the shipped timers, by the file that `--cron` prints, or all hosts at once.

use std::path::Path;

use jiff::Timestamp;
use wlcg_package_reporter::cli::Options;
use wlcg_package_reporter::cron;
use wlcg_package_reporter::state::State;

const REPORT_TIMER: &str = include_str!("../../../systemd/wlcg-package-reporter.timer");
const SEND_TIMER: &str = include_str!("../../../systemd/wlcg-package-reporter-send.timer");

/// A day in seconds.
pub(super) const DAY: i64 = 86_400;

/// A silence of so many seconds or less is waited for within a run (the reporter's `delivery`).
const PATIENCE: i64 = 30;

/// Who starts the runs of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// systemd, by the units as they are shipped.
    Timers,
    /// cron, by the file that `--cron` prints.
    Cron,
    /// For comparison: every host reports at the same second, tries again at every full ten minutes whatever happened, and
    /// stays silent for as long as it was asked to, or not even that.
    Herd {
        /// Whether `Retry-After` is obeyed.
        asked: bool,
    },
}

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Run {
    /// `report`.
    Report,
    /// `send`.
    Send,
}

/// The times of one host, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    habit: Habit,
    host: u64,
    /// Seconds of the day.
    report: i64,
    /// Seconds between two deliveries, and of the first of them.
    period: i64,
    first: i64,
    /// Each delivery is late by less than so many seconds, every time by others.
    late: i64,
}

impl Schedule {
    /// The times of a host by its number and its name.
    #[must_use]
    pub(super) fn of(habit: Habit, number: usize, name: &str) -> Self {
        let host = u64::try_from(number).unwrap();
        let daily = at(unit(REPORT_TIMER, "OnCalendar"));
        let period = every(unit(SEND_TIMER, "OnCalendar"));
        match habit {
            Habit::Timers => {
                let spread = seconds(unit(REPORT_TIMER, "RandomizedDelaySec"));
                assert_eq!(unit(REPORT_TIMER, "FixedRandomDelay"), "yes", "the same delay every day");
                let report = daily + fastrand::Rng::with_seed(host).i64(0..spread);
                let late = seconds(unit(SEND_TIMER, "RandomizedDelaySec"));
                Schedule { habit, host, report, period, first: 0, late }
            }
            Habit::Cron => {
                let file = cron::file(&Options::default(), Path::new("/usr/bin/reporter"), name, "", "");
                let fields = |command: &str| -> Vec<String> {
                    let line = file.lines().find(|line| line.ends_with(command)).unwrap();
                    line.split(' ').map(str::to_owned).collect()
                };
                let (report, send) = (fields(" report"), fields(" send"));
                let number = |field: &str| field.parse::<i64>().unwrap();
                assert_eq!(send[1], "*", "every hour");
                let report = number(&report[1]) * 3_600 + number(&report[0]) * 60;
                Schedule { habit, host, report, period: 3_600, first: number(&send[0]) * 60, late: 1 }
            }
            Habit::Herd { .. } => Schedule { habit, host, report: daily, period, first: 0, late: 1 },
        }
    }

    /// What runs next after a time and does something: a report in any case, a delivery if something is spooled and the pause that
    /// this host has set itself is over, and so is the silence that it was asked for.
    #[must_use]
    pub(super) fn next(&self, after: i64, state: &State, is_empty: bool) -> (i64, Run) {
        let day = after.div_euclid(DAY) * DAY;
        let today = day + self.report;
        let report = if today > after { today } else { today + DAY };
        if is_empty {
            return (report, Run::Report);
        }
        let mut from = after;
        if self.when_due() {
            from += state.pause_left(instant(after)).unwrap_or_default();
        }
        if self.habit != (Habit::Herd { asked: false }) {
            let silence = state.silence_left(instant(after)).unwrap_or_default();
            from = from.max(after + silence - PATIENCE);
        }
        let send = self.next_delivery(from.max(after + 1));
        (send, Run::Send).min((report, Run::Report))
    }

    /// Whether a delivery waits for the pause after the last failure, as `send --when-due` does.
    #[must_use]
    pub(super) fn when_due(&self) -> bool {
        self.habit == Habit::Timers
    }

    /// Whether its hosts come all at the same second.
    pub(super) fn is_herd(&self) -> bool {
        matches!(self.habit, Habit::Herd { .. })
    }

    /// The first delivery at or after a time.
    fn next_delivery(&self, from: i64) -> i64 {
        let mut slot = (from - self.first - self.late).div_euclid(self.period);
        loop {
            let seed = (self.host << 32) ^ slot.unsigned_abs();
            let time = self.first + slot * self.period + fastrand::Rng::with_seed(seed).i64(0..self.late);
            if time >= from {
                return time;
            }
            slot += 1;
        }
    }
}

/// A time as the reporter knows it.
#[must_use]
pub(super) fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// The value of a unit's line.
fn unit<'a>(text: &'a str, key: &str) -> &'a str {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("a timer without {key}"))
}

/// Seconds of the day of `*-*-* 01:10`.
fn at(calendar: &str) -> i64 {
    let (hour, minute) = calendar.strip_prefix("*-*-* ").and_then(|time| time.split_once(':')).unwrap();
    hour.parse::<i64>().unwrap() * 3_600 + minute.parse::<i64>().unwrap() * 60
}

/// Seconds between two times of `*:0/10`.
fn every(calendar: &str) -> i64 {
    calendar.strip_prefix("*:0/").unwrap().parse::<i64>().unwrap() * 60
}

/// Seconds of `8min` or `6h`.
fn seconds(span: &str) -> i64 {
    let (number, unit) = span.split_at(span.find(|character: char| character.is_alphabetic()).unwrap());
    number.parse::<i64>().unwrap() * if unit == "h" { 3_600 } else { 60 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_come_at_the_times_of_the_units_and_wait_for_what_the_state_says() {
        let midnight = 20_000 * DAY;
        let mut state = State::default();
        for host in 0..500 {
            let timers = Schedule::of(Habit::Timers, host, "");
            let (report, run) = timers.next(midnight, &state, true);
            assert!((midnight + 4_200..midnight + 4_200 + 21_600).contains(&report) && run == Run::Report, "{report}");
            assert_eq!(timers.next(report, &state, true).0, report + DAY, "the same time every day");
            let (send, run) = timers.next(midnight, &state, false);
            assert!(send > midnight && send < midnight + 1_080 && run == Run::Send, "{send}");
        }
        state.put_off(instant(midnight), 1_000);
        let (timers, cron) = (Schedule::of(Habit::Timers, 1, "a"), Schedule::of(Habit::Cron, 1, "a"));
        assert!((midnight + 300..midnight + 300 + 1_080).contains(&timers.next(midnight, &state, false).0));
        let hourly = cron.next(midnight, &state, false).0;
        assert!(hourly <= midnight + 3_600 && hourly % 60 == 0, "cron knows no pause: {hourly}");
        state.not_before = Some(instant(midnight + 7_200));
        assert!(timers.next(midnight, &state, false).0 >= midnight + 7_200 - PATIENCE);
        assert!(cron.next(midnight, &state, false).0 >= midnight + 7_200 - PATIENCE);
        let herd = |asked| Schedule::of(Habit::Herd { asked }, 1, "a").next(midnight, &state, false);
        assert_eq!(herd(false), (midnight + 4_200, Run::Report).min((midnight + 600, Run::Send)));
        assert_eq!(herd(true), (midnight + 4_200, Run::Report));
    }
}
