//! What a run leaves for the next one and for `status`; losing it loses no report.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use report::hash::Hash;
use serde::{Deserialize, Serialize};

use crate::spool::MadeWay;

/// Seconds of the first pause after a failure.
const FIRST_PAUSE: i64 = 5 * 60;

/// Seconds of the longest pause.
const LONGEST_PAUSE: i64 = 6 * 3600;

/// The longest that a collector may ask for silence, in seconds.
pub const LONGEST_SILENCE: i64 = 86_400;

/// The state file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// What each spooled report says, so that identical ones can be told.
    pub contents: BTreeMap<String, Hash>,
    /// The last report that the collector has.
    pub last_acknowledgement: Option<Acknowledged>,
    /// What last went wrong; gone with the next success.
    pub last_error: Option<Failed>,
    /// The collector asked to be left alone until then.
    pub not_before: Option<Timestamp>,
    /// Runs in a row that could not deliver everything.
    pub failures: u32,
    /// The timer and the daemon do not try again before then.
    pub next_try: Option<Timestamp>,
    /// When the last report was collected.
    pub last_collected: Option<Timestamp>,
    /// Seconds by which this host's clock is ahead of the collector's, as it last answered; negative when behind.
    pub clock_ahead_seconds: Option<i64>,
    /// Reports that made way in a full spool.
    pub dropped: Dropped,
    /// When the collector was last asked for its recipient bundle.
    pub bundle_asked: Option<Timestamp>,
    /// Why the collector's recipient bundle is not followed; gone with the next one that is.
    pub bundle_refused: Option<Failed>,
}

/// An acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// When it came.
    pub time: Timestamp,
    /// For which report.
    pub report: Hash,
}

/// A failure in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// When.
    pub time: Timestamp,
    /// What.
    pub message: String,
}

/// Reports that made way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dropped {
    /// Because a neighbour said the same.
    pub identical: u64,
    /// Because they were the oldest.
    pub oldest: u64,
    /// Because they had waited too long.
    pub aged: u64,
    /// When it last happened.
    pub last: Option<Timestamp>,
}

impl State {
    /// Reads the state file; one that is missing or damaged is as good as a new one.
    #[must_use]
    pub fn read(file: &Path) -> Self {
        std::fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Puts the state file in place whole; a power cut may take it away, and no report with it.
    ///
    /// # Errors
    /// The system's own.
    pub fn write(&self, file: &Path) -> std::io::Result<()> {
        let unfinished = file.with_extension("json.new");
        let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        new.write_all(&serde_json::to_vec_pretty(self).unwrap_or_default())?;
        std::fs::rename(&unfinished, file)
    }

    /// Tells a failure of a run that has no spool to tell it in; what it cannot write is lost for `status` alone.
    pub fn note(file: &Path, now: Timestamp, message: String) {
        let mut state = State::read(file);
        state.last_error = Some(Failed { time: now, message });
        let _ = state.write(file);
    }

    /// Puts the next try off, longer with each failure; `luck` from 0 to 1,000 keeps hosts that failed together apart.
    pub fn put_off(&mut self, now: Timestamp, luck: u16) {
        let doubled = FIRST_PAUSE.checked_shl(self.failures.min(16)).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        // Between half of the pause and the whole.
        let pause = doubled / 2 + doubled * i64::from(luck.min(1_000)) / 2_000;
        self.next_try = Timestamp::from_second(now.as_second() + pause).ok();
    }

    /// Seconds until the next try is due; a date that no pause reaches comes from a clock that was wrong.
    #[must_use]
    pub fn pause_left(&self, now: Timestamp) -> Option<i64> {
        let left = self.next_try?.as_second() - now.as_second();
        (1..=LONGEST_PAUSE).contains(&left).then_some(left)
    }

    /// Seconds for which the collector asked to be left alone; a time that no collector can ask for comes from a clock that was
    /// wrong.
    #[must_use]
    pub fn silence_left(&self, now: Timestamp) -> Option<i64> {
        let left = self.not_before?.as_second() - now.as_second();
        (1..=LONGEST_SILENCE).contains(&left).then_some(left)
    }

    /// Counts a report that made way.
    pub fn count(&mut self, why: MadeWay, now: Timestamp) {
        match why {
            MadeWay::Identical => self.dropped.identical += 1,
            MadeWay::Oldest => self.dropped.oldest += 1,
            MadeWay::Aged => self.dropped.aged += 1,
        }
        self.dropped.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_to_its_bound_and_a_wrong_clock_does_not_stretch_it() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut state = State::default();
        let mut pauses = Vec::new();
        for _ in 0..9 {
            state.put_off(at(0), 1_000);
            pauses.push(state.pause_left(at(0)).unwrap());
        }
        assert_eq!(pauses, [300, 600, 1_200, 2_400, 4_800, 9_600, 19_200, 21_600, 21_600]);
        assert_eq!(state.pause_left(at(21_600)), None);
        assert_eq!(state.pause_left(at(-86_400)), None);
        state.not_before = Some(at(86_400));
        assert_eq!([0, 86_399, 86_400, -1].map(|now| state.silence_left(at(now))), [Some(86_400), Some(1), None, None]);
        let mut lucky = State::default();
        lucky.put_off(at(0), 0);
        assert_eq!(lucky.pause_left(at(0)), Some(150));
    }

    #[test]
    fn a_state_reads_back_and_damage_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        let mut state = State::default();
        state.count(MadeWay::Aged, Timestamp::UNIX_EPOCH);
        state.contents.insert(Hash::of(b"a").to_string(), Hash::of(b"b"));
        state.write(&file).unwrap();
        assert_eq!(State::read(&file), state);
        for damage in [&b""[..], b"{", b"[]", b"{\"not_before\": 3}", b"\xff"] {
            std::fs::write(&file, damage).unwrap();
            assert_eq!(State::read(&file), State::default());
        }
    }
}
