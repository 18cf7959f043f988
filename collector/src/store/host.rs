//! Hosts: a name at a site. A report that claims another site speaks of another host and moves none.

use std::collections::{HashMap, HashSet};

use report::hash::Hash;
use sqlx::AssertSqlSafe;

use super::{StoreError, Writing, rows_of_binds};

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

    /// Which hosts of these sites and names there are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hosts_among<'a>(
        &mut self,
        hosts: &[(&'a str, &'a str)],
    ) -> Result<HashMap<(&'a str, &'a str), i64>, StoreError> {
        if hosts.is_empty() {
            return Ok(HashMap::new());
        }
        let mut by_digest: HashMap<String, (&str, &str)> =
            hosts.iter().map(|(site, name)| (digest(site, name), (*site, *name))).collect();
        let sql = format!("SELECT digest, id FROM host WHERE digest IN {}", rows_of_binds(1, by_digest.len()));
        let mut query = sqlx::query_as::<_, (String, i64)>(AssertSqlSafe(sql));
        for digest in by_digest.keys() {
            query = query.bind(digest.clone());
        }
        let rows = query.fetch_all(self.connection()).await?;
        Ok(rows.into_iter().filter_map(|(digest, id)| Some((by_digest.remove(&digest)?, id))).collect())
    }

    /// Makes new hosts, and sites where they are the first, each host once.
    ///
    /// # Errors
    /// [`StoreError`]; a conflict when another transaction made one of them at the same time.
    pub(super) async fn add_hosts<'a>(
        &mut self,
        hosts: &[(&'a str, &'a str)],
    ) -> Result<HashMap<(&'a str, &'a str), HostId>, StoreError> {
        if hosts.is_empty() {
            return Ok(HashMap::new());
        }
        let names: HashSet<&str> = hosts.iter().map(|(site, _)| *site).collect();
        let mut sites = self.sites_named(&names).await?;
        let mut missing: Vec<&str> = names.iter().copied().filter(|name| !sites.contains_key(*name)).collect();
        if !missing.is_empty() {
            missing.sort_unstable();
            let sql = format!("INSERT INTO site (name, news) VALUES {}", vec!["(?, 0)"; missing.len()].join(", "));
            let mut insert = sqlx::query(AssertSqlSafe(sql));
            for name in missing {
                insert = insert.bind(name);
            }
            insert.execute(self.connection()).await?;
            sites = self.sites_named(&names).await?;
        }
        let mut by_digest: Vec<_> = hosts.iter().map(|(site, name)| (digest(site, name), *site, *name)).collect();
        // Every transaction inserts in the same order: two openers never wait for each other crosswise.
        by_digest.sort_unstable();
        let sql = format!("INSERT INTO host (digest, site, name) VALUES {}", rows_of_binds(by_digest.len(), 3));
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for (digest, site, name) in &by_digest {
            insert = insert.bind(digest.as_str()).bind(*site).bind(*name);
        }
        insert.execute(self.connection()).await?;
        let ids = self.hosts_among(hosts).await?;
        let host = |((site, name), host)| Some(((site, name), HostId { host, site: *sites.get(site)? }));
        Ok(ids.into_iter().filter_map(host).collect())
    }

    async fn sites_named(&mut self, names: &HashSet<&str>) -> Result<HashMap<String, i64>, StoreError> {
        let sql = format!("SELECT name, id FROM site WHERE name IN {}", rows_of_binds(1, names.len()));
        let mut query = sqlx::query_as::<_, (String, i64)>(AssertSqlSafe(sql));
        for name in names {
            query = query.bind(*name);
        }
        Ok(query.fetch_all(self.connection()).await?.into_iter().collect())
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
