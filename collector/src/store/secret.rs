//! What the processes of one collector have in common and tell nobody.

use super::{Store, StoreError, retrying};

impl Store {
    /// The secret of that name; `new` becomes it when there is none yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn shared_secret(&self, name: &str, new: &str) -> Result<String, StoreError> {
        // Whoever loses against another process finds its secret on the next try.
        retrying(|| async {
            let mut writing = self.begin().await?;
            let row: Option<(String,)> = sqlx::query_as("SELECT value FROM secret WHERE name = ?")
                .bind(name)
                .fetch_optional(writing.connection())
                .await?;
            if let Some((value,)) = row {
                return Ok(value);
            }
            sqlx::query("INSERT INTO secret (name, value) VALUES (?, ?)")
                .bind(name)
                .bind(new)
                .execute(writing.connection())
                .await?;
            writing.commit().await?;
            Ok(new.to_owned())
        })
        .await
    }
}
