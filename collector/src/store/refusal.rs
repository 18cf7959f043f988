//! Reports that were refused at the door, counted by day, address and reason: they are not kept.

use report::hash::Hash;
use sqlx::AssertSqlSafe;

use super::{ROWS_PER_STATEMENT, Store, StoreError, retrying, rows_of_binds};

/// Days for which refusals are remembered.
const DAYS: i64 = 90;

/// Rows of one day, beyond which addresses are no longer told apart.
const ROWS_A_DAY: i64 = 2_000;

/// Stands for the addresses that are not told apart.
pub const OTHER_ADDRESSES: &str = "other addresses";

/// Reports that were refused for the same reason on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalCount {
    /// The day (UTC, since 1970-01-01).
    pub day: i64,
    /// The address that they came from.
    pub source: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub times: i64,
    /// The last one, unix seconds.
    pub last: i64,
}

/// Reports from one address that were refused for the same reason, over all days that are remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalGroup {
    /// The address that they came from.
    pub source: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub times: i64,
    /// The first day (UTC, since 1970-01-01).
    pub first_day: i64,
    /// The last one, unix seconds.
    pub last: i64,
}

impl Store {
    /// Adds to the counts.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is counted then.
    pub async fn add_refusals(&self, refusals: &[RefusalCount]) -> Result<(), StoreError> {
        let Some(newest) = refusals.iter().map(|refusal| refusal.day).max() else { return Ok(()) };
        let (of_day,): (i64,) =
            sqlx::query_as("SELECT COUNT(*) FROM refusal WHERE day = ?").bind(newest).fetch_one(&self.pool).await?;
        let full = of_day >= ROWS_A_DAY;
        retrying(|| async {
            let mut writing = self.begin().await?;
            sqlx::query("DELETE FROM refusal WHERE day < ?").bind(newest - DAYS).execute(writing.connection()).await?;
            for rows in refusals.chunks(ROWS_PER_STATEMENT) {
                let sql = format!(
                    "INSERT INTO refusal (digest, day, source, reason, times, last) VALUES {}{}",
                    rows_of_binds(rows.len(), 6),
                    self.dialect.add_times()
                );
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for RefusalCount { day, source, reason, times, last } in rows {
                    let source = if full { OTHER_ADDRESSES } else { source.as_str() };
                    let digest = Hash::of(format!("{day}\n{reason}\n{source}").as_bytes()).to_string();
                    query = query.bind(digest).bind(*day).bind(source).bind(reason.as_str()).bind(*times).bind(*last);
                }
                query.execute(writing.connection()).await?;
            }
            writing.commit().await
        })
        .await
    }

    /// What was refused since a day (UTC, since 1970-01-01), newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refusals(&self, since: i64, limit: i64) -> Result<Vec<RefusalCount>, StoreError> {
        let rows: Vec<(i64, String, String, i64, i64)> = sqlx::query_as(
            "SELECT day, source, reason, times, last FROM refusal WHERE day >= ? ORDER BY last DESC, id DESC LIMIT ?",
        )
        .bind(since)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let refusal = |(day, source, reason, times, last)| RefusalCount { day, source, reason, times, last };
        Ok(rows.into_iter().map(refusal).collect())
    }

    /// How many reports were refused on the days that are remembered, in how many groups, and the last one's unix seconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refused(&self) -> Result<(i64, i64, Option<i64>), StoreError> {
        let sql = format!(
            "SELECT COALESCE({}, 0), COUNT(*), MAX(last) FROM \
             (SELECT SUM(times) AS times, MAX(last) AS last FROM refusal GROUP BY reason, source) AS alike",
            self.dialect.sum("times")
        );
        Ok(sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&self.pool).await?)
    }

    /// What was refused, by reason and address: so many groups after one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refusals_after(
        &self,
        after: Option<(&str, &str)>,
        limit: i64,
    ) -> Result<Vec<RefusalGroup>, StoreError> {
        let more = after.map(|_| "WHERE reason > ? OR (reason = ? AND source > ?) ").unwrap_or_default();
        let sql =
            format!("{} {more}GROUP BY reason, source ORDER BY reason, source LIMIT ?", self.groups_of_refusals());
        let mut query = sqlx::query_as::<_, GroupRow>(AssertSqlSafe(sql));
        if let Some((reason, source)) = after {
            query = query.bind(reason).bind(reason).bind(source);
        }
        Ok(query.bind(limit).fetch_all(&self.pool).await?.into_iter().map(group).collect())
    }

    /// What was refused by address and reason, the last first: some of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refusal_groups(&self, limit: i64, offset: i64) -> Result<Vec<RefusalGroup>, StoreError> {
        let sql = format!(
            "{} GROUP BY reason, source ORDER BY MAX(last) DESC, reason, source LIMIT ? OFFSET ?",
            self.groups_of_refusals()
        );
        let query = sqlx::query_as::<_, GroupRow>(AssertSqlSafe(sql)).bind(limit).bind(offset);
        Ok(query.fetch_all(&self.pool).await?.into_iter().map(group).collect())
    }

    /// Begins a query for [`GroupRow`].
    fn groups_of_refusals(&self) -> String {
        format!("SELECT source, reason, {}, MIN(day), MAX(last) FROM refusal", self.dialect.sum("times"))
    }
}

/// Source, reason, times, first day and last second.
type GroupRow = (String, String, i64, i64, i64);

fn group((source, reason, times, first_day, last): GroupRow) -> RefusalGroup {
    RefusalGroup { source, reason, times, first_day, last }
}
