//! What a run leaves for the next one and for `status`; losing it loses no report.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use report::hash::Hash;
use serde::{Deserialize, Serialize};

use crate::spool::{MadeWay, write_durably};

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
    /// Reports that made way in a full spool.
    pub dropped: Dropped,
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

    /// Puts the state file in place whole.
    ///
    /// # Errors
    /// The system's own.
    pub fn write(&self, file: &Path) -> std::io::Result<()> {
        let unfinished = file.with_extension("json.new");
        write_durably(&unfinished, &serde_json::to_vec_pretty(self).unwrap_or_default())?;
        std::fs::rename(&unfinished, file)
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
