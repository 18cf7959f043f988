//! What is kept for how long, and what goes on request: reports as they came, histories, everything of a host or a site.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::access::deed::By;
use crate::clock::{self, Stopwatch};
use crate::config::Config;
use crate::leap::{Leaps, Verdict};
use crate::store::{Ended, Forgotten, Store, StoreError, Whose};

/// How often it is looked what has been kept long enough.
const LOOK: Duration = Duration::from_hours(1);

/// What is kept for so many days.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    opened: u32,
    history: Option<u32>,
}

impl Kept {
    /// As it is configured.
    #[must_use]
    pub fn configured(config: &Config) -> Self {
        Kept { opened: config.keep_opened_reports_days, history: config.keep_history_days.map(u32::from) }
    }
}

/// Deletes the opened reports that were received more than so many days ago; how many.
///
/// # Errors
/// [`StoreError`]; what was deleted before is gone.
pub async fn purge(store: &Store, keep_days: u32, now: Timestamp, by: By<'_>) -> Result<u64, StoreError> {
    let before = days_ago(keep_days, now).as_second();
    let object = format!("opened reports received before {}", crate::answers::time(before));
    store.purge_opened(before, &by.did("purge", &object)).await
}

/// Deletes the states that had ended by a time; how many.
///
/// # Errors
/// [`StoreError`]; what was deleted before is gone.
pub async fn purge_history(store: &Store, before: Timestamp, by: By<'_>) -> Result<Ended, StoreError> {
    let ended = store.ended_by(before.as_second()).await?;
    let object = format!("history before {before}: {ended}");
    store.purge_history(before.as_second(), &by.did("purge", &object)).await
}

/// Deletes everything that is known of a host or a site; how much.
///
/// # Errors
/// [`StoreError`]; what was deleted before is gone, and the same again deletes the rest.
pub async fn forget(store: &Store, whose: Whose<'_>, by: By<'_>) -> Result<Forgotten, StoreError> {
    let known = store.known_of(whose).await?;
    store.forget(whose, &by.did("purge", &format!("{whose}: {known}"))).await
}

/// Deletes what was kept long enough, again and again until `stopped`; while the database is away it tries again later.
pub async fn keep_purging(store: Store, kept: Kept, mut leaps: Leaps, mut stopped: watch::Receiver<bool>) {
    let running = Stopwatch::start();
    loop {
        let now = clock::now();
        if let Verdict::Ahead(seconds) = leaps.look(now.as_second(), running.seconds()) {
            let days = seconds / 86_400;
            tracing::error!(
                days,
                "the clock is ahead of everything known: is it right? Nothing old is deleted for a day"
            );
            tokio::select! {
                () = tokio::time::sleep(LOOK) => continue,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
        }
        let by = By { at: now.as_second(), person: "wlcg-package-collector", role: "", source: "serve" };
        match purge(&store, kept.opened, now, by).await {
            Ok(0) => {}
            Ok(reports) => tracing::info!(reports, keep_days = kept.opened, "opened reports deleted"),
            Err(error) => tracing::error!(%error, "deleting opened reports stopped, will go on"),
        }
        if let Some(days) = kept.history {
            match purge_history(&store, days_ago(days, now), by).await {
                Ok(Ended { states: 0, .. }) => {}
                Ok(Ended { states, hosts }) => tracing::info!(states, hosts, keep_days = days, "old history deleted"),
                Err(error) => tracing::error!(%error, "deleting old history stopped, will go on"),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

fn days_ago(days: u32, now: Timestamp) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN)
}
