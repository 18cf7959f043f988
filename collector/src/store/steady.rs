//! Hosts that say again what they said last, many at once: a number of statements that does not grow with the reports.

use std::collections::{HashMap, HashSet};

use report::hash::Hash;
use sqlx::AssertSqlSafe;

use super::{Arrival, StoreError, Writing, host, rows_of_binds};
use crate::history::{self, MAX_SEEN};
use crate::sender::Pin;
use crate::unseal::Claimed;

/// A report that may be one of those.
#[derive(Debug)]
pub struct Again<'a> {
    /// What names the report in the inbox.
    pub hash: Hash,
    /// Whose it is.
    pub of: &'a Claimed,
    /// When the host was in this state, unix seconds.
    pub time: i64,
    /// How the report came.
    pub arrival: Arrival<'a>,
    /// Id of its package list.
    pub list: i64,
    /// Id of its header lines.
    pub facts: i64,
}

/// The newest state of a host, ready to be told once more.
#[derive(Debug)]
pub struct Present {
    host: i64,
    site: i64,
    list: i64,
    facts: i64,
    since: i64,
    last_news: i64,
    changed: i64,
    seen: Vec<i64>,
}

/// Host, site, list, facts, first and last time, when it changed, packed times, and the host's digest.
type Row = (i64, i64, i64, i64, i64, i64, i64, Vec<u8>, String);

