//! Counts what is refused at the door, without ever holding up an answer: the counts reach the database a little later.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::history::day_of;
use crate::store::{OTHER_ADDRESSES, RefusalCount, Store, unless_silent};

/// Refusals that may wait to be counted; while there are more, they go uncounted.
const QUEUE: usize = 1_024;

/// How long refusals are gathered before they are written.
const GATHER: Duration = Duration::from_secs(2);

/// How long the database may say nothing to that.
const SILENCE: Duration = Duration::from_secs(60);

/// Addresses that are told apart between two writes; the rest is counted together.
const SOURCES: usize = 200;

/// The way to the counts; clones share it.
#[derive(Clone)]
pub struct Refusals {
    queue: mpsc::Sender<(i64, String, &'static str)>,
}

impl Refusals {
    /// Starts the task that writes the counts; it ends when every clone is gone and what was noted is written.
    #[must_use]
    pub fn start(store: Store) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, noted) = mpsc::channel(QUEUE);
        (Refusals { queue }, tokio::spawn(write_counts(store, noted)))
    }

    /// Notes that a report from `source` was refused at that time (unix seconds), for one of a few reasons.
    pub fn note(&self, now: i64, source: &str, reason: &'static str) {
        // Whoever sends more than can be counted is counted often enough.
        let _ = self.queue.try_send((now, source.to_owned(), reason));
    }
}

async fn write_counts(store: Store, mut noted: mpsc::Receiver<(i64, String, &'static str)>) {
    while let Some(first) = noted.recv().await {
        let mut counts = Counts::default();
        counts.add(first);
        let end = tokio::time::sleep(GATHER);
        tokio::pin!(end);
        loop {
            tokio::select! {
                next = noted.recv() => match next {
                    Some(next) => counts.add(next),
                    None => break,
                },
                () = &mut end => break,
            }
        }
        if let Err(error) = unless_silent(SILENCE, store.add_refusals(&counts.into_refusals())).await {
            tracing::warn!(%error, "refused reports could not be counted");
        }
    }
}

#[derive(Default)]
struct Counts {
    by: BTreeMap<(i64, String, &'static str), (i64, i64)>,
}

impl Counts {
    fn add(&mut self, (now, source, reason): (i64, String, &'static str)) {
        let key = (day_of(now), source, reason);
        let key = if self.by.contains_key(&key) || self.by.len() < SOURCES {
            key
        } else {
            (key.0, OTHER_ADDRESSES.to_owned(), key.2)
        };
        let (times, last) = self.by.entry(key).or_insert((0, now));
        *times += 1;
        *last = now.max(*last);
    }

    fn into_refusals(self) -> Vec<RefusalCount> {
        let refusal = |((day, source, reason), (times, last)): ((i64, String, &str), (i64, i64))| RefusalCount {
            day,
            source,
            reason: reason.to_owned(),
            times,
            last,
        };
        self.by.into_iter().map(refusal).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_addresses_are_counted_together() {
        let mut counts = Counts::default();
        for number in 0..SOURCES * 10 {
            counts.add((86_400 + 5, format!("192.0.2.{number}"), "a"));
            counts.add((86_400 + 3, "192.0.2.0".to_owned(), "a"));
        }
        let refusals = counts.into_refusals();
        assert!(refusals.len() <= SOURCES + 1);
        assert_eq!(refusals.iter().map(|refusal| refusal.times).sum::<i64>(), i64::try_from(SOURCES).unwrap() * 20);
        assert!(refusals.iter().all(|refusal| refusal.day == 1));
        let first = refusals.iter().find(|refusal| refusal.source == "192.0.2.0").unwrap();
        assert_eq!((first.times, first.last), (i64::try_from(SOURCES).unwrap() * 10 + 1, 86_405));
        assert!(refusals.iter().any(|refusal| refusal.source == OTHER_ADDRESSES && refusal.times > 1_000));
    }
}
