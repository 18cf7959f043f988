//! Hosts counted by site and state, now and at the end of any day, without reading one host.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::{Store, StoreError};
use crate::access::Scope;

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
    /// How many of them had no news since the time that was asked for; none on a past day, whose news are not counted.
    pub stale: i64,
    /// The newest report of any of them, unix seconds; 0 on a past day.
    pub last_news: i64,
}

impl Store {
    /// The hosts that may be seen, grouped by site and state; `stale_before` is in unix seconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn present_groups(&self, scope: &Scope, stale_before: i64) -> Result<Vec<HostGroup>, StoreError> {
        // Grouped in the order of the index: nothing is sorted.
        let sql = format!(
            "SELECT site, list, facts, COUNT(*), COUNT(CASE WHEN last_news < ? THEN 1 END), MAX(last_news) \
             FROM host_now WHERE {} GROUP BY site, list, facts",
            of_sites(scope)
        );
        let mut query = sqlx::query_as::<_, (i64, i64, i64, i64, i64, i64)>(AssertSqlSafe(sql)).bind(stale_before);
        for site in scope.sites() {
            query = query.bind(site);
        }
        let rows = query.fetch_all(&self.pool).await?;
        let names = self.site_names().await?;
        let group = |(site, list, facts, hosts, stale, last_news)| {
            Ok(HostGroup { site: name_of(&names, site)?, list, facts, hosts, stale, last_news })
        };
        rows.into_iter().map(group).collect()
    }

    /// The hosts that may be seen as they were at the end of a day (UTC, since 1970-01-01), grouped by site and state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn groups_on(&self, scope: &Scope, day: i64) -> Result<Vec<HostGroup>, StoreError> {
        // The present without what came after: what is asked for is rarely long ago.
        let sql = format!(
            "SELECT site, list, facts, {} FROM \
             (SELECT site, list, facts, COUNT(*) AS hosts FROM host_now WHERE {of_sites} GROUP BY site, list, facts \
             UNION ALL SELECT site, list, facts, -hosts FROM host_count WHERE day > ? AND {of_sites}) AS ended \
             GROUP BY site, list, facts HAVING SUM(hosts) > 0",
            self.dialect.sum("hosts"),
            of_sites = of_sites(scope),
        );
        let mut query = sqlx::query_as::<_, (i64, i64, i64, i64)>(AssertSqlSafe(sql));
        for site in scope.sites() {
            query = query.bind(site);
        }
        query = query.bind(day);
        for site in scope.sites() {
            query = query.bind(site);
        }
        let rows = query.fetch_all(&self.pool).await?;
        let names = self.site_names().await?;
        let group = |(site, list, facts, hosts)| {
            Ok(HostGroup { site: name_of(&names, site)?, list, facts, hosts, stale: 0, last_news: 0 })
        };
        rows.into_iter().map(group).collect()
    }

    async fn site_names(&self) -> Result<HashMap<i64, String>, StoreError> {
        let rows: Vec<(i64, String)> = sqlx::query_as("SELECT id, name FROM site").fetch_all(&self.pool).await?;
        Ok(rows.into_iter().collect())
    }
}

fn name_of(names: &HashMap<i64, String>, site: i64) -> Result<String, StoreError> {
    names.get(&site).cloned().ok_or_else(|| StoreError::Inconsistent(format!("site {site} has hosts and no name")))
}

/// A condition on a column `site` with a bind for each site of the scope; whoever sees no site sees nothing.
fn of_sites(scope: &Scope) -> String {
    match scope {
        Scope::All => "1 = 1".to_owned(),
        Scope::Sites(_) => format!("site IN (SELECT id FROM site WHERE {})", super::scope_condition("name", scope)),
    }
}
