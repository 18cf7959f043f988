//! How the number of hosts in each state changed, day by day, and the pasts of a few hosts.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;

use super::{ROWS_PER_STATEMENT, Store, StoreError, rows_of_binds, scope_condition};
use crate::access::Scope;

/// Hosts of a site that came into (positive) or left (negative) a state on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountChange {
    /// The site.
    pub site: String,
    /// Id of the package list.
    pub list: i64,
    /// Id of the header lines.
    pub facts: i64,
    /// UTC, since 1970-01-01; the first day that was asked for stands for every day before it as well.
    pub day: i64,
    /// How many.
    pub hosts: i64,
}

/// Hosts of a site in a state that have been silent since the same second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilentGroup {
    /// The site.
    pub site: String,
    /// Id of the package list.
    pub list: i64,
    /// Id of the header lines.
    pub facts: i64,
    /// Their newest report, unix seconds.
    pub last_news: i64,
    /// How many.
    pub hosts: i64,
}

/// A host and the states that it was in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPast {
    /// Its site.
    pub site: String,
    /// Its name.
    pub host: String,
    /// Its newest report, unix seconds.
    pub last_news: i64,
    /// Since when (unix seconds), which package list and which header lines; in order of time.
    pub states: Vec<(i64, i64, i64)>,
}

impl Store {
    /// How the numbers of hosts that may be seen changed from a day on (UTC, since 1970-01-01), and what they were before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_changes(&self, scope: &Scope, first: i64) -> Result<Vec<CountChange>, StoreError> {
        let sql = format!(
            "SELECT site.name, counted.list, counted.facts, counted.changed, counted.hosts FROM \
             (SELECT site, list, facts, CASE WHEN day < ? THEN ? ELSE day END AS changed, {total} AS hosts \
             FROM host_count WHERE site IN (SELECT id FROM site WHERE {}) GROUP BY site, list, facts, changed) AS counted \
             JOIN site ON site.id = counted.site WHERE counted.hosts <> 0",
            scope_condition("name", scope),
            total = self.dialect.sum("hosts"),
        );
        let mut query = sqlx::query_as::<_, (String, i64, i64, i64, i64)>(AssertSqlSafe(sql)).bind(first).bind(first);
        for site in scope.sites() {
            query = query.bind(site);
        }
        let change = |(site, list, facts, day, hosts)| CountChange { site, list, facts, day, hosts };
        Ok(query.fetch_all(&self.pool).await?.into_iter().map(change).collect())
    }

    /// Hosts that may be seen and had no news since `stale_before` (unix seconds).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn silent_groups(&self, scope: &Scope, stale_before: i64) -> Result<Vec<SilentGroup>, StoreError> {
        let sql = format!(
            "SELECT site.name, host_now.list, host_now.facts, host_now.last_news, COUNT(*) FROM host_now \
             JOIN site ON site.id = host_now.site WHERE host_now.last_news < ? AND {} \
             GROUP BY site.name, host_now.list, host_now.facts, host_now.last_news",
            scope_condition("site.name", scope)
        );
        let mut query = sqlx::query_as::<_, (String, i64, i64, i64, i64)>(AssertSqlSafe(sql)).bind(stale_before);
        for site in scope.sites() {
            query = query.bind(site);
        }
        let group = |(site, list, facts, last_news, hosts)| SilentGroup { site, list, facts, last_news, hosts };
        Ok(query.fetch_all(&self.pool).await?.into_iter().map(group).collect())
    }

    /// The pasts of some hosts, by site and name; those that never reported have none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn host_pasts(&self, wanted: &BTreeSet<(&str, &str)>) -> Result<Vec<HostPast>, StoreError> {
        let mut pasts: Vec<HostPast> = Vec::new();
        let wanted: Vec<_> = wanted.iter().collect();
        for hosts in wanted.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "SELECT host.site, host.name, host_now.last_news, host_state.first_seen, host_state.list, host_state.facts \
                 FROM host JOIN host_now ON host_now.host = host.id JOIN host_state ON host_state.host = host.id \
                 WHERE host.name IN {} ORDER BY host.site, host.name, host_state.first_seen",
                rows_of_binds(1, hosts.len())
            );
            let mut query = sqlx::query_as::<_, (String, String, i64, i64, i64, i64)>(AssertSqlSafe(sql));
            for (_, host) in hosts {
                query = query.bind(*host);
            }
            for (site, host, last_news, since, list, facts) in query.fetch_all(&self.pool).await? {
                if !hosts.contains(&&(site.as_str(), host.as_str())) {
                    continue;
                }
                match pasts.last_mut().filter(|past| past.site == site && past.host == host) {
                    Some(past) => past.states.push((since, list, facts)),
                    None => pasts.push(HostPast { site, host, last_news, states: vec![(since, list, facts)] }),
                }
            }
        }
        Ok(pasts)
    }
}
