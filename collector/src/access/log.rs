//! The audit log's way in for what is only read: notes that are written together, and never make a page wait.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use report::hash::Hash;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::deed::{By, Deed};
use crate::store::{Store, StoreError, unless_silent};

/// Notes that wait to be written; when the database is away for longer they are counted and not kept.
const WAITING: usize = 4_096;

/// Notes that are written together.
const TOGETHER: usize = 400;

/// How long the first note of a batch waits for others.
const GATHER: Duration = Duration::from_millis(200);

/// How long the database may say nothing to them.
const SILENCE: Duration = Duration::from_secs(60);

/// Longest pause between tries while the database is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A person who looks at the same thing again is noted once in so many seconds.
const AGAIN: i64 = 60;

/// Things that are remembered as noted; more of them within a minute are noted again.
const REMEMBERED: usize = 10_000;

/// The longest text of a note, in characters: what people ask can be of any length.
const LONGEST: usize = 500;

/// Takes notes.
#[derive(Clone)]
pub struct AuditLog {
    notes: mpsc::Sender<Note>,
    /// By the digest of what was noted: people ask at any length.
    noted: Arc<Mutex<HashMap<Hash, i64>>>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Note {
    Deed { at: i64, person: String, role: String, source: String, action: String, object: String },
    TokenUsed { token: i64, at: i64 },
}

impl AuditLog {
    /// Begins a task that writes notes; it ends when every [`AuditLog`] is gone and their notes are written.
    #[must_use]
    pub fn start(store: Store) -> (Self, JoinHandle<()>) {
        let (notes, waiting) = mpsc::channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(write(store, waiting, Arc::clone(&lost)));
        (AuditLog { notes, noted: Arc::default(), lost }, task)
    }

    /// Notes a deed that changes nothing, once a minute for the same person, source, action and object.
    pub fn note(&self, deed: &Deed<'_>) {
        let Deed { by: By { at, person, role, source }, action, object } = *deed;
        if self.is_new(&format!("{person}\n{source}\n{action}\n{object}"), at) {
            let text = |text: &str| text.chars().take(LONGEST).collect();
            self.send(Note::Deed {
                at,
                person: text(person),
                role: text(role),
                source: text(source),
                action: text(action),
                object: text(object),
            });
        }
    }

    /// Notes that a token was used, once a minute.
    pub fn token_used(&self, token: i64, at: i64) {
        if self.is_new(&format!("\n{token}"), at) {
            self.send(Note::TokenUsed { token, at });
        }
    }

    fn is_new(&self, what: &str, at: i64) -> bool {
        let what = Hash::of(what.as_bytes());
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(&what).is_some_and(|last| (0..AGAIN).contains(&(at - last))) {
            return false;
        }
        if noted.len() >= REMEMBERED {
            noted.retain(|_, last| (0..AGAIN).contains(&(at - *last)));
        }
        if noted.len() >= REMEMBERED {
            noted.clear();
        }
        noted.insert(what, at);
        true
    }

    fn send(&self, note: Note) {
        if self.notes.try_send(note).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn write(store: Store, mut waiting: mpsc::Receiver<Note>, lost: Arc<AtomicU64>) {
    let mut batch = Vec::with_capacity(TOGETHER);
    while let Some(first) = waiting.recv().await {
        batch.push(first);
        tokio::time::sleep(GATHER).await;
        while batch.len() < TOGETHER
            && let Ok(note) = waiting.try_recv()
        {
            batch.push(note);
        }
        let mut pause = GATHER;
        while let Err(error) = write_batch(&store, &batch, lost.swap(0, Ordering::Relaxed), &lost).await {
            if !error.may_pass() {
                tracing::error!(%error, notes = batch.len(), "the audit log goes on without these notes");
                lost.fetch_add(u64::try_from(batch.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
                break;
            }
            if waiting.is_closed() {
                tracing::error!(%error, notes = batch.len() + waiting.len(), "the audit log ends without its last notes");
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            tracing::error!(%error, seconds = pause.as_secs(), "the audit log waits");
            tokio::time::sleep(pause).await;
        }
        batch.clear();
    }
}

async fn write_batch(store: &Store, batch: &[Note], missing: u64, lost: &AtomicU64) -> Result<(), StoreError> {
    let mut deeds: Vec<Deed<'_>> = Vec::with_capacity(batch.len() + 1);
    let mut used = Vec::new();
    for note in batch {
        match note {
            Note::Deed { at, person, role, source, action, object } => {
                deeds.push(By { at: *at, person, role, source }.did(action, object));
            }
            Note::TokenUsed { token, at } => used.push((*token, *at)),
        }
    }
    let told = format!("{missing} notes: the database was away, or too slow for them");
    if missing > 0 {
        let at = deeds.last().map_or_else(|| used.last().map_or(0, |(_, at)| *at), |deed| deed.by.at);
        deeds.push(By { at, person: "", role: "", source: "" }.did("lost", &told));
    }
    let written = unless_silent(SILENCE, store.note(&deeds, &used)).await;
    if written.is_err() {
        lost.fetch_add(missing, Ordering::Relaxed);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::AuditFilter;

    const ALL: AuditFilter<'static> = AuditFilter { person: "", action: "", since: 0, before: i64::MAX, limit: 20_000 };

    async fn store(folder: &tempfile::TempDir) -> Store {
        Store::open(&format!("sqlite:{}", folder.path().join("x.sqlite").display())).await.unwrap()
    }

    #[tokio::test]
    async fn the_same_is_noted_once_a_minute_and_everything_is_written_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let (log, task) = AuditLog::start(store.clone());
        let by = |person, at| By { at, person, role: "reader", source: "192.0.2.1" };
        for at in [0, 1, 59, 60, 61] {
            log.note(&by("a", at).did("read", "/"));
        }
        log.note(&by("b", 61).did("read", "/"));
        log.note(&by("a", 61).did("read", &"x".repeat(10_000)));
        drop(log);
        task.await.unwrap();
        let lines = store.audit_lines(ALL).await.unwrap();
        let told: Vec<_> = lines.iter().map(|line| (line.person.as_str(), line.at, line.object.len())).collect();
        assert_eq!(told, [("a", 61, 500), ("b", 61, 1), ("a", 60, 1), ("a", 0, 1)]);
        let only = store.audit_lines(AuditFilter { person: "a", since: 1, before: lines[0].id, ..ALL }).await.unwrap();
        assert_eq!(only.len(), 1);
    }

    #[tokio::test]
    async fn a_flood_is_bounded_and_what_is_lost_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let (log, task) = AuditLog::start(store.clone());
        // On one thread the writer has no turn meanwhile.
        for object in 0..20_000 {
            log.note(&By { at: 1, person: "a", role: "", source: "" }.did("read", &object.to_string()));
        }
        assert!(log.noted.lock().unwrap().len() <= REMEMBERED);
        drop(log);
        task.await.unwrap();
        let lines = store.audit_lines(ALL).await.unwrap();
        let lost: Vec<_> = lines.iter().filter(|line| line.action == "lost").map(|line| line.object.as_str()).collect();
        assert_eq!((lines.len() - lost.len(), lost.len()), (WAITING, 1), "{lost:?}");
        assert!(lost[0].starts_with(&format!("{} notes", 20_000 - WAITING)), "{lost:?}");
    }
}
