//! Delivers what is spooled, oldest first; what the collector does not take now waits for the next run.

use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use report::hash::Hash;

use crate::send::{Answer, Outcome, Sender};
use crate::spool::{Spool, SpoolError};
use crate::state::{Acknowledged, Failed, State};

/// Longest pause between tries within a run.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Longest silence that a run waits for instead of leaving it to the next run.
const PATIENCE: i64 = 30;

/// What a delivery did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Reports that the collector now has.
    pub acknowledged: usize,
    /// Reports that it refused for good.
    pub refused: usize,
    /// Reports that wait.
    pub waiting: usize,
    /// Why they wait, or what was refused.
    pub reason: Option<String>,
}

/// Delivers every spooled report with at most `tries` tries each; the first that has to wait ends the run.
///
/// # Errors
/// [`SpoolError`]; every report is still where it was or with the collector.
pub fn deliver(
    spool: &Spool,
    state_file: &Path,
    sender: &Sender,
    tries: u32,
    now: Timestamp,
) -> Result<Delivered, SpoolError> {
    let mut delivered = Delivered::default();
    let reports = spool.list()?;
    if reports.is_empty() {
        return Ok(delivered);
    }
    if let Some(silence) = State::read(state_file).silence_left(now) {
        if silence > PATIENCE {
            delivered.waiting = reports.len();
            delivered.reason = Some(format!("the collector asked for {silence} seconds of silence"));
            return Ok(delivered);
        }
        std::thread::sleep(Duration::from_secs(silence.unsigned_abs()));
    }
    for (at, report) in reports.iter().enumerate() {
        let Some(sealed) = spool.read(report.hash)? else { continue };
        let answer = if Hash::of(&sealed) == report.hash {
            post(sender, report.hash, &sealed, tries, now)
        } else {
            let reason = format!("spooled report {} is damaged: its bytes hash to something else", report.hash);
            Answer { outcome: Outcome::Refused { reason }, clock: None }
        };
        let lock = spool.lock()?;
        let mut state = State::read(state_file);
        if let Some(clock) = answer.clock {
            state.clock_ahead_seconds = Some(now.as_second() - clock.as_second());
        }
        match answer.outcome {
            Outcome::Acknowledged => {
                lock.remove(report.hash)?;
                delivered.acknowledged += 1;
                state.contents.remove(&report.hash.to_string());
                state.last_acknowledgement = Some(Acknowledged { time: now, report: report.hash });
                state.not_before = None;
                state.next_try = None;
                state.failures = 0;
                state.last_error = None;
            }
            Outcome::Refused { reason } => {
                lock.refuse(report.hash)?;
                delivered.refused += 1;
                state.contents.remove(&report.hash.to_string());
                state.last_error = Some(Failed { time: now, message: format!("refused {}: {reason}", report.hash) });
                delivered.reason = Some(format!("refused: {reason}"));
            }
            Outcome::Later { reason, not_before } => {
                state.not_before = not_before;
                state.put_off(now, luck(1_000));
                state.last_error = Some(Failed { time: now, message: reason.clone() });
                delivered.waiting = reports.len() - at;
                delivered.reason = Some(reason);
            }
            Outcome::Misconfigured { reason } => {
                state.put_off(now, luck(1_000));
                state.last_error = Some(Failed { time: now, message: reason.clone() });
                delivered.waiting = reports.len() - at;
                delivered.reason = Some(reason);
            }
        }
        // What the state file tells can be told again; the reports are where they should be.
        let _ = state.write(state_file);
        if delivered.waiting > 0 {
            break;
        }
    }
    Ok(delivered)
}

/// Posts a report, `tries` times at most.
#[must_use]
pub fn post(sender: &Sender, hash: Hash, sealed: &[u8], tries: u32, now: Timestamp) -> Answer {
    let mut longest = Duration::from_secs(1);
    for _ in 1..tries {
        match sender.post(hash, sealed, now) {
            Answer { outcome: Outcome::Later { not_before: None, .. }, .. } => {}
            decided => return decided,
        }
        std::thread::sleep(at_random(longest));
        longest = (longest * 2).min(LONGEST_PAUSE);
    }
    sender.post(hash, sealed, now)
}

/// Any time up to `longest`: hosts that failed together do not come back together.
#[must_use]
pub fn at_random(longest: Duration) -> Duration {
    longest * u32::from(luck(1_000)) / 1_000
}

/// A number below `bound` that no two hosts, and no two calls, share but by chance.
#[must_use]
pub fn luck(bound: u16) -> u16 {
    let random = RandomState::new().hash_one(std::process::id());
    u16::try_from(random % u64::from(bound.max(1))).unwrap_or_default()
}
