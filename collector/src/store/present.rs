//! The present and the counts of each day: both follow from the states over time and are kept beside them.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use super::{ROWS_PER_STATEMENT, Store, StoreError, Writing, rows_of_binds};
use crate::access::Scope;
use crate::history::{self, Counts, Run};

/// How a report came.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Unix seconds.
    pub received: i64,
    /// The address it came from.
    pub source: &'a str,
    /// Whether its host's key vouches for it.
    pub signed: bool,
}

/// Hosts of a site that are in the same state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostGroup {
    /// The site.
    pub site: String,
    /// Id of the package list.
    pub list: i64,
    /// Id of the header lines.
    pub facts: i64,
    /// How many hosts.
    pub hosts: i64,
    /// How many of them had no news since the time that was asked for.
    pub stale: i64,
    /// The newest report of any of them, unix seconds.
    pub last_news: i64,
}

impl Writing {
    /// Makes a run the newest state of its host.
    pub(super) async fn put_present(
        &mut self,
        host: i64,
        site: i64,
        run: &Run,
        arrival: Option<Arrival<'_>>,
    ) -> Result<(), StoreError> {
        let (received, source, signed) = match arrival {
            Some(arrival) => (arrival.received, arrival.source, i64::from(arrival.signed)),
            None => (run.last(), "", 0),
        };
        let set = if arrival.is_some() { ", received = ?, source = ?, signed = ?" } else { "" };
        let sql = format!("UPDATE host_now SET list = ?, facts = ?, since = ?, last_news = ?{set} WHERE host = ?");
        let mut update = sqlx::query(AssertSqlSafe(sql))
            .bind(run.facts.list)
            .bind(run.facts.facts)
            .bind(run.first())
            .bind(run.last());
        if arrival.is_some() {
            update = update.bind(received).bind(source).bind(signed);
        }
        if update.bind(host).execute(self.connection()).await?.rows_affected() > 0 {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO host_now (host, site, list, facts, since, last_news, received, source, signed) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(host)
        .bind(site)
        .bind(run.facts.list)
        .bind(run.facts.facts)
        .bind(run.first())
        .bind(run.last())
        .bind(received)
        .bind(source)
        .bind(signed)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// The time of a host's newest report.
    pub(super) async fn newest_report(&mut self, host: i64) -> Result<Option<i64>, StoreError> {
        let row: Option<(i64,)> = sqlx::query_as("SELECT last_news FROM host_now WHERE host = ?")
            .bind(host)
            .fetch_optional(self.connection())
            .await?;
        Ok(row.map(|(time,)| time))
    }

    /// Adds to the counts of a site.
    pub(super) async fn add_counts(&mut self, site: i64, counts: &Counts) -> Result<(), StoreError> {
        let counts: Vec<_> = counts.iter().collect();
        // In the order of the key: two openers never wait for each other crosswise.
        for rows in counts.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "INSERT INTO host_count (list, facts, site, day, hosts) VALUES {}{}",
                rows_of_binds(rows.len(), 5),
                self.dialect.add_hosts()
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for ((list, facts, day), hosts) in rows {
                query = query.bind(*list).bind(*facts).bind(site).bind(*day).bind(**hosts);
            }
            query.execute(self.connection()).await?;
        }
        Ok(())
    }
}

impl Store {
    /// The hosts that may be seen, grouped by site and state; `stale_before` is in unix seconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn present_groups(&self, scope: &Scope, stale_before: i64) -> Result<Vec<HostGroup>, StoreError> {
        let sql = format!(
            "SELECT site.name, host_now.list, host_now.facts, COUNT(*), \
             COUNT(CASE WHEN host_now.last_news < ? THEN 1 END), MAX(host_now.last_news) \
             FROM host_now JOIN site ON site.id = host_now.site WHERE {} \
             GROUP BY site.name, host_now.list, host_now.facts",
            super::scope_condition("site.name", scope)
        );
        let mut query = sqlx::query_as::<_, (String, i64, i64, i64, i64, i64)>(AssertSqlSafe(sql)).bind(stale_before);
        for site in scope.sites() {
            query = query.bind(site);
        }
        let group =
            |(site, list, facts, hosts, stale, last_news)| HostGroup { site, list, facts, hosts, stale, last_news };
        Ok(query.fetch_all(&self.pool).await?.into_iter().map(group).collect())
    }

    /// The hosts that may be seen as they were at the end of a day (UTC, since 1970-01-01), grouped by site and state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn groups_on(&self, scope: &Scope, day: i64) -> Result<Vec<HostGroup>, StoreError> {
        let sql = format!(
            "SELECT site.name, host_count.list, host_count.facts, {total} FROM host_count \
             JOIN site ON site.id = host_count.site WHERE host_count.day <= ? AND {} \
             GROUP BY site.name, host_count.list, host_count.facts HAVING {total} > 0",
            super::scope_condition("site.name", scope),
            total = self.dialect.sum("host_count.hosts"),
        );
        let mut query = sqlx::query_as::<_, (String, i64, i64, i64)>(AssertSqlSafe(sql)).bind(day);
        for site in scope.sites() {
            query = query.bind(site);
        }
        let group = |(site, list, facts, hosts)| HostGroup { site, list, facts, hosts, stale: 0, last_news: 0 };
        Ok(query.fetch_all(&self.pool).await?.into_iter().map(group).collect())
    }

    /// Makes the present and the counts of each day anew from the states over time, where a database has the one
    /// without the other.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn derive_present(&self) -> Result<(), StoreError> {
        let missing: Vec<(i64, String, String)> = sqlx::query_as(
            "SELECT host.id, host.site, host.name FROM host WHERE NOT EXISTS \
             (SELECT 1 FROM host_now WHERE host_now.host = host.id) ORDER BY host.id",
        )
        .fetch_all(&self.pool)
        .await?;
        if missing.is_empty() {
            return Ok(());
        }
        let mut writing = self.begin_unlocked().await?;
        sqlx::query("INSERT INTO site (name) SELECT DISTINCT site FROM host WHERE site NOT IN (SELECT name FROM site)")
            .execute(writing.connection())
            .await?;
        let mut counts: BTreeMap<i64, Counts> = BTreeMap::new();
        for (host, site, name) in missing {
            let id = writing.host_id(&site, &name).await?;
            let mut runs = writing.runs(host).await?;
            runs.sort_by_key(Run::first);
            let of_site = counts.entry(id.site).or_default();
            for (key, number) in history::counts(&runs) {
                *of_site.entry(key).or_insert(0) += number;
            }
            if let Some(newest) = runs.last() {
                writing.put_present(host, id.site, newest, None).await?;
            }
        }
        for (site, counts) in counts {
            writing.add_counts(site, &counts).await?;
        }
        writing.commit().await
    }
}
