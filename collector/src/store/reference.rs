//! Reference lists: every import is kept, so that the past can be judged by the list of its day.

use sqlx::AssertSqlSafe;

use super::{IDS_PER_STATEMENT, Store, StoreError, retrying, rows_of_binds};

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

/// Which version of which list, without its content; a version never changes.
#[derive(Debug, Clone)]
pub struct ListVersion {
    /// Id of the version; greater for a later one.
    pub id: i64,
    /// Name of the list.
    pub name: String,
    /// When it came, unix seconds.
    pub imported: i64,
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

    /// Every version of every list without its content, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reference_versions(&self) -> Result<Vec<ListVersion>, StoreError> {
        let rows: Vec<(i64, String, i64)> =
            sqlx::query_as("SELECT id, name, imported FROM reference_list ORDER BY id").fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|(id, name, imported)| ListVersion { id, name, imported }).collect())
    }

    /// Versions of lists as TOML, by id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reference_contents(&self, ids: &[i64]) -> Result<Vec<(i64, String)>, StoreError> {
        let mut contents = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IDS_PER_STATEMENT) {
            let sql = format!("SELECT id, content FROM reference_list WHERE id IN {}", rows_of_binds(1, ids.len()));
            let mut query = sqlx::query_as::<_, (i64, String)>(AssertSqlSafe(sql)).persistent(ids.len() < 8);
            for id in ids {
                query = query.bind(*id);
            }
            contents.extend(query.fetch_all(&self.pool).await?);
        }
        Ok(contents)
    }
}
