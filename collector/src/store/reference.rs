//! Reference lists: every import is kept, so that the past can be judged by the list of its day.

use super::{Store, StoreError, retrying};

/// One version of a reference list.
#[derive(Debug, Clone)]
pub struct StoredList {
    /// Name of the list; a new import under the same name takes the place of the old.
    pub name: String,
    /// When it came, unix seconds.
    pub imported: i64,
    /// Who brought it.
    pub author: String,
    /// The list as TOML.
    pub content: String,
}

impl Store {
    /// Adds a version of a reference list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_reference_list(&self, list: &StoredList) -> Result<(), StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            sqlx::query("INSERT INTO reference_list (name, imported, author, content) VALUES (?, ?, ?, ?)")
                .bind(list.name.as_str())
                .bind(list.imported)
                .bind(list.author.as_str())
                .bind(list.content.as_str())
                .execute(writing.connection())
                .await?;
            writing.commit().await
        })
        .await
    }

    /// Every version of every list, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reference_lists(&self) -> Result<Vec<StoredList>, StoreError> {
        let rows: Vec<(String, i64, String, String)> =
            sqlx::query_as("SELECT name, imported, author, content FROM reference_list ORDER BY id")
                .fetch_all(&self.pool)
                .await?;
        let list = |(name, imported, author, content)| StoredList { name, imported, author, content };
        Ok(rows.into_iter().map(list).collect())
    }
}
