//! Hosts in order of site and name, read from where the reader left off until a page is full.

use futures_util::{Stream, TryStreamExt as _};
use sqlx::any::AnyArguments;
use sqlx::query::QueryAs;
use sqlx::{Any, AssertSqlSafe};

use super::{HostState, IDS_PER_STATEMENT, Store, StoreError, rows_of_binds, scope_condition};
use crate::access::Scope;
use crate::history;

/// A host with its newest state, without the words of its report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentHost {
    /// Id of the host.
    pub host: i64,
    /// Its site.
    pub site: String,
    /// Its name.
    pub name: String,
    /// Id of its package list.
    pub list: i64,
    /// Id of its header lines.
    pub facts: i64,
    /// The first report that said so, unix seconds of its own clock.
    pub since: i64,
    /// Its newest report, unix seconds of its own clock.
    pub last_news: i64,
    /// When that one came, unix seconds of ours.
    pub received: i64,
    /// The address it came from.
    pub source: String,
    /// Whether it was signed.
    pub signed: bool,
    /// When we learnt of this state, unix seconds of ours.
    pub changed: i64,
}

/// What the database can tell of the hosts that are asked for; none of it means every host that may be seen.
#[derive(Debug, Clone)]
pub struct HostFilter<'a> {
    /// The sites.
    pub scope: &'a Scope,
    /// Only hosts after this site and name.
    pub after: Option<(&'a str, &'a str)>,
    /// Only hosts with one of these package lists.
    pub lists: Option<&'a [i64]>,
    /// Only hosts of this name, in which `*` and `?` stand for others.
    pub name: Option<&'a str>,
    /// Only hosts whose state we learnt of at this second or later.
    pub changed_since: Option<i64>,
}

/// What the database can tell of hosts at a time; see [`HostFilter`].
#[derive(Debug, Clone)]
pub struct PastFilter<'a> {
    /// The sites.
    pub scope: &'a Scope,
    /// Unix seconds.
    pub at: i64,
    /// Only hosts after this site and name.
    pub after: Option<(&'a str, &'a str)>,
    /// Only hosts with one of these package lists.
    pub lists: Option<&'a [i64]>,
}

/// Id, site, name, list, facts, since, last news, received, source, signed and changed.
type Row = (i64, String, String, i64, i64, i64, i64, i64, String, i64, i64);

impl Store {
    /// The first hosts by site and name that the filter lets through and that `wanted` says yes to, at most so many.
    ///
    /// A name with `*` or `?` is narrowed down here, not decided: `wanted` has the last word.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn present_hosts(
        &self,
        filter: &HostFilter<'_>,
        limit: usize,
        wanted: impl Fn(&PresentHost) -> bool,
    ) -> Result<Vec<PresentHost>, StoreError> {
        let which = Which::of(filter.scope, filter.after, filter.lists);
        if limit == 0 || which.is_none() {
            return Ok(Vec::new());
        }
        let mut conditions = which.conditions("host_now.list");
        let name = filter.name.map(narrowed);
        if let Some((condition, _)) = &name {
            conditions.push((*condition).to_owned());
        }
        if filter.changed_since.is_some() {
            conditions.push("host_now.changed >= ?".to_owned());
        }
        let sql = format!(
            "SELECT host.id, host.site, host.name, host_now.list, host_now.facts, host_now.since, host_now.last_news, \
             host_now.received, host_now.source, host_now.signed, host_now.changed \
             FROM host JOIN host_now ON host_now.host = host.id WHERE {} ORDER BY host.site, host.name",
            conditions.join(" AND ")
        );
        let mut query = which.bind(sqlx::query_as::<_, Row>(AssertSqlSafe(sql)));
        if let Some((_, name)) = name {
            query = query.bind(name);
        }
        if let Some(second) = filter.changed_since {
            query = query.bind(second);
        }
        first_wanted(query.fetch(&self.pool), limit, |row| Ok(PresentHost::from(row)), wanted).await
    }

    /// The first hosts by site and name that had reported by a time, with their states of then, that the filter lets through
    /// and that `wanted` says yes to, at most so many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn past_hosts(
        &self,
        filter: &PastFilter<'_>,
        limit: usize,
        wanted: impl Fn(&HostState) -> bool,
    ) -> Result<Vec<HostState>, StoreError> {
        let which = Which::of(filter.scope, filter.after, filter.lists);
        if limit == 0 || which.is_none() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT host.id, host.site, host.name, host_state.list, host_state.facts, host_state.first_seen, host_state.seen \
             FROM host JOIN host_state ON host_state.host = host.id AND host_state.first_seen = \
             (SELECT MAX(newest.first_seen) FROM host_state newest WHERE newest.host = host.id AND newest.first_seen <= ?) \
             WHERE {} ORDER BY host.site, host.name",
            which.conditions("host_state.list").join(" AND ")
        );
        let query = which.bind(sqlx::query_as::<_, PastRow>(AssertSqlSafe(sql)).bind(filter.at));
        let read = |(host, site, name, list, facts, since, seen): PastRow| {
            let seen = history::unpack_times(since, &seen)
                .ok_or_else(|| StoreError::Inconsistent(format!("times of host {host} from {since}")))?;
            let last_news = history::last_news(&seen, filter.at).unwrap_or(since);
            Ok(HostState { host, site, name, list, facts, since, last_news })
        };
        first_wanted(query.fetch(&self.pool), limit, read, wanted).await
    }
}

