//! Removes lines of the audit log that are older than the operator keeps them, a piece at a time, and notes that it did.

use std::time::Duration;

use tokio::sync::watch;

use super::deed::By;
use crate::clock::{self, Stopwatch};
use crate::leap::{Leaps, Verdict};
use crate::store::{Store, StoreError, unless_silent};

/// How often the log is looked at.
const LOOK: Duration = Duration::from_secs(3_600);

/// How long the database may say nothing to one piece.
const SILENCE: Duration = Duration::from_secs(600);

/// Removes old lines now and then every hour, until `stopped`.
pub async fn keep_pruning(store: Store, keep_days: u32, mut leaps: Leaps, mut stopped: watch::Receiver<bool>) {
    let running = Stopwatch::start();
    loop {
        let now = clock::now().as_second();
        let believed = leaps.look(now, running.seconds()) == Verdict::Believed;
        match if believed { prune(&store, keep_days, now).await } else { Ok(0) } {
            Ok(0) => {}
            Ok(lines) => tracing::info!(lines, keep_days, "old lines of the audit log removed"),
            Err(error) => tracing::error!(%error, "old lines of the audit log are still there, will try again"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Removes the lines that are older than so many days at `now` (unix seconds), and notes how many; none for 0 days.
///
/// # Errors
/// [`StoreError`]; what was removed until then is noted.
pub async fn prune(store: &Store, keep_days: u32, now: i64) -> Result<u64, StoreError> {
    if keep_days == 0 {
        return Ok(0);
    }
    let until = now.saturating_sub(i64::from(keep_days) * 86_400);
    let by = By { at: now, person: "", role: "", source: "" };
    let mut removed = 0;
    loop {
        let piece = unless_silent(SILENCE, store.prune_audit(until, keep_days, by)).await?;
        if piece == 0 {
            return Ok(removed);
        }
        removed += piece;
    }
}
