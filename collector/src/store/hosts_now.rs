//! The hosts of a few sites with their newest states, in one query.

use sqlx::AssertSqlSafe;

use super::{Store, StoreError, scope_condition};
use crate::access::Scope;

/// A host's newest state, without the words of its report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostNow {
    /// Its name.
    pub name: String,
    /// Id of its package list.
    pub list: i64,
    /// Id of its header lines.
    pub facts: i64,
    /// Its newest report, unix seconds of its own clock.
    pub last_news: i64,
    /// When that one came, unix seconds of ours.
    pub received: i64,
    /// The address it came from.
    pub source: String,
    /// Whether it was signed.
    pub signed: bool,
}

impl Store {
    /// Every host that may be seen, by name: ask for one site.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hosts_now(&self, scope: &Scope) -> Result<Vec<HostNow>, StoreError> {
        let sql = format!(
            "SELECT host.name, host_now.list, host_now.facts, host_now.last_news, host_now.received, host_now.source, \
             host_now.signed FROM host_now JOIN host ON host.id = host_now.host \
             WHERE host_now.site IN (SELECT id FROM site WHERE {}) ORDER BY host.name",
            scope_condition("name", scope)
        );
        let mut query = sqlx::query_as::<_, (String, i64, i64, i64, i64, String, i64)>(AssertSqlSafe(sql));
        for site in scope.sites() {
            query = query.bind(site);
        }
        let host = |(name, list, facts, last_news, received, source, signed): (_, _, _, _, _, _, i64)| HostNow {
            name,
            list,
            facts,
            last_news,
            received,
            source,
            signed: signed != 0,
        };
        Ok(query.fetch_all(&self.pool).await?.into_iter().map(host).collect())
    }
}
