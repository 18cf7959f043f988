//! Reports of the inbox that are alike: counted together, and decided on together.

use sqlx::any::AnyArguments;
use sqlx::query::{Query, QueryAs};
use sqlx::{Any, AssertSqlSafe};

use super::{InboxFilter, InboxState, Store, StoreError, Writing};
use crate::access::Scope;

/// Reports in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateCount {
    /// The state's word.
    pub state: String,
    /// How many.
    pub reports: i64,
    /// When the oldest came, unix seconds.
    pub oldest: i64,
}

/// Reports that are alike as far as they are told apart; what does not tell them apart is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxGroup {
    /// The word for the trouble that they are in.
    pub problem: String,
    /// The site that they claim to be of.
    pub site: String,
    /// The host that they claim to be of.
    pub host: String,
    /// The key that signed them.
    pub sender: String,
    /// How many.
    pub reports: i64,
    /// Of how many sites they claim to be.
    pub sites: i64,
    /// Of how many hosts' names they claim to be.
    pub hosts: i64,
    /// When the oldest came, unix seconds.
    pub oldest: i64,
    /// When the newest came, unix seconds.
    pub newest: i64,
}

/// How far reports are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// By their trouble.
    Problem,
    /// By the site that they claim to be of.
    Site,
    /// By the host and the key.
    Host,
}

/// What a filter lets through, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InboxTotal {
    /// Reports.
    pub reports: i64,
    /// Hosts that they claim to be of.
    pub hosts: i64,
    /// Number of the newest report.
    pub newest: i64,
}

/// The newest report that a filter lets through of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfHost {
    /// Its hash.
    pub hash: String,
    /// By how many keys the host's reports are signed, none counting as one.
    pub keys: i64,
}

/// Which part of the groups is read.
#[derive(Debug, Clone, Copy)]
pub enum GroupPart<'a> {
    /// The largest, so many after so many.
    Largest {
        /// How many.
        limit: i64,
        /// After how many.
        offset: i64,
    },
    /// By what tells them apart: so many after a group.
    After {
        /// What tells that group apart, and its key where that does, too; none: from the first on.
        place: Option<(&'a str, &'a str)>,
        /// How many.
        limit: i64,
    },
}

impl Apart {
    fn after(self) -> &'static str {
        match self {
            Apart::Problem => "problem > ?",
            Apart::Site => "site > ?",
            Apart::Host => "(host > ? OR (host = ? AND sender > ?))",
        }
    }

    fn columns(self) -> &'static str {
        match self {
            Apart::Problem => "problem",
            Apart::Site => "site",
            Apart::Host => "host, sender",
        }
    }

    fn selected(self) -> &'static str {
        match self {
            Apart::Problem => "problem, '', '', ''",
            Apart::Site => "'', site, '', ''",
            Apart::Host => "'', '', host, sender",
        }
    }
}

type GroupRow = (String, String, String, String, i64, i64, i64, i64, i64);

