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
        let (received, source, signed) = shown(run, arrival);
        sqlx::query(
            "INSERT INTO host_now (host, site, list, facts, since, last_news, received, source, signed, changed) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
        .bind(received)
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
