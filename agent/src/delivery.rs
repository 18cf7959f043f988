//! Delivers what is spooled, oldest first; what the collector does not take now waits for the next run.

use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use report::hash::Hash;

use crate::send::{Outcome, Sender};
use crate::spool::{Spool, SpoolError, Spooled};
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
    if let Some(silence) = State::read(state_file).not_before.map(|until| until.as_second() - now.as_second())
        && silence > 0
    {
        if silence > PATIENCE {
            delivered.waiting = reports.len();
            delivered.reason = Some(format!("the collector asked for {silence} seconds of silence"));
            return Ok(delivered);
        }
        std::thread::sleep(Duration::from_secs(silence.unsigned_abs()));
    }
    for (at, report) in reports.iter().enumerate() {
        let Some(sealed) = spool.read(report.hash)? else { continue };
        let outcome = if Hash::of(&sealed) == report.hash {
            post(sender, report, &sealed, tries, now)
        } else {
            Outcome::Refused {
                reason: format!("spooled report {} is damaged: its bytes hash to something else", report.hash),
            }
        };
        let lock = spool.lock()?;
        let mut state = State::read(state_file);
        match outcome {
            Outcome::Acknowledged => {
                lock.remove(report.hash)?;
                delivered.acknowledged += 1;
                state.contents.remove(&report.hash.to_string());
                state.last_acknowledgement = Some(Acknowledged { time: now, report: report.hash });
                state.not_before = None;
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
                state.last_error = Some(Failed { time: now, message: reason.clone() });
                delivered.waiting = reports.len() - at;
                delivered.reason = Some(reason);
            }
            Outcome::Misconfigured { reason } => {
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

fn post(sender: &Sender, report: &Spooled, sealed: &[u8], tries: u32, now: Timestamp) -> Outcome {
    let mut longest = Duration::from_secs(1);
    for _ in 1..tries {
        match sender.post(report.hash, sealed, now) {
            Outcome::Later { not_before: None, .. } => {}
            decided => return decided,
        }
        std::thread::sleep(jittered(longest));
        longest = (longest * 2).min(LONGEST_PAUSE);
    }
    sender.post(report.hash, sealed, now)
}

/// Any time up to `longest`: hosts that failed together do not come back together.
fn jittered(longest: Duration) -> Duration {
    let random = RandomState::new().hash_one(std::process::id());
    let thousandths = u32::try_from(random % 1_000).unwrap_or_default();
    longest * thousandths / 1_000
}
