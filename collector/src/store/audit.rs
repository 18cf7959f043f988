//! The audit log: what is changed is noted in the transaction that changes it, what is read in batches.

use sqlx::AssertSqlSafe;

use super::{ROWS_PER_STATEMENT, Store, StoreError, Writing, retrying, rows_of_binds};
use crate::access::deed::{By, Deed};

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// Its number.
    pub id: i64,
    /// Unix seconds.
    pub at: i64,
    /// Who.
    pub person: String,
    /// Their role then.
    pub role: String,
    /// Where they came from.
    pub source: String,
    /// What they did.
    pub action: String,
    /// What it was done to.
    pub object: String,
}

/// Which lines of the audit log are wanted.
#[derive(Debug, Clone, Copy)]
pub struct AuditFilter<'a> {
    /// Only of this person, if not empty.
    pub person: &'a str,
    /// Only of this action, if not empty.
    pub action: &'a str,
    /// Not before this time, unix seconds.
    pub since: i64,
    /// Only lines older than this one.
    pub before: i64,
    /// At most so many.
    pub limit: i64,
}

/// Lines that are removed in one transaction: others write meanwhile.
const PRUNED_AT_ONCE: i64 = 5_000;

/// Id, time, person, role, source, action and object.
type AuditRow = (i64, i64, String, String, String, String, String);

impl Writing {
    /// Notes a deed in the transaction that does it: neither is there without the other.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit(&mut self, deed: &Deed<'_>) -> Result<(), StoreError> {
        self.audit_all(std::slice::from_ref(deed)).await
    }

    async fn audit_all(&mut self, deeds: &[Deed<'_>]) -> Result<(), StoreError> {
        for deeds in deeds.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "INSERT INTO audit (at, person, role, source, action, object) VALUES {}",
                rows_of_binds(deeds.len(), 6)
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for Deed { by: By { at, person, role, source }, action, object } in deeds {
                query = query.bind(at).bind(*person).bind(*role).bind(*source).bind(*action).bind(*object);
            }
            query.execute(self.connection()).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Notes what was read, and which tokens were used when.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is noted then.
    pub async fn note(&self, deeds: &[Deed<'_>], tokens_used: &[(i64, i64)]) -> Result<(), StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            writing.audit_all(deeds).await?;
            for (token, at) in tokens_used {
                sqlx::query("UPDATE token SET last_used = ? WHERE id = ? AND last_used < ?")
                    .bind(at)
                    .bind(token)
                    .bind(at)
                    .execute(writing.connection())
                    .await?;
            }
            writing.commit().await
        })
        .await
    }

    /// Removes some of the lines from before a time (unix seconds), the oldest first, and notes it in the same transaction; how
    /// many they were, 0 when none is left.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is removed then.
    pub async fn prune_audit(&self, until: i64, keep_days: u32, by: By<'_>) -> Result<u64, StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            let (last,): (Option<i64>,) = sqlx::query_as(
                "SELECT MAX(id) FROM (SELECT id FROM audit WHERE at < ? ORDER BY at, id LIMIT ?) AS oldest",
            )
            .bind(until)
            .bind(PRUNED_AT_ONCE)
            .fetch_one(writing.connection())
            .await?;
            let Some(last) = last else { return Ok(0) };
            let removed = sqlx::query("DELETE FROM audit WHERE at < ? AND id <= ?")
                .bind(until)
                .bind(last)
                .execute(writing.connection())
                .await?
                .rows_affected();
            let told = format!("{removed} lines older than {keep_days} days");
            writing.audit(&by.did("audit pruned", &told)).await?;
            writing.commit().await?;
            Ok(removed)
        })
        .await
    }

    /// Every action that there is a line of, by name, without reading the lines.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_actions(&self) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = sqlx::query_as(
            "WITH RECURSIVE found (action) AS (SELECT MIN(action) FROM audit UNION ALL \
             SELECT (SELECT MIN(audit.action) FROM audit WHERE audit.action > found.action) FROM found \
             WHERE found.action IS NOT NULL) SELECT action FROM found WHERE action IS NOT NULL",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|(action,)| action).collect())
    }

    /// Lines of the audit log, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_lines(&self, wanted: AuditFilter<'_>) -> Result<Vec<AuditLine>, StoreError> {
        let mut sql =
            "SELECT id, at, person, role, source, action, object FROM audit WHERE id < ? AND at >= ?".to_owned();
        let texts = [("person", wanted.person), ("action", wanted.action)];
        for (column, _) in texts.iter().filter(|(_, text)| !text.is_empty()) {
            sql += &format!(" AND {column} = ?");
        }
        sql += " ORDER BY id DESC LIMIT ?";
        let mut query = sqlx::query_as::<_, AuditRow>(AssertSqlSafe(sql)).bind(wanted.before).bind(wanted.since);
        for (_, text) in texts.iter().filter(|(_, text)| !text.is_empty()) {
            query = query.bind(*text);
        }
        let line =
            |(id, at, person, role, source, action, object)| AuditLine { id, at, person, role, source, action, object };
        Ok(query.bind(wanted.limit).fetch_all(&self.pool).await?.into_iter().map(line).collect())
    }
}
