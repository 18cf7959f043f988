//! How long reports are kept as they came: once they are history, their host's past no longer needs them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::access::deed::By;
use crate::clock::{self, Stopwatch};
use crate::leap::{Leaps, Verdict};
use crate::store::{Store, StoreError};

/// How often it is looked what has been kept long enough.
const LOOK: Duration = Duration::from_hours(1);

/// Deletes the opened reports that were received more than so many days ago; how many.
///
/// # Errors
/// [`StoreError`]; what was deleted before is gone.
pub async fn purge(store: &Store, keep_days: u32, now: Timestamp, by: By<'_>) -> Result<u64, StoreError> {
    let kept = SignedDuration::from_hours(24 * i64::from(keep_days));
    let before = now.checked_sub(kept).unwrap_or(Timestamp::MIN).as_second();
    let object = format!("opened reports received before {}", crate::answers::time(before));
    store.purge_opened(before, &by.did("purge", &object)).await
}

/// Does so again and again until `stopped`; while the database is away it tries again later.
pub async fn keep_purging(store: Store, keep_days: u32, mut leaps: Leaps, mut stopped: watch::Receiver<bool>) {
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
        match purge(&store, keep_days, now, by).await {
            Ok(0) => {}
            Ok(reports) => tracing::info!(reports, keep_days, "opened reports deleted"),
            Err(error) => tracing::error!(%error, "deleting opened reports stopped, will go on"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}
