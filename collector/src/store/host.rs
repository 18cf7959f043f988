//! Hosts: a name at a site. A report that claims another site speaks of another host and moves none.

use report::hash::Hash;
use sqlx::AssertSqlSafe;

use super::{StoreError, Writing};

impl Writing {
    /// The id of a host, made when new, locked until the end of the transaction.
    ///
    /// # Errors
    /// [`StoreError`]; a conflict when another transaction made the same at the same time.
    pub async fn host_id(&mut self, site: &str, name: &str) -> Result<i64, StoreError> {
        let digest = Hash::of(format!("{site}\n{name}").as_bytes()).to_string();
        if let Some(id) = self.host_by_digest(&digest).await? {
            return Ok(id);
        }
        sqlx::query("INSERT INTO host (digest, site, name) VALUES (?, ?, ?)")
            .bind(digest.as_str())
            .bind(site)
            .bind(name)
            .execute(self.connection())
            .await?;
        self.host_by_digest(&digest)
            .await?
            .ok_or_else(|| StoreError::Inconsistent("host vanished after its insert".to_owned()))
    }

    async fn host_by_digest(&mut self, digest: &str) -> Result<Option<i64>, StoreError> {
        let sql = format!("SELECT id FROM host WHERE digest = ?{}", self.dialect.for_update());
        let row: Option<(i64,)> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(digest).fetch_optional(self.connection()).await?;
        Ok(row.map(|(id,)| id))
    }
}
