//! One at a time: whoever changes histories takes a turn first, also when others do so through other nodes of a cluster.

use super::{Dialect, StoreError, Writing};

impl Writing {
    /// Waits until no other transaction that took a turn is under way; the first thing in a transaction.
    ///
    /// A Galera cluster knows nothing of the locks that a transaction has on another node: it compares what two transactions
    /// have written, not what they have read. So each writes the same row, before it reads anything: of two on different nodes
    /// one is taken back, whatever it is at, and runs again. On a single server the second one waits.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_turn(&mut self) -> Result<(), StoreError> {
        // SQLite has one writer anyway.
        if self.dialect == Dialect::Mysql {
            let sql = "INSERT INTO turn (name, taken) VALUES ('history', 1) ON DUPLICATE KEY UPDATE taken = taken + 1";
            sqlx::query(sql).execute(self.connection()).await?;
        }
        Ok(())
    }
}
