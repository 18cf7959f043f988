//! How packages spread over hosts, now and over the days, without reading one host's history.

use sqlx::AssertSqlSafe;

use super::{ROWS_PER_STATEMENT, Store, StoreError, rows_of_binds, scope_condition};
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

/// The lists that hold any of the packages, once for each that they are counted as.
fn holders(packages: &CountedAs) -> String {
    let others = packages.iter().filter(|(id, counted)| id != counted);
    let cases: String = others.map(|(id, counted)| format!(" WHEN {id} THEN {counted}")).collect();
    let counted = if cases.is_empty() {
        "presence.package".to_owned()
    } else {
        format!("CASE presence.package{cases} ELSE presence.package END")
    };
    format!(
        "(SELECT DISTINCT {counted} AS package, package_list.id AS list FROM presence \
         JOIN package_list ON package_list.lineage = presence.lineage \
         AND package_list.revision >= presence.first_revision AND package_list.revision <= presence.last_revision \
         WHERE presence.package IN {}) AS holders",
        rows_of_binds(1, packages.len())
    )
}

impl Store {
    /// How the number of hosts that may be seen and have each of `packages` changed, day by day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn spread(&self, scope: &Scope, packages: &CountedAs) -> Result<Vec<Spread>, StoreError> {
        let mut spread = Vec::new();
        for ids in packages.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "SELECT holders.package, host_count.day, {} FROM {} JOIN host_count ON host_count.list = holders.list \
                 WHERE host_count.site IN (SELECT id FROM site WHERE {}) \
                 GROUP BY holders.package, host_count.day ORDER BY host_count.day",
                self.dialect.sum("host_count.hosts"),
                holders(ids),
                scope_condition("name", scope),
            );
            let mut query = sqlx::query_as::<_, (i64, i64, i64)>(AssertSqlSafe(sql));
            for (id, _) in ids {
                query = query.bind(*id);
            }
            for site in scope.sites() {
                query = query.bind(site);
            }
            let row = |(package, day, hosts)| Spread { package, day, hosts };
            spread.extend(query.fetch_all(&self.pool).await?.into_iter().map(row));
        }
        Ok(spread)
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
        let mut silent = Vec::new();
        for ids in packages.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "SELECT holders.package, host_now.last_news, COUNT(*) FROM {} \
                 JOIN host_now ON host_now.list = holders.list \
                 WHERE host_now.last_news < ? AND host_now.site IN (SELECT id FROM site WHERE {}) \
                 GROUP BY holders.package, host_now.last_news",
                holders(ids),
                scope_condition("name", scope),
            );
            let mut query = sqlx::query_as::<_, (i64, i64, i64)>(AssertSqlSafe(sql));
            for (id, _) in ids {
                query = query.bind(*id);
            }
            query = query.bind(stale_before);
            for site in scope.sites() {
                query = query.bind(site);
            }
            let row = |(package, last_news, hosts): (i64, i64, i64)| Spread {
                package,
                day: crate::history::day_of(last_news),
                hosts,
            };
            silent.extend(query.fetch_all(&self.pool).await?.into_iter().map(row));
        }
        Ok(silent)
    }
}
