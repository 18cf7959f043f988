//! `daemon`: the same job for hosts without timers; the work is done in a thread, so that signals are always heard.

use std::io::Write as _;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use jiff::Timestamp;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::cli;
use crate::config::{Config, ConfigError};
use crate::exit::Exit;
use crate::paths::Paths;
use crate::run::{self, Ended, RunError};
use crate::spool::Spool;
use crate::state::State;
use crate::{clock, delivery, systemd};

/// How long the end waits for a report that is on its way; whatever is on disk is whole at any time.
const GRACE: Duration = Duration::from_secs(5);

/// Work that takes longer is hung: systemd is no longer told that the program is alive.
const LONGEST_WORK: i64 = 3600;

/// How often the clock and the spool are looked at.
const LOOK: Duration = Duration::from_secs(20);

/// A host that was off at its time reports within so many seconds after it starts.
const CATCH_UP: i64 = 3600;

/// Seconds after a run that failed, for another reason than the collector's absence.
const TRY_AGAIN: i64 = 3600;

enum Event {
    Signal(i32),
    Worked(Result<Ended, RunError>),
}

/// Reports on a period and delivers until SIGTERM; SIGHUP reads the configuration again.
///
/// # Errors
/// [`RunError`] when the configuration cannot be used or signals cannot be listened to.
pub fn run(options: &cli::Options, mut config: Config) -> Result<Ended, RunError> {
    check(&config)?;
    let (tell, events) = mpsc::channel();
    listen_to_signals(tell.clone())?;
    let now = clock::now();
    let state = read_state(&config);
    let mut due = first_report(state.last_collected, period(&config), now, i64::from(delivery::luck(1_000)));
    let mut working_since = None;
    systemd::ready();
    let ended = || Ok(Ended { exit: Exit::Done, message: "stopped".to_owned() });
    loop {
        let now = clock::now();
        // A clock that was set back must not silence the host.
        due = due.min(now.as_second() + period(&config) + period(&config) / 20);
        if working_since.is_none() {
            let work = if now.as_second() >= due {
                due = next_report(period(&config), now, i64::from(delivery::luck(1_000)));
                Some(Work::Report)
            } else {
                waits(&config, now).then_some(Work::Send)
            };
            if let Some(work) = work {
                working_since = Some(now);
                begin(work, config.clone(), tell.clone());
            }
        }
        if working_since.is_none_or(|since: Timestamp| now.as_second() - since.as_second() < LONGEST_WORK) {
            systemd::alive();
        }
        let pause = systemd::watchdog().map_or(LOOK, |patience| (patience / 3).min(LOOK));
        match events.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return ended(),
            Ok(Event::Worked(worked)) => {
                working_since = None;
                tell_end(&worked);
                if worked.is_err() {
                    due = due.min(now.as_second() + TRY_AGAIN);
                }
            }
            Ok(Event::Signal(SIGHUP)) => reload(options, &mut config),
            Ok(Event::Signal(_)) => {
                systemd::stopping();
                while working_since.is_some() {
                    match events.recv_timeout(GRACE) {
                        Ok(Event::Worked(worked)) => {
                            working_since = None;
                            tell_end(&worked);
                        }
                        Ok(Event::Signal(_)) => {}
                        Err(_) => break,
                    }
                }
                return ended();
            }
        }
    }
}

/// Without these no report could ever be made: better said at the start than once a day.
fn check(config: &Config) -> Result<(), RunError> {
    config.checked_site()?;
    if config.url.is_none() {
        return Err(RunError::NoUrl);
    }
    if config.read_recipients()?.is_empty() {
        return Err(RunError::NoRecipient);
    }
    Ok(())
}

enum Work {
    Report,
    Send,
}

fn begin(work: Work, config: Config, tell: Sender<Event>) {
    std::thread::spawn(move || {
        let worked = match work {
            Work::Report => run::report(&config, &cli::Report::default(), clock::now()),
            Work::Send => run::send(&config, true, clock::now()),
        };
        // Nobody hears it once the program ends.
        let _ = tell.send(Event::Worked(worked));
    });
}

fn tell_end(worked: &Result<Ended, RunError>) {
    let line = match worked {
        Ok(ended) => ended.message.clone(),
        Err(error) => error.to_string(),
    };
    systemd::status(&line);
    let _ = writeln!(std::io::stderr(), "wlcg-package-reporter: {line}");
}

fn reload(options: &cli::Options, config: &mut Config) {
    systemd::reloading();
    let loaded = Config::load(options).map_err(RunError::from).and_then(|loaded| {
        check(&loaded)?;
        Ok(loaded)
    });
    let line = match loaded {
        Ok(loaded) => {
            *config = loaded;
            "configuration read again".to_owned()
        }
        Err(error) => format!("configuration not taken, the earlier one goes on: {error}"),
    };
    systemd::ready();
    systemd::status(&line);
    let _ = writeln!(std::io::stderr(), "wlcg-package-reporter: {line}");
}

fn listen_to_signals(tell: Sender<Event>) -> Result<(), RunError> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(RunError::Signals)?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if tell.send(Event::Signal(signal)).is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// Whether something waits in the spool and the pause after the last failure is over.
fn waits(config: &Config, now: Timestamp) -> bool {
    let Ok(paths) = Paths::make(config.spool.as_deref()) else { return false };
    let spooled = Spool::new(paths.spool, paths.refused).list().unwrap_or_default();
    let state = State::read(&paths.state);
    !spooled.is_empty() && state.pause_left(now).is_none() && state.silence_left(now).is_none()
}

fn read_state(config: &Config) -> State {
    let paths: Result<Paths, ConfigError> = Paths::make(config.spool.as_deref());
    paths.map(|paths| State::read(&paths.state)).unwrap_or_default()
}

fn period(config: &Config) -> i64 {
    i64::from(config.period_minutes.max(1)) * 60
}

/// Seconds since 1970 of the first report: at once on a new host, soon when one was missed, else when it is time.
///
/// `luck` from 0 to 1,000 keeps hosts that start together apart.
fn first_report(last: Option<Timestamp>, period: i64, now: Timestamp, luck: i64) -> i64 {
    let Some(last) = last else { return now.as_second() };
    let due = last.as_second() + period;
    if due > now.as_second() { due } else { now.as_second() + CATCH_UP.min(period / 4) * luck / 1_000 }
}

/// Seconds since 1970 of the next report: a period from now, give or take a twentieth.
fn next_report(period: i64, now: Timestamp, luck: i64) -> i64 {
    now.as_second() + period - period / 20 + period / 10 * luck / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_host_reports_at_once_and_a_late_one_soon() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let last = |ago: i64| Timestamp::from_second(1_000_000 - ago).ok();
        let day = 86_400;
        assert_eq!(first_report(None, day, now, 1_000), 1_000_000);
        assert_eq!(first_report(last(600), day, now, 1_000), 1_000_000 - 600 + day);
        assert_eq!(first_report(last(2 * day), day, now, 1_000), 1_003_600);
        assert_eq!(first_report(last(2 * day), day, now, 0), 1_000_000);
        assert_eq!(next_report(day, now, 0), 1_000_000 + day * 19 / 20);
        assert_eq!(next_report(day, now, 1_000), 1_000_000 + day * 21 / 20);
    }
}
