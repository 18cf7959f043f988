//! How packages spread over hosts, now and over the days, without reading one host's history.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::AssertSqlSafe;

use super::{IDS_PER_STATEMENT, Store, StoreError, rows_of_binds, scope_condition};
use crate::access::Scope;

/// How the number of hosts that had a package changed on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// Id of the package.
    pub package: i64,
    /// UTC, since 1970-01-01.
    pub day: i64,
    /// Hosts that got it, less those that lost it.
    pub hosts: i64,
}

/// Ids of packages, each with the one that it is counted as: builds of one version for several architectures count
/// once on a host that has them all.
pub type CountedAs = [(i64, i64)];

impl Store {
    /// How the number of hosts that may be seen and have each of `packages` changed, day by day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn spread(&self, scope: &Scope, packages: &CountedAs) -> Result<Vec<Spread>, StoreError> {
        let holders = self.holders(packages).await?;
        let lists: Vec<i64> = holders.keys().copied().collect();
        let mut spread: BTreeMap<(i64, i64), i64> = BTreeMap::new();
        for ids in lists.chunks(IDS_PER_STATEMENT) {
            let sql = format!(
                "SELECT list, day, {} FROM host_count WHERE list IN {} AND site IN (SELECT id FROM site WHERE {}) \
                 GROUP BY list, day",
                self.dialect.sum("hosts"),
                rows_of_binds(1, ids.len()),
                scope_condition("name", scope),
            );
            let mut query = sqlx::query_as::<_, (i64, i64, i64)>(AssertSqlSafe(sql)).persistent(ids.len() < 8);
            for id in ids {
                query = query.bind(*id);
            }
            for site in scope.sites() {
                query = query.bind(site);
            }
            for (list, day, hosts) in query.fetch_all(&self.pool).await? {
                for package in holders.get(&list).into_iter().flatten() {
                    *spread.entry((day, *package)).or_default() += hosts;
                }
            }
        }
        Ok(spread.into_iter().map(|((day, package), hosts)| Spread { package, day, hosts }).collect())
    }

    /// Hosts that may be seen, have one of `packages` and have been silent since before `stale_before` (unix seconds),
    /// by the day of their last news.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn silent(
        &self,
        scope: &Scope,
        packages: &CountedAs,
        stale_before: i64,
    ) -> Result<Vec<Spread>, StoreError> {
        let holders = self.holders(packages).await?;
        let sql = format!(
            "SELECT list, last_news, COUNT(*) FROM host_now \
             WHERE last_news < ? AND site IN (SELECT id FROM site WHERE {}) GROUP BY list, last_news",
            scope_condition("name", scope),
        );
        let mut query = sqlx::query_as::<_, (i64, i64, i64)>(AssertSqlSafe(sql)).bind(stale_before);
        for site in scope.sites() {
            query = query.bind(site);
        }
        let mut silent: BTreeMap<(i64, i64), i64> = BTreeMap::new();
        for (list, last_news, hosts) in query.fetch_all(&self.pool).await? {
            for package in holders.get(&list).into_iter().flatten() {
                *silent.entry((crate::history::day_of(last_news), *package)).or_default() += hosts;
            }
        }
        Ok(silent.into_iter().map(|((day, package), hosts)| Spread { package, day, hosts }).collect())
    }

    /// The lists that hold any of the packages, each with what these are counted as, once.
    async fn holders(&self, packages: &CountedAs) -> Result<HashMap<i64, BTreeSet<i64>>, StoreError> {
        let counted: HashMap<i64, i64> = packages.iter().copied().collect();
        let ids: Vec<i64> = counted.keys().copied().collect();
        let of_list = |(list, held): (i64, Vec<i64>)| {
            (list, held.iter().filter_map(|package| counted.get(package).copied()).collect())
        };
        Ok(self.lists_with(&ids).await?.into_iter().map(of_list).collect())
    }
}
