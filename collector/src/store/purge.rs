//! Takes reports out of the inbox once they are history and have been kept long enough.

use sqlx::AssertSqlSafe;

use super::{Store, StoreError, retrying, rows_of_binds};
use crate::access::deed::Deed;

/// Reports that leave in one transaction: whoever waits to write waits no longer than that takes.
const BATCH: i64 = 250;

impl Store {
    /// Deletes opened reports that were received before a time (unix seconds), the oldest first, and notes the deed with the
    /// first of them; how many went. Every other report stays, however old.
    ///
    /// A report that comes again after that is opened again, and changes nothing: its host's history knows its time.
    ///
    /// # Errors
    /// [`StoreError`]; what was deleted before is gone.
    pub async fn purge_opened(&self, before: i64, deed: &Deed<'_>) -> Result<u64, StoreError> {
        let mut purged = 0;
        loop {
            let oldest: Vec<(i64, i64)> =
                sqlx::query_as("SELECT id, received FROM inbox WHERE state = 'opened' ORDER BY id LIMIT ?")
                    .bind(BATCH)
                    .fetch_all(&self.pool)
                    .await?;
            let ids: Vec<i64> = oldest.iter().filter(|(_, received)| *received < before).map(|(id, _)| *id).collect();
            if ids.is_empty() {
                return Ok(purged);
            }
            let noted = (purged == 0).then_some(deed);
            purged += retrying(|| self.delete_opened(&ids, noted)).await?;
        }
    }

    async fn delete_opened(&self, ids: &[i64], deed: Option<&Deed<'_>>) -> Result<u64, StoreError> {
        let mut writing = self.begin().await?;
        let sql = format!("DELETE FROM inbox WHERE state = 'opened' AND id IN {}", rows_of_binds(1, ids.len()));
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for id in ids {
            query = query.bind(*id);
        }
        let deleted = query.execute(writing.connection()).await?.rows_affected();
        if let Some(deed) = deed {
            writing.audit(deed).await?;
        }
        writing.commit().await?;
        Ok(deleted)
    }
}
