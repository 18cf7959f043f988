//! Takes states out of histories that ended long ago; the state that was valid at a time stays, and all that came after it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use sqlx::{AnyConnection, AssertSqlSafe};

use super::{Store, StoreError, persisting, rows_of_binds, unless_silent};
use crate::access::deed::Deed;
use crate::history::{self, HostFacts, Run};

/// Hosts whose pasts are looked at in one transaction.
const BATCH: i64 = 100;

/// How long the database may say nothing to one of them.
const SILENCE: Duration = Duration::from_secs(600);

/// States that ended, and how many hosts were in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ended {
    /// Stored states.
    pub states: u64,
    /// Hosts that have any of them.
    pub hosts: u64,
}

impl Store {
    /// How many states had ended by a time (unix seconds).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ended_by(&self, time: i64) -> Result<Ended, StoreError> {
        let (mut ended, mut after) = (Ended::default(), i64::MIN);
        loop {
            let hosts = unless_silent(SILENCE, self.with_a_past(after, time)).await?;
            let Some(last) = hosts.last() else { return Ok(ended) };
            after = *last;
            let pasts = pasts(&mut *self.pool.acquire().await?, &hosts, time).await?;
            ended.add(&pasts.values().map(|runs| ends(runs)).collect::<Vec<_>>());
        }
    }

    /// Deletes them, and notes the deed with the first; how many went. What every host was at that time and later stays.
    ///
    /// # Errors
    /// [`StoreError`]; what was deleted before is gone, and the same again deletes the rest.
    pub async fn purge_history(&self, time: i64, deed: &Deed<'_>) -> Result<Ended, StoreError> {
        let (mut ended, mut after) = (Ended::default(), i64::MIN);
        loop {
            let hosts = unless_silent(SILENCE, self.with_a_past(after, time)).await?;
            if hosts.is_empty() {
                return Ok(ended);
            }
            let noted = (ended.states == 0).then_some(deed);
            let some = |most| {
                let some = hosts.get(..usize::try_from(most).unwrap_or(hosts.len())).unwrap_or(&hosts);
                async move { Ok((self.end_pasts(some, time, noted).await?, some.last().copied())) }
            };
            let (went, last) = unless_silent(SILENCE, persisting(BATCH, some)).await?;
            ended.add(&went);
            after = last.unwrap_or(i64::MAX);
        }
    }

    /// The next hosts with more than one state by a time, by id.
    async fn with_a_past(&self, after: i64, time: i64) -> Result<Vec<i64>, StoreError> {
        let sql = "SELECT host FROM host_state WHERE host > ? AND first_seen <= ? GROUP BY host HAVING COUNT(*) > 1 \
                   ORDER BY host LIMIT ?";
        let rows: Vec<(i64,)> = sqlx::query_as(sql).bind(after).bind(time).bind(BATCH).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|(host,)| host).collect())
    }

    /// Deletes what ended of some hosts; how many states of each.
    async fn end_pasts(&self, hosts: &[i64], time: i64, deed: Option<&Deed<'_>>) -> Result<Vec<usize>, StoreError> {
        let mut writing = self.begin().await?;
        writing.take_turn().await?;
        let pasts = pasts(writing.connection(), hosts, time).await?;
        let sql = format!("SELECT host, site FROM host_now WHERE host IN {}", rows_of_binds(1, hosts.len()));
        let mut query = sqlx::query_as::<_, (i64, i64)>(AssertSqlSafe(sql));
        for host in hosts {
            query = query.bind(*host);
        }
        let sites = query.fetch_all(writing.connection()).await?;
        let mut counts: BTreeMap<(i64, i64, i64, i64), i64> = BTreeMap::new();
        let mut kept_from: Vec<(i64, i64)> = Vec::new();
        let mut went = Vec::new();
        for (host, site) in sites {
            let Some(runs) = pasts.get(&host) else { continue };
            let kept = runs.get(ends(runs)..).unwrap_or_default();
            let Some(first) = kept.first().filter(|_| kept.len() < runs.len()) else { continue };
            kept_from.push((host, first.first()));
            went.push(runs.len() - kept.len());
            writing.sites_with_news.insert(site);
            for ((list, facts, day), hosts) in history::difference(&history::counts(runs), history::counts(kept)) {
                *counts.entry((list, facts, site, day)).or_default() += hosts;
            }
        }
        if kept_from.is_empty() {
            return Ok(went);
        }
        writing.add_to_counts(&counts).await?;
        writing.drop_empty_counts(&counts).await?;
        let each = vec!["(host = ? AND first_seen < ?)"; kept_from.len()].join(" OR ");
        let mut delete = sqlx::query(AssertSqlSafe(format!("DELETE FROM host_state WHERE {each}")));
        for (host, first) in kept_from {
            delete = delete.bind(host).bind(first);
        }
        delete.execute(writing.connection()).await?;
        if let Some(deed) = deed {
            writing.audit(deed).await?;
        }
        writing.commit().await?;
        Ok(went)
    }
}

/// The states of some hosts that began by a time, in order of time; of their reports only the first, which is all that counts.
async fn pasts(
    connection: &mut AnyConnection,
    hosts: &[i64],
    time: i64,
) -> Result<BTreeMap<i64, Vec<Run>>, StoreError> {
    let sql = format!(
        "SELECT host, first_seen, list, facts FROM host_state WHERE host IN {} AND first_seen <= ? \
         ORDER BY host, first_seen",
        rows_of_binds(1, hosts.len())
    );
    let mut query = sqlx::query_as::<_, (i64, i64, i64, i64)>(AssertSqlSafe(sql));
    for host in hosts {
        query = query.bind(*host);
    }
    let mut pasts: BTreeMap<i64, Vec<Run>> = BTreeMap::new();
    for (host, first, list, facts) in query.bind(time).fetch_all(connection).await? {
        let run = Run { facts: HostFacts { list, facts, rank: String::new() }, seen: vec![first] };
        pasts.entry(host).or_default().push(run);
    }
    Ok(pasts)
}

/// How many of the runs ended: all before the last one, and before those that said the same just before it.
fn ends(runs: &[Run]) -> usize {
    let Some(last) = runs.last() else { return 0 };
    runs.iter().rposition(|run| run.facts != last.facts).map_or(0, |other| other + 1)
}

impl Ended {
    fn add(&mut self, went: &[usize]) {
        self.states += went.iter().map(|states| *states as u64).sum::<u64>();
        self.hosts += went.iter().filter(|states| **states > 0).count() as u64;
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "states {} of hosts {}", self.states, self.hosts)
    }
}
