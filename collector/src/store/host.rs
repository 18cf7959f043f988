//! Hosts: a name at a site. A report that claims another site speaks of another host and moves none.

use report::hash::Hash;
use sqlx::AssertSqlSafe;

use super::{StoreError, Writing};

/// Ids of a host and of its site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostId {
    /// The host.
    pub host: i64,
    /// Its site.
    pub site: i64,
}

impl Writing {
    /// The ids of a host and its site, made when new; the host is locked until the end of the transaction.
    ///
    /// # Errors
    /// [`StoreError`]; a conflict when another transaction made the same at the same time.
    pub async fn host_id(&mut self, site: &str, name: &str) -> Result<HostId, StoreError> {
        let digest = digest(site, name);
        if let Some(id) = self.host_by_digest(&digest).await? {
            return Ok(id);
        }
        if self.site_id(site).await?.is_none() {
            sqlx::query("INSERT INTO site (name, news) VALUES (?, 0)").bind(site).execute(self.connection()).await?;
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

    async fn host_by_digest(&mut self, digest: &str) -> Result<Option<HostId>, StoreError> {
        // Not a join: that would lock the site's row too, which all its hosts share.
        let sql = format!(
            "SELECT id, (SELECT site.id FROM site WHERE site.name = host.site) FROM host WHERE digest = ?{}",
            self.dialect.for_update()
        );
        let row: Option<(i64, i64)> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(digest).fetch_optional(self.connection()).await?;
        Ok(row.map(|(host, site)| HostId { host, site }))
    }

    async fn site_id(&mut self, name: &str) -> Result<Option<i64>, StoreError> {
        let row: Option<(i64,)> =
            sqlx::query_as("SELECT id FROM site WHERE name = ?").bind(name).fetch_optional(self.connection()).await?;
        Ok(row.map(|(id,)| id))
    }
}

/// What makes a host one row: no site name holds a line feed.
pub(super) fn digest(site: &str, name: &str) -> String {
    Hash::of(format!("{site}\n{name}").as_bytes()).to_string()
}
