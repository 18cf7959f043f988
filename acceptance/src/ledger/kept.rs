//! What a collector has, held against what was sent: every report bit for bit and once, every past as a model computes it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use report::hash::Hash;
use serde_json::Value;

use crate::programs::{Deployment, within};

/// What a host said in a report.
#[derive(Debug, Clone, Copy)]
pub struct Said {
    /// When it was collected, unix seconds.
    pub at: i64,
    /// Equal for reports that say the same.
    pub what: usize,
    /// How many packages it has.
    pub packages: usize,
}

/// Waits until all is opened, and compares the inbox with everything that was sent.
pub fn has_all_once(deployment: &Deployment, sent: &BTreeMap<Hash, &[u8]>) {
    within(120, "all is opened", || deployment.inbox("waiting") == 0);
    let rows = deployment.rows(&["inbox", "list", "--limit", "1000000"]);
    let stored: BTreeSet<&str> = rows.iter().map(|row| row["report"].as_str().unwrap()).collect();
    assert_eq!(stored.len(), rows.len(), "a report is stored twice");
    let hashes: Vec<String> = sent.keys().map(Hash::to_string).collect();
    assert_eq!(stored, hashes.iter().map(String::as_str).collect(), "lost, or from nowhere");
    assert!(rows.iter().all(|row| row["state"] == "opened"), "each can be opened");
    let kept = bodies(deployment);
    for (hash, sealed) in sent {
        assert_eq!(kept.get(&hash.to_string()).map(Vec::as_slice), Some(*sealed), "{hash} is not what was posted");
    }
}

/// Compares the past of a host with the one that what it said makes, in whatever order it came.
pub fn history_is(deployment: &Deployment, host: &str, said: impl Iterator<Item = Said>) {
    let rows = deployment.rows(&["history", host]);
    let told: Vec<Interval> = rows.iter().map(Interval::read).collect();
    assert_eq!(told, history(said), "history of {host}");
}

/// What a host said from when its state of a time (unix seconds) began: all that is left when older history goes.
#[must_use]
pub fn since(time: i64, said: impl Iterator<Item = Said>) -> Vec<Said> {
    let by_time: BTreeMap<i64, Said> = said.map(|said| (said.at, said)).collect();
    let of_then = by_time.range(..=time).next_back().map(|(_, said)| said.what);
    let other = by_time.range(..=time).rev().find(|(_, said)| Some(said.what) != of_then).map(|(at, _)| *at);
    by_time.into_values().filter(|said| other.is_none_or(|other| said.at > other)).collect()
}

/// What a collector keeps of each report as it came, by hash: from a backup, which reads them all at once.
#[must_use]
pub fn bodies(deployment: &Deployment) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir_in(deployment.folder.path()).unwrap();
    let file = folder.path().join("backup.sqlite");
    deployment.ask(&["backup", &file.display().to_string()]);
    let backup = rusqlite::Connection::open(file).unwrap();
    let mut rows = backup.prepare("SELECT hash, body FROM inbox").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// A time in which a host said the same.
#[derive(Debug, PartialEq, Eq)]
struct Interval {
    from: String,
    last_seen: String,
    until: Option<String>,
    reports: usize,
    packages: usize,
}

impl Interval {
    fn read(row: &Value) -> Self {
        let text = |name: &str| row[name].as_str().map(str::to_owned);
        let number = |name: &str| usize::try_from(row[name].as_u64().unwrap()).unwrap();
        Interval {
            from: text("from").unwrap(),
            last_seen: text("last_seen").unwrap(),
            until: text("until"),
            reports: number("reports"),
            packages: number("packages"),
        }
    }
}

/// The history of one host, from what it said in the order of time: knows nothing of how a collector keeps it.
fn history(said: impl Iterator<Item = Said>) -> Vec<Interval> {
    let by_time: BTreeMap<i64, Said> = said.map(|said| (said.at, said)).collect();
    let by_time: Vec<Said> = by_time.into_values().collect();
    let shown = |at: i64| Timestamp::from_second(at).unwrap().to_string();
    let chunks: Vec<&[Said]> = by_time.chunk_by(|left, right| left.what == right.what).collect();
    let mut intervals = Vec::new();
    for (place, chunk) in chunks.iter().enumerate() {
        let Said { at, packages, .. } = chunk[0];
        let until = chunks.get(place + 1).map(|next| shown(next[0].at));
        let last_seen = shown(chunk[chunk.len() - 1].at);
        intervals.push(Interval { from: shown(at), last_seen, until, reports: chunk.len(), packages });
    }
    intervals
}
