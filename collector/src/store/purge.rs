//! Takes reports out of the inbox once they are history and have been kept long enough.

use std::time::Duration;

use sqlx::AssertSqlSafe;

use super::{Store, StoreError, persisting, rows_of_binds, unless_silent};
use crate::access::deed::Deed;

/// Reports that leave in one transaction: whoever waits to write waits no longer than that takes.
const BATCH: i64 = 250;

/// How long the database may say nothing to one of them.
const SILENCE: Duration = Duration::from_secs(600);

impl Store {
    /// Deletes opened reports that were received before a time (unix seconds), the oldest first, and notes the deed with the
    /// first of them; how many went. Every other report stays, however old.
    ///
    /// A report is at least as young as any that came before it: the clock may have been behind when it was received. Where
    /// it was ahead, the reports around it tell.
    ///
    /// A report that comes again after that is opened again, and changes nothing: its host's history knows its time.
    ///
    /// # Errors
    /// [`StoreError`]; what was deleted before is gone.
    pub async fn purge_opened(&self, before: i64, deed: &Deed<'_>) -> Result<u64, StoreError> {
        let mut purged = 0;
        loop {
            let ids = unless_silent(SILENCE, self.oldest_opened(before, deed.by.at)).await?;
            if ids.is_empty() {
                return Ok(purged);
            }
            let noted = (purged == 0).then_some(deed);
            let some =
                |most| self.delete_opened(ids.get(..usize::try_from(most).unwrap_or(ids.len())).unwrap_or(&ids), noted);
            purged += unless_silent(SILENCE, persisting(BATCH, some)).await?;
        }
    }

    /// The newest time (unix seconds) that reports were received at, or else that somebody did something; none in a new database.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_time(&self) -> Result<Option<i64>, StoreError> {
        // By id: `received` has no index, and one of the newest by id is the newest, or near to it.
        let (received,): (Option<i64>,) = sqlx::query_as(
            "SELECT MAX(received) FROM (SELECT received FROM inbox ORDER BY id DESC LIMIT 100) AS newest",
        )
        .fetch_one(&self.pool)
        .await?;
        if received.is_some() {
            return Ok(received);
        }
        // The link that whoever asks has just printed is as young as the clock that is in question.
        let sql = "SELECT MAX(at) FROM audit WHERE action <> 'sign-in link'";
        let (done,): (Option<i64>,) = sqlx::query_as(sql).fetch_one(&self.pool).await?;
        Ok(done)
    }

    /// Ids of the first reports that were all received before a time.
    async fn oldest_opened(&self, before: i64, now: i64) -> Result<Vec<i64>, StoreError> {
        let sql = "SELECT id, received FROM inbox WHERE state = 'opened' AND received <= ? ORDER BY id LIMIT ?";
        let believed: Vec<(i64, i64)> = sqlx::query_as(sql).bind(now).bind(BATCH).fetch_all(&self.pool).await?;
        let Some((last, _)) = believed.iter().take_while(|(_, received)| *received < before).last() else {
            return Ok(Vec::new());
        };
        let sql = "SELECT id FROM inbox WHERE state = 'opened' AND id <= ? ORDER BY id LIMIT ?";
        let ids: Vec<(i64,)> = sqlx::query_as(sql).bind(*last).bind(BATCH).fetch_all(&self.pool).await?;
        Ok(ids.into_iter().map(|(id,)| id).collect())
    }

    async fn delete_opened(&self, ids: &[i64], deed: Option<&Deed<'_>>) -> Result<u64, StoreError> {
        let mut writing = self.begin().await?;
        let sql = format!("DELETE FROM inbox WHERE state = 'opened' AND id IN {}", rows_of_binds(1, ids.len()));
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for id in ids {
            query = query.bind(*id);
        }
        let deleted = query.execute(writing.connection()).await?.rows_affected();
        // Another collector of this database may have deleted them first.
        if let Some(deed) = deed.filter(|_| deleted > 0) {
            writing.audit(deed).await?;
        }
        writing.commit().await?;
        Ok(deleted)
    }
}
