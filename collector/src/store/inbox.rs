//! The inbox: sealed reports as received, each hash once, with what became of them.

use std::fmt;

use report::acknowledgement::Receipt;
use report::hash::Hash;
use serde::Serialize;
use sqlx::AssertSqlSafe;

use super::{Store, StoreError, Writing, retrying};
use crate::access::Role;
use crate::access::deed::By;
use crate::problem::Problem;
use crate::unseal::{Claimed, SetAside};

/// A report on its way in.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// What names the report: SHA-256 of `body`, or of the text that was sealed on arrival.
    pub hash: Hash,
    /// Unix seconds.
    pub received: i64,
    /// Address it came from, for people to read.
    pub source: String,
    /// The bytes exactly as received, or sealed on arrival.
    pub body: Vec<u8>,
    /// Who handed it in for its site, with a right to; none for what came from a host.
    pub handed_in: Option<HandedIn>,
}

/// Somebody who handed in a report.
#[derive(Debug, Clone)]
pub struct HandedIn {
    /// Their name.
    pub person: String,
    /// Their role.
    pub role: Role,
}

/// A report that waits to be opened.
#[derive(Debug)]
pub struct Sealed {
    /// Its place among those that wait.
    pub id: i64,
    /// What names the report: SHA-256 of `body`, or of the text that was sealed on arrival.
    pub hash: Hash,
    /// Unix seconds.
    pub received: i64,
    /// Address it came from.
    pub source: String,
    /// The bytes as received, sealed on arrival, or sealed anew since.
    pub body: Vec<u8>,
    /// Who handed it in for its site, with a right to; empty for what came from a host.
    pub handed_in: String,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InboxState {
    /// Not opened yet.
    Waiting,
    /// Part of its host's history.
    Opened,
    /// Readable, but not believed as it is: a person decides.
    Held,
    /// Cannot be opened or parsed; kept sealed.
    Unreadable,
    /// A person, or the site's policy, has decided that it does not become history; kept sealed.
    Rejected,
}

impl InboxState {
    /// Every state, in the order of a report's life.
    pub const ALL: [InboxState; 5] =
        [InboxState::Waiting, InboxState::Opened, InboxState::Held, InboxState::Unreadable, InboxState::Rejected];

    /// Whether a report in this state is there for a person to look at.
    #[must_use]
    pub fn is_set_aside(self) -> bool {
        !matches!(self, InboxState::Waiting | InboxState::Opened)
    }

    /// The word in the database and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            InboxState::Waiting => "waiting",
            InboxState::Opened => "opened",
            InboxState::Held => "held",
            InboxState::Unreadable => "unreadable",
            InboxState::Rejected => "rejected",
        }
    }
}

impl fmt::Display for InboxState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Store {
    /// Stores reports in one durable commit; for each, whether it was new.
    ///
    /// # Errors
    /// [`StoreError`]; none of them is stored then.
    pub async fn receive(&self, reports: &[&Incoming]) -> Result<Vec<Receipt>, StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            let mut receipts = Vec::with_capacity(reports.len());
            for rows in statements(reports) {
                if writing.insert_all_sealed(rows).await? {
                    receipts.extend(rows.iter().map(|_| Receipt::Stored));
                    continue;
                }
                for report in rows {
                    receipts.push(writing.insert_sealed(report).await?);
                }
            }
            writing.commit().await?;
            Ok(receipts)
        })
        .await
    }

    /// The oldest reports that wait to be opened and came in `after` one, at most `limit` of them and no more bytes than fit in memory easily.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting(&self, after: i64, limit: i64) -> Result<Vec<Sealed>, StoreError> {
        // Hardly ever too much: one row tells.
        let sql = format!(
            "SELECT COALESCE({}, 0) FROM (SELECT size FROM inbox WHERE state = 'waiting' AND id > ? ORDER BY id LIMIT ?) AS oldest",
            self.dialect.sum("size")
        );
        let (bytes,): (i64,) = sqlx::query_as(AssertSqlSafe(sql)).bind(after).bind(limit).fetch_one(&self.pool).await?;
        let limit = if bytes <= OPENED_BYTES { limit } else { self.fitting(after, limit).await? };
        let rows: Vec<(i64, String, i64, String, Vec<u8>, String)> = sqlx::query_as(
            "SELECT id, hash, received, source, body, handed_in FROM inbox WHERE state = 'waiting' AND id > ? ORDER BY id LIMIT ?",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(id, hash, received, source, body, handed_in)| {
                let hash = hash.parse().map_err(|_| StoreError::Inconsistent(format!("inbox hash {hash:?}")))?;
                Ok(Sealed { id, hash, received, source, body, handed_in })
            })
            .collect()
    }

    /// How many of the oldest reports that wait fit in memory easily, at least one and at most `limit`.
    async fn fitting(&self, after: i64, limit: i64) -> Result<i64, StoreError> {
        let sizes: Vec<(i64,)> =
            sqlx::query_as("SELECT size FROM inbox WHERE state = 'waiting' AND id > ? ORDER BY id LIMIT ?")
                .bind(after)
                .bind(limit)
                .fetch_all(&self.pool)
                .await?;
        Ok(i64::try_from(fitting(sizes.iter().map(|(size,)| *size))).unwrap_or(limit).max(1))
    }

    /// Notes that a report cannot become history; it stays sealed in the inbox.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_aside(&self, hash: Hash, SetAside { reason, claimed }: &SetAside) -> Result<(), StoreError> {
        // A registry may have brought the site since the report was judged: then it goes on waiting.
        let unless = match reason.problem() {
            Problem::UnknownSite => " AND NOT EXISTS (SELECT 1 FROM registry_site WHERE name = ?)",
            _ => "",
        };
        let sql = format!(
            "UPDATE inbox SET state = ?, problem = ?, reason = ?, site = ?, host = ?, sender = ? \
             WHERE hash = ? AND state = 'waiting'{unless}"
        );
        retrying(|| async {
            let mut writing = self.begin().await?;
            let mut update = sqlx::query(AssertSqlSafe(sql.as_str()))
                .bind(reason.state().as_str())
                .bind(reason.problem().as_str())
                .bind(reason.to_string())
                .bind(claimed.site.as_str())
                .bind(claimed.host.as_str())
                .bind(claimed.sender.as_str())
                .bind(hash.to_string());
            if !unless.is_empty() {
                update = update.bind(claimed.site.as_str());
            }
            update.execute(writing.connection()).await?;
            writing.commit().await
        })
        .await
    }
}