impl Store {
    /// How many reports that may be seen are in each state but opened, and since when.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inbox_states(&self, scope: &Scope) -> Result<Vec<StateCount>, StoreError> {
        let sql = format!(
            "SELECT state, COUNT(*), MIN(received) FROM inbox \
             WHERE state IN ('waiting', 'held', 'unreadable', 'rejected') AND {} GROUP BY state",
            super::scope_condition("site", scope)
        );
        let mut query = sqlx::query_as::<_, (String, i64, i64)>(AssertSqlSafe(sql));
        for site in scope.sites() {
            query = query.bind(site);
        }
        let count = |(state, reports, oldest)| StateCount { state, reports, oldest };
        Ok(query.fetch_all(&self.pool).await?.into_iter().map(count).collect())
    }

    /// What a filter lets through, in numbers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inbox_total(&self, scope: &Scope, filter: &InboxFilter) -> Result<InboxTotal, StoreError> {
        let bound = filter.condition(scope);
        let sql = format!("SELECT COUNT(*), COALESCE(MAX(id), 0) FROM inbox WHERE {}", bound.0);
        let (reports, newest): (i64, i64) =
            bind_as(sqlx::query_as(AssertSqlSafe(sql)), &bound).fetch_one(&self.pool).await?;
        let hosts = format!("SELECT COUNT(*) FROM (SELECT 1 FROM inbox WHERE {} GROUP BY site, host) AS host", bound.0);
        let (hosts,): (i64,) = bind_as(sqlx::query_as(AssertSqlSafe(hosts)), &bound).fetch_one(&self.pool).await?;
        Ok(InboxTotal { reports, hosts, newest })
    }

    /// In how many groups a filter lets reports through.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inbox_group_number(
        &self,
        scope: &Scope,
        filter: &InboxFilter,
        apart: Apart,
    ) -> Result<i64, StoreError> {
        let bound = filter.condition(scope);
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM inbox WHERE {} GROUP BY {}) AS alike",
            bound.0,
            apart.columns()
        );
        let (number,): (i64,) = bind_as(sqlx::query_as(AssertSqlSafe(sql)), &bound).fetch_one(&self.pool).await?;
        Ok(number)
    }

    /// What a filter lets through, told apart: a part of the groups.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inbox_groups(
        &self,
        scope: &Scope,
        filter: &InboxFilter,
        apart: Apart,
        part: GroupPart<'_>,
    ) -> Result<Vec<InboxGroup>, StoreError> {
        let bound = filter.condition(scope);
        let columns = apart.columns();
        let (more, order, limit) = match part {
            GroupPart::Largest { limit, .. } => (String::new(), format!("COUNT(*) DESC, {columns}"), limit),
            GroupPart::After { place, limit } => {
                let more = place.map(|_| format!(" AND {}", apart.after())).unwrap_or_default();
                (more, columns.to_owned(), limit)
            }
        };
        let sql = format!(
            "SELECT {}, COUNT(*), COUNT(DISTINCT site), COUNT(DISTINCT host), MIN(received), MAX(received) FROM inbox \
             WHERE {}{more} GROUP BY {columns} ORDER BY {order} LIMIT ? OFFSET ?",
            apart.selected(),
            bound.0
        );
        let mut query = bind_as(sqlx::query_as::<_, GroupRow>(AssertSqlSafe(sql)), &bound);
        let mut offset = 0;
        match part {
            GroupPart::Largest { offset: before, .. } => offset = before,
            GroupPart::After { place: Some((word, sender)), .. } => {
                query = query.bind(word);
                if apart == Apart::Host {
                    query = query.bind(word).bind(sender);
                }
            }
            GroupPart::After { place: None, .. } => {}
        }
        let query = query.bind(limit).bind(offset);
        let group = |(problem, site, host, sender, reports, sites, hosts, oldest, newest)| InboxGroup {
            problem,
            site,
            host,
            sender,
            reports,
            sites,
            hosts,
            oldest,
            newest,
        };
        Ok(query.fetch_all(&self.pool).await?.into_iter().map(group).collect())
    }

    /// The newest report of each host that a filter lets through.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inbox_hosts(&self, filter: &InboxFilter) -> Result<Vec<OfHost>, StoreError> {
        let bound = filter.condition(&Scope::All);
        let sql = format!(
            "SELECT inbox.hash, newest.keys_of_host FROM inbox JOIN \
             (SELECT MAX(id) AS id, COUNT(DISTINCT sender) AS keys_of_host FROM inbox WHERE {} GROUP BY site, host) \
             AS newest ON newest.id = inbox.id ORDER BY inbox.id",
            bound.0
        );
        let rows =
            bind_as(sqlx::query_as::<_, (String, i64)>(AssertSqlSafe(sql)), &bound).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|(hash, keys)| OfHost { hash, keys }).collect())
    }
}

impl Writing {
    /// Rejects what a filter lets through and is held or unreadable; how many reports that are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reject_alike(&mut self, filter: &InboxFilter, reason: &str) -> Result<u64, StoreError> {
        let bound = filter.condition(&Scope::All);
        let sql = format!(
            "UPDATE inbox SET state = '{}', reason = ? WHERE state IN ('held', 'unreadable') AND {}",
            InboxState::Rejected,
            bound.0
        );
        let query = bind(sqlx::query(AssertSqlSafe(sql)).bind(reason), &bound);
        Ok(query.execute(self.connection()).await?.rows_affected())
    }

    /// Lets what a filter lets through and was set aside wait to be opened again; how many reports that are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retry_alike(&mut self, filter: &InboxFilter) -> Result<u64, StoreError> {
        let bound = filter.condition(&Scope::All);
        let sql = format!(
            "UPDATE inbox SET state = 'waiting', reason = '', problem = '' \
             WHERE state IN ('held', 'unreadable', 'rejected') AND {}",
            bound.0
        );
        Ok(bind(sqlx::query(AssertSqlSafe(sql)), &bound).execute(self.connection()).await?.rows_affected())
    }
}

type Bound = (String, Vec<String>, Option<i64>);

fn bind_as<'q, T>(
    mut query: QueryAs<'q, Any, T, AnyArguments>,
    (_, texts, number): &'q Bound,
) -> QueryAs<'q, Any, T, AnyArguments> {
    for text in texts {
        query = query.bind(text.as_str());
    }
    if let Some(number) = number { query.bind(*number) } else { query }
}

fn bind<'q>(mut query: Query<'q, Any, AnyArguments>, (_, texts, number): &'q Bound) -> Query<'q, Any, AnyArguments> {
    for text in texts {
        query = query.bind(text.as_str());
    }
    if let Some(number) = number { query.bind(*number) } else { query }
}
