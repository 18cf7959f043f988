//! Reports that are newer than what is known of their hosts, many at once: statements whose number does not grow with them.

use std::collections::{BTreeMap, HashMap, HashSet};

use report::hash::Hash;
use sqlx::AssertSqlSafe;

use super::{Arrival, StoreError, Writing, host, rows_of_binds};
use crate::history::{self, Change, HostFacts, Run};
use crate::unseal::Claimed;

/// The newest state of a host, locked until the transaction ends.
#[derive(Debug)]
pub struct Present {
    host: i64,
    site: i64,
    changed: i64,
    run: Run,
}

impl Present {
    /// Id of the package list.
    #[must_use]
    pub fn list(&self) -> i64 {
        self.run.facts.list
    }

    /// The newest report, unix seconds.
    #[must_use]
    pub fn last_news(&self) -> i64 {
        self.run.last()
    }
}

/// A report to become the newest of its host.
#[derive(Debug)]
pub struct Newest<'a> {
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
    /// What the host was before, which `time` is later than; none for a host that is new.
    pub before: Option<Present>,
}

/// Host, site, list, facts, first time, when it changed, packed times, and the host's digest.
type Row = (i64, i64, i64, i64, i64, i64, Vec<u8>, String);

impl Writing {
    /// The newest states of those hosts that are known, by site and name; they are locked until the end of the transaction.
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
            "SELECT host_now.host, host_now.site, host_now.list, host_now.facts, host_now.since, host_now.changed, \
             host_state.seen, host.digest FROM host JOIN host_now ON host_now.host = host.id \
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
        for (host, site, list, facts, since, changed, seen, digest) in rows {
            let seen = history::unpack_times(since, &seen)
                .ok_or_else(|| StoreError::Inconsistent(format!("times of host {host} from {since}")))?;
            if let Some(of) = by_digest.remove(&digest) {
                presents.insert(of, Present { host, site, changed, run: Run { facts: state(list, facts), seen } });
            }
        }
        Ok(presents)
    }

    /// Marks reports as opened, each by its hash with whose it is; `false` when another opener was faster with one of them,
    /// and then the transaction is not to be committed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mark_all_opened(&mut self, reports: &[(Hash, &Claimed)]) -> Result<bool, StoreError> {
        let cases = " WHEN ? THEN ?".repeat(reports.len());
        let sql = format!(
            "UPDATE inbox SET state = 'opened', reason = '', problem = '', site = CASE hash{cases} END, \
             host = CASE hash{cases} END, sender = CASE hash{cases} END WHERE hash IN {} AND state = 'waiting'",
            rows_of_binds(1, reports.len())
        );
        let hashes: Vec<String> = reports.iter().map(|(hash, _)| hash.to_string()).collect();
        let mut update = sqlx::query(AssertSqlSafe(sql));
        for column in [|of: &Claimed| of.site.clone(), |of: &Claimed| of.host.clone(), |of: &Claimed| of.sender.clone()]
        {
            for (hash, (_, of)) in hashes.iter().zip(reports) {
                update = update.bind(hash.as_str()).bind(column(of));
            }
        }
        for hash in &hashes {
            update = update.bind(hash.as_str());
        }
        Ok(update.execute(self.connection()).await?.rows_affected() == reports.len() as u64)
    }

    /// Makes reports part of the history of their hosts, each a different one, and hosts of those that are new.
    ///
    /// # Errors
    /// [`StoreError`]; a conflict when another transaction made one of the hosts at the same time.
    pub async fn add_newest(&mut self, reports: Vec<Newest<'_>>) -> Result<(), StoreError> {
        let new: Vec<(&str, &str)> = reports
            .iter()
            .filter(|report| report.before.is_none())
            .map(|report| (report.of.site.as_str(), report.of.host.as_str()))
            .collect();
        let mut made = self.add_hosts(&new).await?;
        let mut runs = Vec::with_capacity(reports.len());
        let mut counts = BTreeMap::new();
        for Newest { of, time, arrival, list, facts, before } in reports {
            let (host, site, changed, before) = match before {
                Some(before) => (before.host, before.site, before.changed, Some(before.run)),
                None => {
                    let made = made.remove(&(of.site.as_str(), of.host.as_str()));
                    let made = made.ok_or_else(|| StoreError::Inconsistent("host vanished after its insert".into()))?;
                    (made.host, made.site, arrival.received, None)
                }
            };
            let changes = history::insert(before.clone(), None, time, &state(list, facts));
            let old: Vec<Run> = before.into_iter().collect();
            let new = history::changed(old.first().cloned(), None, &changes);
            for ((list, facts, day), hosts) in history::difference(&history::counts(&old), history::counts(&new)) {
                *counts.entry((list, facts, site, day)).or_default() += hosts;
            }
            let is_the_same = old.first().is_some_and(|run| run.facts == state(list, facts));
            let changed = if is_the_same { changed } else { arrival.received };
            for change in changes {
                if let Change::Put(run) = change {
                    runs.push(Put { host, site, run, arrival, changed });
                }
            }
        }
        self.put_runs(&runs).await?;
        self.add_to_counts(&counts).await?;
        self.put_presents(&runs).await
    }

    async fn put_runs(&mut self, puts: &[Put<'_>]) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO host_state (host, first_seen, list, facts, seen) VALUES {}{}",
            rows_of_binds(puts.len(), 5),
            self.dialect.replace("host, first_seen", &["seen"])
        );
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for Put { host, run, .. } in puts {
            insert = insert
                .bind(*host)
                .bind(run.first())
                .bind(run.facts.list)
                .bind(run.facts.facts)
                .bind(history::pack_times(&run.seen));
        }
        insert.execute(self.connection()).await?;
        Ok(())
    }

    async fn put_presents(&mut self, puts: &[Put<'_>]) -> Result<(), StoreError> {
        self.sites_with_news.extend(puts.iter().map(|put| put.site));
        let sql = format!(
            "INSERT INTO host_now (host, site, list, facts, since, last_news, received, source, signed, changed) VALUES {}{}",
            rows_of_binds(puts.len(), 10),
            self.dialect
                .replace("host", &["list", "facts", "since", "last_news", "received", "source", "signed", "changed"])
        );
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for Put { host, site, run, arrival, changed } in puts {
            insert = insert
                .bind(*host)
                .bind(*site)
                .bind(run.facts.list)
                .bind(run.facts.facts)
                .bind(run.first())
                .bind(run.last())
                .bind(arrival.received)
                .bind(arrival.source)
                .bind(i64::from(arrival.signed))
                .bind(*changed);
        }
        insert.execute(self.connection()).await?;
        Ok(())
    }

    /// The ids in a table of those digests that are known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn ids_in(
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
}

/// A run that becomes a host's newest state.
struct Put<'a> {
    host: i64,
    site: i64,
    run: Run,
    arrival: Arrival<'a>,
    changed: i64,
}

/// A state whose rank is not asked: nothing else was said at the same second.
fn state(list: i64, facts: i64) -> HostFacts {
    HostFacts { list, facts, rank: String::new() }
}
