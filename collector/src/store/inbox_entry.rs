//! What people see of the inbox: lines about reports, without their sealed bytes, of the sites that may be seen.

use report::hash::Hash;
use sqlx::AssertSqlSafe;

use super::{InboxState, Store, StoreError, scope_condition};
use crate::access::Scope;
use crate::problem::Problem;

/// Which reports of the inbox are asked for.
#[derive(Debug, Clone, Default)]
pub struct InboxFilter {
    /// Only those in this state.
    pub state: Option<InboxState>,
    /// Only those in this trouble.
    pub problem: Option<Problem>,
    /// Only those that are of this site, or claim to be.
    pub site: Option<String>,
    /// Only those that are of this host, or claim to be.
    pub host: Option<String>,
    /// Only those signed by this key; an empty one: those that are not signed.
    pub sender: Option<String>,
    /// Only those that came before the one with this number.
    pub before: Option<i64>,
}

impl InboxFilter {
    /// The filter as a condition, with its texts and then its number to bind.
    pub(super) fn condition(&self, scope: &Scope) -> (String, Vec<String>, Option<i64>) {
        let mut condition = scope_condition("site", scope);
        let mut texts: Vec<String> = scope.sites().map(str::to_owned).collect();
        if self.state.is_some_and(InboxState::is_set_aside) {
            // What an index of SQLite is for: the columns asked for lie behind the sealed bytes in a row.
            condition.push_str(" AND state IN ('held', 'unreadable', 'rejected')");
        }
        let problem = self.problem.map(|problem| problem.as_str().to_owned());
        for (column, value) in [
            ("state", self.state.map(|state| state.as_str().to_owned())),
            ("problem", problem),
            ("site", self.site.clone()),
            ("host", self.host.clone()),
            ("sender", self.sender.clone()),
        ] {
            if let Some(value) = value {
                condition.push_str(&format!(" AND {column} = ?"));
                texts.push(value);
            }
        }
        if self.before.is_some() {
            condition.push_str(" AND id < ?");
        }
        (condition, texts, self.before)
    }
}

/// A line about a report in the inbox, without its body.
#[derive(Debug)]
pub struct InboxEntry {
    /// Its place in the order in which reports came.
    pub number: i64,
    /// SHA-256 of the sealed bytes.
    pub hash: String,
    /// Unix seconds.
    pub received: i64,
    /// Address it came from.
    pub source: String,
    /// Size of the sealed bytes.
    pub size: i64,
    /// The state's word.
    pub state: String,
    /// The site that it is of, or claims to be of; empty when that is not known.
    pub site: String,
    /// The host that it is of, or claims to be of; empty when that is not known.
    pub host: String,
    /// SHA-256 of the key that signed it; empty when it is not signed, or not opened.
    pub sender: String,
    /// The word for the trouble that it is in, as in [`crate::problem::Problem`]; empty when it is in none.
    pub problem: String,
    /// Why it is held, rejected or unreadable; empty otherwise.
    pub reason: String,
}

/// Begins a query for [`InboxEntry`].
pub(super) const ENTRY: &str =
    "SELECT id, hash, received, source, size, state, site, host, sender, problem, reason FROM inbox";

/// The columns of [`ENTRY`].
pub(super) type EntryRow = (i64, String, i64, String, i64, String, String, String, String, String, String);

impl Store {
    /// Reports in the inbox that may be seen, newest first, of one state or all; what has no site yet is for those who see
    /// all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inbox(
        &self,
        scope: &Scope,
        state: Option<InboxState>,
        limit: i64,
    ) -> Result<Vec<InboxEntry>, StoreError> {
        self.inbox_page(scope, &InboxFilter { state, ..InboxFilter::default() }, limit).await
    }

    /// Reports in the inbox that may be seen and that a filter lets through, newest first; the next page begins before the
    /// last of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inbox_page(
        &self,
        scope: &Scope,
        filter: &InboxFilter,
        limit: i64,
    ) -> Result<Vec<InboxEntry>, StoreError> {
        let (condition, texts, before) = filter.condition(scope);
        let sql = format!("{ENTRY} WHERE {condition} ORDER BY id DESC LIMIT ?");
        let mut query = sqlx::query_as::<_, EntryRow>(AssertSqlSafe(sql));
        for text in &texts {
            query = query.bind(text.as_str());
        }
        if let Some(before) = before {
            query = query.bind(before);
        }
        let rows = query.bind(limit).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(InboxEntry::from).collect())
    }

    /// The newest reports that are of a site, or claim to be.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inbox_of_site(&self, site: &str, limit: i64) -> Result<Vec<InboxEntry>, StoreError> {
        let sql = format!("{ENTRY} WHERE site = ? ORDER BY id DESC LIMIT ?");
        let rows: Vec<EntryRow> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(site).bind(limit).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(InboxEntry::from).collect())
    }

    /// One report of the inbox that may be seen, and whether its sealed bytes are still kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inbox_entry(&self, scope: &Scope, hash: Hash) -> Result<Option<(InboxEntry, bool)>, StoreError> {
        let sql = format!("{ENTRY} WHERE hash = ? AND {}", scope_condition("site", scope));
        let mut query = sqlx::query_as::<_, EntryRow>(AssertSqlSafe(sql)).bind(hash.to_string());
        for site in scope.sites() {
            query = query.bind(site);
        }
        let Some(entry) = query.fetch_optional(&self.pool).await? else { return Ok(None) };
        let (kept,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM inbox WHERE hash = ? AND LENGTH(body) > 0")
            .bind(hash.to_string())
            .fetch_one(&self.pool)
            .await?;
        Ok(Some((InboxEntry::from(entry), kept > 0)))
    }

    /// One report of the inbox with its sealed bytes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inbox_report(&self, hash: Hash) -> Result<Option<(InboxEntry, Vec<u8>)>, StoreError> {
        let sql = format!("{ENTRY} WHERE hash = ?");
        let entry: Option<EntryRow> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(hash.to_string()).fetch_optional(&self.pool).await?;
        let body: Option<(Vec<u8>,)> = sqlx::query_as("SELECT body FROM inbox WHERE hash = ?")
            .bind(hash.to_string())
            .fetch_optional(&self.pool)
            .await?;
        Ok(entry.map(InboxEntry::from).zip(body.map(|(body,)| body)))
    }

    /// How many reports are in each state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inbox_counts(&self) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(sqlx::query_as("SELECT state, COUNT(*) FROM inbox GROUP BY state").fetch_all(&self.pool).await?)
    }
}

impl From<EntryRow> for InboxEntry {
    fn from((number, hash, received, source, size, state, site, host, sender, problem, reason): EntryRow) -> Self {
        InboxEntry { number, hash, received, source, size, state, site, host, sender, problem, reason }
    }
}
