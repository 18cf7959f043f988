//! The database in a few numbers, for whoever watches the service.

use sqlx::AssertSqlSafe;

use super::inbox::InboxState;
use super::{Store, StoreError};

/// What is in the inbox and not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxFigures {
    /// Reports that wait to be opened.
    pub waiting: i64,
    /// When the one came that waits longest, unix seconds.
    pub oldest_waiting: Option<i64>,
    /// State, problem and number of the reports that were set aside.
    pub set_aside: Vec<(String, String, i64)>,
}

impl Store {
    /// Numbers about the inbox, in three queries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inbox_figures(&self) -> Result<InboxFigures, StoreError> {
        let (waiting,): (i64,) =
            sqlx::query_as("SELECT COUNT(*) FROM inbox WHERE state = 'waiting'").fetch_one(&self.pool).await?;
        let oldest: Option<(i64,)> =
            sqlx::query_as("SELECT received FROM inbox WHERE state = 'waiting' ORDER BY id LIMIT 1")
                .fetch_optional(&self.pool)
                .await?;
        // Named one by one, so that the index leads past the many that are opened.
        let states: Vec<InboxState> = InboxState::ALL.into_iter().filter(|state| state.is_set_aside()).collect();
        let sql = format!(
            "SELECT state, problem, COUNT(*) FROM inbox WHERE state IN ({}) GROUP BY state, problem",
            vec!["?"; states.len()].join(", ")
        );
        let mut query = sqlx::query_as::<_, (String, String, i64)>(AssertSqlSafe(sql));
        for state in &states {
            query = query.bind(state.as_str());
        }
        let set_aside = query.fetch_all(&self.pool).await?;
        Ok(InboxFigures { waiting, oldest_waiting: oldest.map(|(received,)| received), set_aside })
    }

    /// How many hosts have news since then, in unix seconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hosts_with_news_since(&self, since: i64) -> Result<i64, StoreError> {
        let (hosts,) = sqlx::query_as("SELECT COUNT(*) FROM host_now WHERE last_news >= ?")
            .bind(since)
            .fetch_one(&self.pool)
            .await?;
        Ok(hosts)
    }
}
