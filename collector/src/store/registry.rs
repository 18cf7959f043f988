//! What registries say of sites, each registry's list replaced as a whole, and the reports that wait for a site to be known.

use std::collections::HashSet;

use sqlx::AssertSqlSafe;

use super::{ROWS_PER_STATEMENT, Store, StoreError, Writing, retrying, rows_of_binds};
use crate::access::deed::By;
use crate::problem::Problem;
use crate::registry::{Directory, Site, SiteEntry, Source, join_prefixes, split_prefixes};

const SITE_COLUMNS: &str = "source, name, country, tier, contact, security, prefixes, aliases";

/// Source, name, country, tier, contact, security, prefixes and aliases.
type SiteRow = (String, String, String, String, String, String, String, String);

impl Store {
    /// Puts a registry's sites in the place of those that it had, none of them to be rid of it; gives how many held reports wait again.
    ///
    /// # Errors
    /// [`StoreError`]; the sites that were there stay then.
    pub async fn replace_registry(&self, source: Source, sites: &[Site], by: By<'_>) -> Result<u64, StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            sqlx::query("DELETE FROM registry_site WHERE source = ?")
                .bind(source.as_str())
                .execute(writing.connection())
                .await?;
            writing.insert_sites(source, sites, by.at).await?;
            let object = format!("{}: {} sites", source.as_str(), sites.len());
            writing.audit(&by.did("registry import", &object)).await?;
            let freed = writing.free_reports_of_known_sites().await?;
            writing.commit().await?;
            Ok(freed)
        })
        .await
    }

    /// Declares a site that is in no registry, or says of one what its registry does not; gives how many held reports wait again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn declare_site(&self, site: &Site, by: By<'_>) -> Result<u64, StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            let freed = writing.declare_site(site, by.at).await?;
            writing.audit(&by.did("registry declare", &site.name)).await?;
            writing.commit().await?;
            Ok(freed)
        })
        .await
    }

    /// Takes a declaration back; `false` when there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_site(&self, name: &str, by: By<'_>) -> Result<bool, StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            let forgotten = writing.delete_declared(name).await?;
            if forgotten {
                writing.audit(&by.did("registry forget", name)).await?;
            }
            writing.commit().await?;
            Ok(forgotten)
        })
        .await
    }

    /// All that is known of sites, in one query.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn directory(&self) -> Result<Directory, StoreError> {
        let sql = format!("SELECT {SITE_COLUMNS} FROM registry_site ORDER BY id");
        let rows: Vec<SiteRow> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        Ok(Directory::new(rows.into_iter().filter_map(site).collect()))
    }

    /// What is known of one site; an empty entry when nothing is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn site_entry(&self, name: &str) -> Result<SiteEntry, StoreError> {
        let sql = format!("SELECT {SITE_COLUMNS} FROM registry_site WHERE name = ? ORDER BY id");
        let rows: Vec<SiteRow> = sqlx::query_as(AssertSqlSafe(sql)).bind(name).fetch_all(&self.pool).await?;
        let directory = Directory::new(rows.into_iter().filter_map(site).collect());
        Ok(directory.get(name).cloned().unwrap_or_default())
    }

    /// Each source with its number of sites and when the newest of them came, unix seconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn registry_sources(&self) -> Result<Vec<(String, i64, i64)>, StoreError> {
        let sql = "SELECT source, COUNT(*), MAX(imported) FROM registry_site GROUP BY source ORDER BY source";
        Ok(sqlx::query_as(sql).fetch_all(&self.pool).await?)
    }

    /// Those of some names that a registry or the operator names.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn known_sites(&self, names: &HashSet<&str>) -> Result<HashSet<String>, StoreError> {
        if names.is_empty() {
            return Ok(HashSet::new());
        }
        let sql = format!("SELECT DISTINCT name FROM registry_site WHERE name IN {}", rows_of_binds(1, names.len()));
        let mut query = sqlx::query_as::<_, (String,)>(AssertSqlSafe(sql));
        for name in names {
            query = query.bind(*name);
        }
        Ok(query.fetch_all(&self.pool).await?.into_iter().map(|(name,)| name).collect())
    }
}

impl Writing {
    /// The same as [`Store::declare_site`], in this transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn declare_site(&mut self, site: &Site, now: i64) -> Result<u64, StoreError> {
        self.delete_declared(&site.name).await?;
        self.insert_sites(Source::Declared, std::slice::from_ref(site), now).await?;
        self.free_reports_of_known_sites().await
    }

    async fn insert_sites(&mut self, source: Source, sites: &[Site], now: i64) -> Result<(), StoreError> {
        for rows in sites.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "INSERT INTO registry_site (source, name, country, tier, contact, security, prefixes, aliases, imported) VALUES {}",
                rows_of_binds(rows.len(), 9)
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for site in rows {
                query = query
                    .bind(source.as_str())
                    .bind(site.name.as_str())
                    .bind(site.country.as_str())
                    .bind(site.tier.as_str())
                    .bind(site.contact.join(" "))
                    .bind(site.security.join(" "))
                    .bind(join_prefixes(&site.prefixes))
                    .bind(site.aliases.join(" "))
                    .bind(now);
            }
            query.execute(self.connection()).await?;
        }
        Ok(())
    }

    async fn delete_declared(&mut self, name: &str) -> Result<bool, StoreError> {
        let deleted = sqlx::query("DELETE FROM registry_site WHERE source = ? AND name = ?")
            .bind(Source::Declared.as_str())
            .bind(name)
            .execute(self.connection())
            .await?;
        Ok(deleted.rows_affected() > 0)
    }

    /// Lets the reports wait again that were held for want of their site; without any registry every site is good.
    async fn free_reports_of_known_sites(&mut self) -> Result<u64, StoreError> {
        let freed = sqlx::query(
            "UPDATE inbox SET state = 'waiting', reason = '', problem = '' WHERE state = 'held' AND problem = ? \
             AND (site IN (SELECT name FROM registry_site) OR NOT EXISTS (SELECT 1 FROM registry_site WHERE source <> ?))",
        )
        .bind(Problem::UnknownSite.as_str())
        .bind(Source::Declared.as_str())
        .execute(self.connection())
        .await?;
        Ok(freed.rows_affected())
    }
}

/// `None` for a source that a newer program has written.
fn site((source, name, country, tier, contact, security, prefixes, aliases): SiteRow) -> Option<(Source, Site)> {
    let source = Source::ALL.into_iter().find(|known| known.as_str() == source)?;
    let words = |text: String| text.split_whitespace().map(str::to_owned).collect();
    Some((
        source,
        Site {
            name,
            country,
            tier,
            contact: words(contact),
            security: words(security),
            prefixes: split_prefixes(&prefixes),
            aliases: words(aliases),
        },
    ))
}