impl Writing {
    /// The ids of those package lists that are known, by digest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_ids(&mut self, digests: &HashSet<Hash>) -> Result<HashMap<Hash, i64>, StoreError> {
        let mut ids = self.known.look(|known| at_hand(&known.lists, digests));
        for (digest, id) in self.ids_in("package_list", digests, &ids).await? {
            self.learned.list(digest, id);
            ids.insert(digest, id);
        }
        Ok(ids)
    }

    /// The ids of those sets of header lines that are known, by digest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn facts_ids(&mut self, digests: &HashSet<Hash>) -> Result<HashMap<Hash, i64>, StoreError> {
        let mut ids = self.known.look(|known| at_hand(&known.facts, digests));
        for (digest, id) in self.ids_in("facts", digests, &ids).await? {
            self.learned.facts(digest, id);
            ids.insert(digest, id);
        }
        Ok(ids)
    }

    /// Asks a table for the digests that are not at hand.
    async fn ids_in(
        &mut self,
        table: &str,
        digests: &HashSet<Hash>,
        at_hand: &HashMap<Hash, i64>,
    ) -> Result<Vec<(Hash, i64)>, StoreError> {
        let missing: Vec<&Hash> = digests.iter().filter(|digest| !at_hand.contains_key(*digest)).collect();
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT digest, id FROM {table} WHERE digest IN {}", rows_of_binds(1, missing.len()));
        let mut query = sqlx::query_as::<_, (String, i64)>(AssertSqlSafe(sql));
        for digest in missing {
            query = query.bind(digest.to_string());
        }
        let rows = query.fetch_all(self.connection()).await?;
        rows.into_iter()
            .map(|(digest, id)| {
                let digest = digest.parse().map_err(|_| StoreError::Inconsistent(format!("{table} {digest:?}")))?;
                Ok((digest, id))
            })
            .collect()
    }

    /// The newest states of hosts, by site and name; the hosts are locked until the end of the transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn presents<'a>(
        &mut self,
        hosts: &[(&'a str, &'a str)],
    ) -> Result<HashMap<(&'a str, &'a str), Present>, StoreError> {
        let mut by_digest: HashMap<String, (&str, &str)> =
            hosts.iter().map(|(site, name)| (host::digest(site, name), (*site, *name))).collect();
        let sql = format!(
            "SELECT host_now.host, host_now.site, host_now.list, host_now.facts, host_now.since, host_now.last_news, \
             host_now.changed, host_state.seen, host.digest FROM host JOIN host_now ON host_now.host = host.id \
             JOIN host_state ON host_state.host = host.id AND host_state.first_seen = host_now.since \
             WHERE host.digest IN {}{}",
            rows_of_binds(1, by_digest.len()),
            self.dialect.for_update()
        );
        let mut query = sqlx::query_as::<_, Row>(AssertSqlSafe(sql));
        let mut digests: Vec<&String> = by_digest.keys().collect();
        digests.sort_unstable();
        for digest in digests {
            query = query.bind(digest.clone());
        }
        let rows = query.fetch_all(self.connection()).await?;
        let mut presents = HashMap::with_capacity(rows.len());
        for (host, site, list, facts, since, last_news, changed, seen, digest) in rows {
            let seen = history::unpack_times(since, &seen)
                .ok_or_else(|| StoreError::Inconsistent(format!("times of host {host} from {since}")))?;
            if let Some(of) = by_digest.remove(&digest) {
                presents.insert(of, Present { host, site, list, facts, since, last_news, changed, seen });
            }
        }
        Ok(presents)
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

    /// Makes reports part of the history of their hosts, each a different one; `false` when another opener was faster
    /// with one of them, and then the transaction is not to be committed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_again(&mut self, reports: &[(Again<'_>, Present)]) -> Result<bool, StoreError> {
        if reports.is_empty() {
            return Ok(true);
        }
        Ok(self.mark_all_opened(reports).await? && {
            self.put_runs(reports).await?;
            self.put_presents(reports).await?;
            true
        })
    }

    async fn mark_all_opened(&mut self, reports: &[(Again<'_>, Present)]) -> Result<bool, StoreError> {
        let cases = " WHEN ? THEN ?".repeat(reports.len());
        let sql = format!(
            "UPDATE inbox SET state = 'opened', reason = '', problem = '', site = CASE hash{cases} END, \
             host = CASE hash{cases} END, sender = CASE hash{cases} END WHERE hash IN {} AND state = 'waiting'",
            rows_of_binds(1, reports.len())
        );
        let hashes: Vec<String> = reports.iter().map(|(report, _)| report.hash.to_string()).collect();
        let mut update = sqlx::query(AssertSqlSafe(sql));
        for column in [|of: &Claimed| of.site.clone(), |of: &Claimed| of.host.clone(), |of: &Claimed| of.sender.clone()]
        {
            for (hash, (report, _)) in hashes.iter().zip(reports) {
                update = update.bind(hash.as_str()).bind(column(report.of));
            }
        }
        for hash in &hashes {
            update = update.bind(hash.as_str());
        }
        Ok(update.execute(self.connection()).await?.rows_affected() == reports.len() as u64)
    }

    async fn put_runs(&mut self, reports: &[(Again<'_>, Present)]) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO host_state (host, first_seen, list, facts, seen) VALUES {}{}",
            rows_of_binds(reports.len(), 5),
            self.dialect.replace("host, first_seen", &["seen"])
        );
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for (report, present) in reports {
            let mut seen = present.seen.clone();
            seen.push(report.time);
            insert = insert
                .bind(present.host)
                .bind(present.since)
                .bind(present.list)
                .bind(present.facts)
                .bind(history::pack_times(&seen));
        }
        insert.execute(self.connection()).await?;
        Ok(())
    }

    async fn put_presents(&mut self, reports: &[(Again<'_>, Present)]) -> Result<(), StoreError> {
        self.sites_with_news.extend(reports.iter().map(|(_, present)| present.site));
        let sql = format!(
            "INSERT INTO host_now (host, site, list, facts, since, last_news, received, source, signed, changed) VALUES {}{}",
            rows_of_binds(reports.len(), 10),
            self.dialect.replace("host", &["last_news", "received", "source", "signed"])
        );
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for (report, present) in reports {
            insert = insert
                .bind(present.host)
                .bind(present.site)
                .bind(present.list)
                .bind(present.facts)
                .bind(present.since)
                .bind(report.time)
                .bind(report.arrival.received)
                .bind(report.arrival.source)
                .bind(i64::from(report.arrival.signed))
                .bind(present.changed);
        }
        insert.execute(self.connection()).await?;
        Ok(())
    }
}

fn at_hand(known: &HashMap<Hash, i64>, digests: &HashSet<Hash>) -> HashMap<Hash, i64> {
    digests.iter().filter_map(|digest| Some((*digest, *known.get(digest)?))).collect()
}

impl Present {
    /// Whether a report only says that the host still is as it was.
    #[must_use]
    pub fn is_told_again_by(&self, report: &Again<'_>) -> bool {
        (self.list, self.facts) == (report.list, report.facts)
            && report.time > self.last_news
            && self.seen.len() < MAX_SEEN
    }
}
