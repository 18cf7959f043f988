//! What people's decisions do to reports in the inbox.

use report::hash::Hash;
use sqlx::AssertSqlSafe;

use super::inbox_entry::{ENTRY, EntryRow};
use super::{InboxEntry, StoreError, Writing};

/// Reports that are held for nothing but doubts about their sender.
const DOUBTED: &str = "state = 'held' AND problem IN ('key_changed', 'site_changed', 'signature_missing', 'unsigned')";

impl Writing {
    /// A report of the inbox, locked until the end of the transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inbox_entry(&mut self, report: Hash) -> Result<Option<InboxEntry>, StoreError> {
        let sql = format!("{ENTRY} WHERE hash = ?{}", self.dialect.for_update());
        let row: Option<EntryRow> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(report.to_string()).fetch_optional(self.connection()).await?;
        Ok(row.map(InboxEntry::from))
    }

    /// Lets what is held of a host, and of a key if there is one, wait again; how many reports that are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn release(&mut self, site: &str, host: &str, key: Option<Hash>) -> Result<u64, StoreError> {
        let sql = format!(
            "UPDATE inbox SET state = 'waiting', problem = '', reason = '' \
             WHERE {DOUBTED} AND ((site = ? AND host = ?) OR (sender <> '' AND sender = ?))"
        );
        let released = sqlx::query(AssertSqlSafe(sql))
            .bind(site)
            .bind(host)
            .bind(key.map_or_else(String::new, |key| key.to_string()))
            .execute(self.connection())
            .await?;
        Ok(released.rows_affected())
    }

    /// Rejects a report and all that are held for the same trouble of the same sender of the same host.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reject_of_sender(&mut self, like: &InboxEntry, reason: &str) -> Result<u64, StoreError> {
        let rejected = sqlx::query(
            "UPDATE inbox SET state = 'rejected', reason = ? \
             WHERE state = 'held' AND problem = ? AND site = ? AND host = ? AND sender = ?",
        )
        .bind(reason)
        .bind(like.problem.as_str())
        .bind(like.site.as_str())
        .bind(like.host.as_str())
        .bind(like.sender.as_str())
        .execute(self.connection())
        .await?;
        Ok(rejected.rows_affected())
    }

    /// Rejects a report that is held or unreadable.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reject_one(&mut self, report: Hash, reason: &str) -> Result<u64, StoreError> {
        let sql = "UPDATE inbox SET state = 'rejected', reason = ? WHERE hash = ? AND state IN ('held', 'unreadable')";
        let rejected = sqlx::query(sql).bind(reason).bind(report.to_string()).execute(self.connection()).await?;
        Ok(rejected.rows_affected())
    }
}
