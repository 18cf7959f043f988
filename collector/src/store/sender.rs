//! The keys that hosts are known by.

use std::collections::{HashMap, HashSet};

use report::hash::Hash;
use sqlx::AssertSqlSafe;

use super::{Store, StoreError, Writing, rows_of_binds};
use crate::sender::{Known, Pin};

/// What a host is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// SHA-256 of its key; empty for a host that may go without a signature.
    pub key: String,
    /// Since when, unix seconds.
    pub since: i64,
    /// Who approved it; empty for the key of the first signed report.
    pub approved: String,
}

impl Store {
    /// What a host is known by, if anything.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pinned(&self, site: &str, host: &str) -> Result<Option<Pinned>, StoreError> {
        let row: Option<(String, i64, String)> =
            sqlx::query_as("SELECT digest, since, approved FROM sender WHERE host = ?")
                .bind(super::host::digest(site, host))
                .fetch_optional(&self.pool)
                .await?;
        Ok(row.map(|(key, since, approved)| Pinned { key, since, approved }))
    }
}

impl Writing {
    /// What is known before a report of a host, signed by a key or not, is judged.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn known_sender(&mut self, (site, name): (&str, &str), key: Option<Hash>) -> Result<Known, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as("SELECT site, digest FROM sender WHERE name = ?")
            .bind(name)
            .fetch_all(self.connection())
            .await?;
        let of_name: Vec<Pin> = rows.into_iter().map(|(site, digest)| Pin { site, key: digest.parse().ok() }).collect();
        let mut of_key = Vec::new();
        // Of a host that is known by a key nothing more is asked.
        if let Some(key) = key.filter(|_| !of_name.iter().any(|pin| pin.site == site && pin.key.is_some())) {
            let sites: Vec<(String,)> =
                sqlx::query_as("SELECT DISTINCT site FROM sender WHERE digest = ? ORDER BY site")
                    .bind(key.to_string())
                    .fetch_all(self.connection())
                    .await?;
            of_key.extend(sites.into_iter().map(|(site,)| site));
        }
        Ok(Known { of_name, of_key })
    }

    /// The pins of all hosts of some names, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pins_of(&mut self, names: &[&str]) -> Result<HashMap<String, Vec<Pin>>, StoreError> {
        let sql = format!("SELECT name, site, digest FROM sender WHERE name IN {}", rows_of_binds(1, names.len()));
        let mut query = sqlx::query_as::<_, (String, String, String)>(AssertSqlSafe(sql));
        for name in names {
            query = query.bind(*name);
        }
        let mut pins: HashMap<String, Vec<Pin>> = HashMap::new();
        for (name, site, digest) in query.fetch_all(self.connection()).await? {
            pins.entry(name).or_default().push(Pin { site, key: digest.parse().ok() });
        }
        Ok(pins)
    }

    /// The sites that each of some keys signs for, in their order; a key that signs for none is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sites_of_keys(&mut self, keys: &HashSet<Hash>) -> Result<HashMap<Hash, Vec<String>>, StoreError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = format!(
            "SELECT DISTINCT digest, site FROM sender WHERE digest IN {} ORDER BY site",
            rows_of_binds(1, keys.len())
        );
        let mut query = sqlx::query_as::<_, (String, String)>(AssertSqlSafe(sql));
        for key in keys {
            query = query.bind(key.to_string());
        }
        let mut sites: HashMap<Hash, Vec<String>> = HashMap::new();
        for (digest, site) in query.fetch_all(self.connection()).await? {
            let key = digest.parse().map_err(|_| StoreError::Inconsistent(format!("sender {digest:?}")))?;
            sites.entry(key).or_default().push(site);
        }
        Ok(sites)
    }

    /// Pins hosts that are known by nothing yet, by site and name, to the keys that they are first seen with, each at a time
    /// (unix seconds).
    ///
    /// # Errors
    /// [`StoreError`]; a conflict when another transaction pinned one of them at the same time.
    pub async fn pin_all_first(&mut self, pins: &[((&str, &str), Hash, i64)]) -> Result<(), StoreError> {
        if pins.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "INSERT INTO sender (host, site, name, digest, since, approved) VALUES {}",
            vec!["(?, ?, ?, ?, ?, '')"; pins.len()].join(", ")
        );
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for ((site, name), key, since) in pins {
            insert = insert.bind(super::host::digest(site, name)).bind(*site).bind(*name);
            insert = insert.bind(key.to_string()).bind(*since);
        }
        insert.execute(self.connection()).await?;
        Ok(())
    }

    /// Pins a host that has no key yet to the one that it is first seen with, at that time (unix seconds).
    ///
    /// # Errors
    /// [`StoreError`]; a conflict when another transaction pinned the host at the same time.
    pub async fn pin_first(&mut self, host: (&str, &str), key: Hash, since: i64) -> Result<(), StoreError> {
        let updated =
            sqlx::query("UPDATE sender SET digest = ?, since = ?, approved = '' WHERE host = ? AND digest = ''")
                .bind(key.to_string())
                .bind(since)
                .bind(super::host::digest(host.0, host.1))
                .execute(self.connection())
                .await?;
        if updated.rows_affected() > 0 { Ok(()) } else { self.insert_pin(host, Some(key), since, "").await }
    }

    /// Pins a host to a key, or to reports without one, in place of what it was pinned to, since that time (unix seconds).
    ///
    /// # Errors
    /// [`StoreError`]; a conflict when another transaction pinned the host at the same time.
    pub async fn pin_approved(
        &mut self,
        host: (&str, &str),
        key: Option<Hash>,
        since: i64,
        author: &str,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sender WHERE host = ?")
            .bind(super::host::digest(host.0, host.1))
            .execute(self.connection())
            .await?;
        self.insert_pin(host, key, since, author).await
    }

    async fn insert_pin(
        &mut self,
        (site, name): (&str, &str),
        key: Option<Hash>,
        since: i64,
        approved: &str,
    ) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO sender (host, site, name, digest, since, approved) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(super::host::digest(site, name))
            .bind(site)
            .bind(name)
            .bind(key.map_or_else(String::new, |key| key.to_string()))
            .bind(since)
            .bind(approved)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
