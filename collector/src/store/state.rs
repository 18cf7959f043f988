//! The states of hosts over time, stored as runs of equal reports.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::{Arrival, HostId, PastFilter, Store, StoreError, Writing, rows_of_binds, scope_condition};
use crate::access::Scope;
use crate::history::{self, Change, HostFacts, Run};

/// A host at some date: its newest state not after it.
#[derive(Debug, Clone)]
pub struct HostState {
    /// Id of the host.
    pub host: i64,
    /// Site the host belongs to.
    pub site: String,
    /// Host name.
    pub name: String,
    /// Id of the package list.
    pub list: i64,
    /// Id of the header lines.
    pub facts: i64,
    /// The first report that said so, unix seconds.
    pub since: i64,
    /// The last report not after the date.
    pub last_news: i64,
}

/// First time, list, facts, packed times and both digests.
type RunRow = (i64, i64, i64, Vec<u8>, String, String);

const RUN_COLUMNS: &str = "SELECT host_state.first_seen, host_state.list, host_state.facts, host_state.seen, \
     package_list.digest, facts.digest FROM host_state JOIN package_list ON package_list.id = host_state.list \
     JOIN facts ON facts.id = host_state.facts";

impl Writing {
    /// Makes a report of that time (unix seconds), list and header lines part of its host's history.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_to_history(
        &mut self,
        HostId { host, site }: HostId,
        (time, list, facts): (i64, i64, i64),
        arrival: Arrival<'_>,
    ) -> Result<(), StoreError> {
        let rank = self.rank(list, facts).await?;
        let newest_before = self.newest_report(host).await?;
        let before = self.neighbour(host, time, "<= ? ORDER BY host_state.first_seen DESC").await?;
        // Nothing begins after the newest report: most reports are newer than it.
        let after = match newest_before {
            Some(newest) if newest > time => self.neighbour(host, time, "> ? ORDER BY host_state.first_seen").await?,
            _ => None,
        };
        let changes = history::insert(before.clone(), after.clone(), time, &HostFacts { list, facts, rank });
        for change in &changes {
            match change {
                Change::Remove(first) => self.remove_run(host, *first).await?,
                // One that begins when no other does takes no other's place.
                Change::Put(run) if !begins_with(&before, run) && !begins_with(&after, run) => {
                    self.insert_run(host, run).await?;
                }
                Change::Put(run) => self.put_run(host, run).await?,
            }
        }
        let old: Vec<Run> = before.iter().chain(&after).cloned().collect();
        let new = history::changed(before, after, &changes);
        self.add_counts(site, &history::difference(&history::counts(&old), history::counts(&new))).await?;
        match new.last() {
            Some(run) if !changes.is_empty() && newest_before.is_none_or(|newest| newest <= run.last()) => {
                let arrival = newest_before.is_none_or(|newest| newest <= time).then_some(arrival);
                if newest_before.is_none() {
                    return self.insert_present(host, site, run, arrival).await;
                }
                self.put_present(host, site, run, arrival).await
            }
            _ => Ok(()),
        }
    }

    /// What decides between two reports of one second: the digests of list and header lines.
    async fn rank(&mut self, list: i64, facts: i64) -> Result<String, StoreError> {
        let known = self.known.look(|known| {
            let of_list = self.learned.list_digests.get(&list).or_else(|| known.list_digests.get(&list));
            let of_facts = self.learned.facts_digests.get(&facts).or_else(|| known.facts_digests.get(&facts));
            Some(of_list?.to_string() + &of_facts?.to_string())
        });
        if let Some(rank) = known {
            return Ok(rank);
        }
        let (of_list, of_facts): (String, String) = sqlx::query_as(
            "SELECT package_list.digest, facts.digest FROM package_list, facts WHERE package_list.id = ? AND facts.id = ?",
        )
        .bind(list)
        .bind(facts)
        .fetch_one(self.connection())
        .await?;
        Ok(of_list + &of_facts)
    }

    /// Lists that a new list of this host is likely to resemble: its own last one, else those of its site's newest hosts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn relatives(&mut self, host: i64, site: &str) -> Result<Vec<i64>, StoreError> {
        let own: Option<(i64,)> =
            sqlx::query_as("SELECT list FROM host_state WHERE host = ? ORDER BY first_seen DESC LIMIT 1")
                .bind(host)
                .fetch_optional(self.connection())
                .await?;
        if let Some((list,)) = own {
            return Ok(vec![list]);
        }
        self.newest_lists(site, 3).await
    }

    /// Lists of the newest hosts of a site, at most so many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_lists(&mut self, site: &str, most: usize) -> Result<Vec<i64>, StoreError> {
        let rows: Vec<(i64,)> = sqlx::query_as(
            "SELECT host_state.list FROM host JOIN host_state ON host_state.host = host.id \
             WHERE host.site = ? ORDER BY host.id DESC LIMIT ?",
        )
        .bind(site)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .fetch_all(self.connection())
        .await?;
        let mut lists: Vec<i64> = rows.into_iter().map(|(list,)| list).collect();
        lists.dedup();
        Ok(lists)
    }

    /// The runs of some hosts in order of time, within this transaction; without ranks, which only a new report needs.
    pub(super) async fn pasts(&mut self, hosts: &[i64]) -> Result<HashMap<i64, Vec<Run>>, StoreError> {
        let sql = format!(
            "SELECT host, first_seen, list, facts, seen FROM host_state WHERE host IN {} ORDER BY host, first_seen",
            rows_of_binds(1, hosts.len())
        );
        let mut query = sqlx::query_as::<_, (i64, i64, i64, i64, Vec<u8>)>(AssertSqlSafe(sql));
        for host in hosts {
            query = query.bind(*host);
        }
        let mut pasts: HashMap<i64, Vec<Run>> = HashMap::with_capacity(hosts.len());
        for (host, first, list, facts, seen) in query.fetch_all(self.connection()).await? {
            let run = run_of((first, list, facts, seen, String::new(), String::new()))?;
            pasts.entry(host).or_default().push(run);
        }
        Ok(pasts)
    }

    async fn neighbour(&mut self, host: i64, time: i64, side: &str) -> Result<Option<Run>, StoreError> {
        let sql = format!("{RUN_COLUMNS} WHERE host_state.host = ? AND host_state.first_seen {side} LIMIT 1");
        let row: Option<RunRow> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(host).bind(time).fetch_optional(self.connection()).await?;
        row.map(run_of).transpose()
    }

    async fn remove_run(&mut self, host: i64, first: i64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM host_state WHERE host = ? AND first_seen = ?")
            .bind(host)
            .bind(first)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn put_run(&mut self, host: i64, run: &Run) -> Result<(), StoreError> {
        let seen = history::pack_times(&run.seen);
        let updated =
            sqlx::query("UPDATE host_state SET list = ?, facts = ?, seen = ? WHERE host = ? AND first_seen = ?")
                .bind(run.facts.list)
                .bind(run.facts.facts)
                .bind(seen.as_slice())
                .bind(host)
                .bind(run.first())
                .execute(self.connection())
                .await?;
        if updated.rows_affected() == 0 { self.insert_run(host, run).await } else { Ok(()) }
    }

    async fn insert_run(&mut self, host: i64, run: &Run) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO host_state (host, first_seen, list, facts, seen) VALUES (?, ?, ?, ?, ?)")
            .bind(host)
            .bind(run.first())
            .bind(run.facts.list)
            .bind(run.facts.facts)
            .bind(history::pack_times(&run.seen))
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

impl Store {
    /// Every host that may be seen and had reported by `at` (unix seconds), with its state of then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hosts_at(&self, scope: &Scope, at: i64) -> Result<Vec<HostState>, StoreError> {
        self.past_hosts(&PastFilter { scope, at, after: None, lists: None }, usize::MAX, |_| true).await
    }

    /// Ids, sites and names of the hosts with this name, at every site that has one and may be seen.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hosts_named(&self, scope: &Scope, name: &str) -> Result<Vec<(i64, String, String)>, StoreError> {
        let sql = format!(
            "SELECT id, site, name FROM host WHERE name = ? AND {} ORDER BY site",
            scope_condition("site", scope)
        );
        let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(name);
        for site in scope.sites() {
            query = query.bind(site);
        }
        Ok(query.fetch_all(&self.pool).await?)
    }

    /// Every run of a host.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn runs(&self, host: i64) -> Result<Vec<Run>, StoreError> {
        let sql = format!("{RUN_COLUMNS} WHERE host_state.host = ? ORDER BY host_state.first_seen");
        let rows: Vec<RunRow> = sqlx::query_as(AssertSqlSafe(sql)).bind(host).fetch_all(&self.pool).await?;
        rows.into_iter().map(run_of).collect()
    }
}

fn begins_with(known: &Option<Run>, run: &Run) -> bool {
    known.as_ref().is_some_and(|known| known.first() == run.first())
}

fn run_of((first, list, facts, seen, list_digest, facts_digest): RunRow) -> Result<Run, StoreError> {
    let seen = history::unpack_times(first, &seen)
        .ok_or_else(|| StoreError::Inconsistent(format!("times of a run from {first}")))?;
    Ok(Run { facts: HostFacts { list, facts, rank: list_digest + &facts_digest }, seen })
}
