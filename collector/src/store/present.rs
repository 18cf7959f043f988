//! The present and the counts of each day: both follow from the states over time and are kept beside them.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use super::{ROWS_PER_STATEMENT, Store, StoreError, Writing, rows_of_binds};
use crate::history::{self, Counts, Run};

/// How a report came.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Unix seconds.
    pub received: i64,
    /// The address it came from.
    pub source: &'a str,
    /// Whether its host's key vouches for it, or somebody who may report for its site.
    pub signed: bool,
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
        self.sites_with_news.insert(site);
        let (received, source, signed) = shown(run, arrival);
        let set = if arrival.is_some() { ", received = ?, source = ?, signed = ?" } else { "" };
        // MySQL sets from left to right: what is compared with the old state comes before the new one.
        let sql = format!(
            "UPDATE host_now SET changed = CASE WHEN list = ? AND facts = ? THEN changed ELSE ? END, \
             list = ?, facts = ?, since = ?, last_news = ?{set} WHERE host = ?"
        );
        let mut update = sqlx::query(AssertSqlSafe(sql))
            .bind(run.facts.list)
            .bind(run.facts.facts)
            .bind(received)
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
        self.insert_present(host, site, run, arrival).await
    }

    /// Makes a run the newest state of a host that has none yet.
    pub(super) async fn insert_present(
        &mut self,
        host: i64,
        site: i64,
        run: &Run,
        arrival: Option<Arrival<'_>>,
    ) -> Result<(), StoreError> {
        self.sites_with_news.insert(site);
        self.insert_presents(&[(host, site, run)], arrival).await
    }

    /// The same of many hosts, by id of the host and of its site.
    async fn insert_presents(
        &mut self,
        newest: &[(i64, i64, &Run)],
        arrival: Option<Arrival<'_>>,
    ) -> Result<(), StoreError> {
        if newest.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "INSERT INTO host_now (host, site, list, facts, since, last_news, received, source, signed, changed) VALUES {}",
            rows_of_binds(newest.len(), 10)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (host, site, run) in newest {
            let (received, source, signed) = shown(run, arrival);
            query = query.bind(*host).bind(*site).bind(run.facts.list).bind(run.facts.facts).bind(run.first());
            query = query.bind(run.last()).bind(received).bind(source).bind(signed).bind(received);
        }
        query.execute(self.connection()).await?;
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
        let of_site = |((list, facts, day), hosts): (&(i64, i64, i64), &i64)| ((*list, *facts, site, *day), *hosts);
        self.add_to_counts(&counts.iter().map(of_site).collect()).await
    }

    /// Adds to the counts by list, header lines, site and day.
    pub(super) async fn add_to_counts(
        &mut self,
        counts: &BTreeMap<(i64, i64, i64, i64), i64>,
    ) -> Result<(), StoreError> {
        let counts: Vec<_> = counts.iter().filter(|(_, hosts)| **hosts != 0).collect();
        self.sites_with_news.extend(counts.iter().map(|((_, _, site, _), _)| *site));
        // In the order of the key: two openers never wait for each other crosswise.
        for rows in counts.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "INSERT INTO host_count (list, facts, site, day, hosts) VALUES {}{}",
                rows_of_binds(rows.len(), 5),
                self.dialect.add_hosts()
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for ((list, facts, site, day), hosts) in rows {
                query = query.bind(*list).bind(*facts).bind(*site).bind(*day).bind(**hosts);
            }
            query.execute(self.connection()).await?;
        }
        Ok(())
    }
}

/// When a report was received, from where, and whether it was signed; what is not known of derived ones is left out.
fn shown<'a>(run: &Run, arrival: Option<Arrival<'a>>) -> (i64, &'a str, i64) {
    match arrival {
        Some(arrival) => (arrival.received, arrival.source, i64::from(arrival.signed)),
        None => (run.last(), "", 0),
    }
}

impl Store {
    /// Makes the present and the counts of each day anew from the states over time, where a database has the one
    /// without the other.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn derive_present(&self) -> Result<(), StoreError> {
        let is_missing = "NOT EXISTS (SELECT 1 FROM host_now WHERE host_now.host = host.id)";
        let any = format!("SELECT host.id FROM host WHERE {is_missing} LIMIT 1");
        let any: Option<(i64,)> = sqlx::query_as(AssertSqlSafe(any)).fetch_optional(&self.pool).await?;
        if any.is_none() {
            return Ok(());
        }
        let mut writing = self.begin_unlocked().await?;
        sqlx::query(
            "INSERT INTO site (name, news) SELECT DISTINCT site, 0 FROM host WHERE site NOT IN (SELECT name FROM site)",
        )
        .execute(writing.connection())
        .await?;
        let missing = format!(
            "SELECT host.id, site.id FROM host JOIN site ON site.name = host.site WHERE {is_missing} ORDER BY host.id"
        );
        let missing: Vec<(i64, i64)> = sqlx::query_as(AssertSqlSafe(missing)).fetch_all(writing.connection()).await?;
        let mut counts: BTreeMap<i64, Counts> = BTreeMap::new();
        for hosts in missing.chunks(ROWS_PER_STATEMENT) {
            let ids: Vec<i64> = hosts.iter().map(|(host, _)| *host).collect();
            let pasts = writing.pasts(&ids).await?;
            let mut newest = Vec::with_capacity(hosts.len());
            for (host, site) in hosts {
                let Some(runs) = pasts.get(host) else { continue };
                let of_site = counts.entry(*site).or_default();
                for (key, number) in history::counts(runs) {
                    *of_site.entry(key).or_insert(0) += number;
                }
                newest.extend(runs.last().map(|run| (*host, *site, run)));
            }
            writing.insert_presents(&newest, None).await?;
        }
        for (site, counts) in counts {
            writing.add_counts(site, &counts).await?;
        }
        writing.commit().await
    }
}