/// How many bodies of these sizes, from the first on, fit in memory easily.
pub(super) fn fitting(sizes: impl Iterator<Item = i64>) -> usize {
    let mut bytes = 0_i64;
    let fits = |size: &i64| {
        bytes = bytes.saturating_add(*size);
        bytes <= OPENED_BYTES
    };
    sizes.take_while(fits).count()
}

/// Most bytes of bodies that are opened together, unless a single one is larger.
const OPENED_BYTES: i64 = 32 * 1024 * 1024;

/// Most bytes of bodies in one statement: a quarter of what MySQL and MariaDB take by default (`max_allowed_packet`).
const STATEMENT_BYTES: usize = 4 * 1024 * 1024;

/// Cuts reports into statements of a power of two of them, so that few different ones are ever prepared.
fn statements<'a, 'b>(mut reports: &'a [&'b Incoming]) -> Vec<&'a [&'b Incoming]> {
    let mut statements = Vec::new();
    while !reports.is_empty() {
        let mut bytes = 0_usize;
        let fits = |report: &&&Incoming| {
            bytes = bytes.saturating_add(report.body.len());
            bytes <= STATEMENT_BYTES
        };
        let most = reports.iter().take_while(fits).count().max(1);
        let (statement, rest) = reports.split_at(1 << most.ilog2());
        statements.push(statement);
        reports = rest;
    }
    statements
}

impl Writing {
    /// Lets one report that was set aside wait again, or all that are held or unreadable: after a key was added or a program
    /// mended. How many reports that are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retry_inbox(&mut self, report: Option<Hash>) -> Result<u64, StoreError> {
        let sql = "UPDATE inbox SET state = 'waiting', reason = '', problem = '' \
                   WHERE (state IN ('held', 'unreadable') AND ? = '') OR (state IN ('held', 'unreadable', 'rejected') AND hash = ?)";
        let wanted = report.map_or_else(String::new, |report| report.to_string());
        let result = sqlx::query(sql).bind(wanted.as_str()).bind(wanted.as_str()).execute(self.connection()).await?;
        Ok(result.rows_affected())
    }

    /// Stores reports in one statement; `false`, and none is stored, when any of them is there already.
    async fn insert_all_sealed(&mut self, reports: &[&Incoming]) -> Result<bool, StoreError> {
        if reports.len() < 2 || reports.iter().any(|report| report.handed_in.is_some()) {
            return Ok(false);
        }
        let sql = format!(
            "INSERT INTO inbox (hash, received, source, size, body, state, reason, handed_in) VALUES {}",
            super::rows_of_binds(reports.len(), 8)
        );
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for report in reports {
            insert = insert
                .bind(report.hash.to_string())
                .bind(report.received)
                .bind(report.source.as_str())
                .bind(i64::try_from(report.body.len()).unwrap_or(i64::MAX))
                .bind(report.body.as_slice())
                .bind(InboxState::Waiting.as_str())
                .bind("")
                .bind("");
        }
        match insert.execute(self.connection()).await {
            Ok(_) => Ok(true),
            // Both databases take back the whole statement and leave the transaction as it was before.
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn insert_sealed(&mut self, report: &Incoming) -> Result<Receipt, StoreError> {
        let size = i64::try_from(report.body.len()).unwrap_or(i64::MAX);
        let inserted = sqlx::query(
            "INSERT INTO inbox (hash, received, source, size, body, state, reason, handed_in) \
             VALUES (?, ?, ?, ?, ?, 'waiting', '', ?)",
        )
        .bind(report.hash.to_string())
        .bind(report.received)
        .bind(report.source.as_str())
        .bind(size)
        .bind(report.body.as_slice())
        .bind(report.handed_in.as_ref().map_or("", |by| by.person.as_str()))
        .execute(self.connection())
        .await;
        match inserted {
            Ok(_) => {
                if let Some(HandedIn { person, role }) = &report.handed_in {
                    let by = By { at: report.received, person, role: role.as_str(), source: &report.source };
                    self.audit(&by.did("hand in", &report.hash.to_string())).await?;
                }
                Ok(Receipt::Stored)
            }
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(Receipt::Duplicate),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a waiting report of a host into this transaction; `false` when another one has opened it already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mark_opened(&mut self, hash: Hash, of: &Claimed) -> Result<bool, StoreError> {
        let sql = "UPDATE inbox SET state = 'opened', reason = '', problem = '', site = ?, host = ?, sender = ? \
                   WHERE hash = ? AND state = 'waiting'";
        let result = sqlx::query(sql)
            .bind(of.site.as_str())
            .bind(of.host.as_str())
            .bind(of.sender.as_str())
            .bind(hash.to_string())
            .execute(self.connection())
            .await?;
        Ok(result.rows_affected() == 1)
    }
}