/// Reads rows until there are so many that are wanted.
async fn first_wanted<R, T>(
    mut rows: impl Stream<Item = Result<R, sqlx::Error>> + Unpin,
    limit: usize,
    read: impl Fn(R) -> Result<T, StoreError>,
    wanted: impl Fn(&T) -> bool,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::with_capacity(limit.min(1024));
    while let Some(row) = rows.try_next().await? {
        let host = read(row)?;
        if wanted(&host) {
            found.push(host);
            if found.len() == limit {
                break;
            }
        }
    }
    Ok(found)
}

/// What is asked of hosts at any time.
struct Which<'a> {
    scope: &'a Scope,
    after: Option<(&'a str, &'a str)>,
    lists: Option<&'a [i64]>,
}

impl<'a> Which<'a> {
    fn of(scope: &'a Scope, after: Option<(&'a str, &'a str)>, lists: Option<&'a [i64]>) -> Self {
        // Beyond what one statement takes there are so many that a page is full soon.
        Which { scope, after, lists: lists.filter(|lists| lists.len() <= IDS_PER_STATEMENT) }
    }

    /// Whether no host can be one of these.
    fn is_none(&self) -> bool {
        self.lists.is_some_and(<[i64]>::is_empty)
    }

    /// Conditions for `WHERE`, whose values [`Which::bind`] binds; `list` is the column of the package list.
    fn conditions(&self, list: &str) -> Vec<String> {
        let mut conditions = vec![scope_condition("host.site", self.scope)];
        if self.after.is_some() {
            conditions.push("(host.site > ? OR (host.site = ? AND host.name > ?))".to_owned());
        }
        if let Some(lists) = self.lists {
            conditions.push(format!("{list} IN {}", rows_of_binds(1, lists.len())));
        }
        conditions
    }

    fn bind<O>(&self, query: QueryAs<'a, Any, O, AnyArguments>) -> QueryAs<'a, Any, O, AnyArguments> {
        let mut query = query.persistent(self.lists.is_none());
        for site in self.scope.sites() {
            query = query.bind(site);
        }
        if let Some((site, name)) = self.after {
            query = query.bind(site).bind(site).bind(name);
        }
        for list in self.lists.unwrap_or_default() {
            query = query.bind(*list);
        }
        query
    }
}

/// Host id, site, name, list, facts, first time and packed times.
type PastRow = (i64, String, String, i64, i64, i64, Vec<u8>);

/// What the database narrows a name down to: the name itself, else what comes before its first `*` or `?`.
fn narrowed(name: &str) -> (&'static str, String) {
    match name.find(['*', '?']).and_then(|end| name.get(..end)) {
        None => ("host.name = ?", name.to_owned()),
        Some(beginning) => {
            let mut pattern = String::with_capacity(beginning.len() + 1);
            for c in beginning.chars() {
                if matches!(c, '%' | '_' | '!') {
                    pattern.push('!');
                }
                pattern.push(c);
            }
            pattern.push('%');
            ("host.name LIKE ? ESCAPE '!'", pattern)
        }
    }
}

impl From<Row> for PresentHost {
    fn from((host, site, name, list, facts, since, last_news, received, source, signed, changed): Row) -> Self {
        PresentHost { host, site, name, list, facts, since, last_news, received, source, signed: signed != 0, changed }
    }
}
