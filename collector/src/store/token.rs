//! API tokens: what a program shows instead of signing in; only a hash of each is kept.

use report::hash::Hash;

use super::viewer::{sites_of, viewer_of};
use super::{Store, StoreError, retrying};
use crate::access::Viewer;
use crate::access::deed::Deed;

/// A token, as far as it is known here; times are unix seconds, 0 for never.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// Its number.
    pub id: i64,
    /// What it may do and see, under the name it was given.
    pub viewer: Viewer,
    /// Who made it.
    pub author: String,
    /// When it was made.
    pub created: i64,
    /// When it ends.
    pub expires: i64,
    /// When it was last used, to the minute.
    pub last_used: i64,
    /// When it was revoked.
    pub revoked: i64,
}

/// Id, name, role, sites, author, created, expires, last_used, revoked.
type TokenRow = (i64, String, String, String, String, i64, i64, i64, i64);

const COLUMNS: &str = "SELECT id, name, role, sites, author, created, expires, last_used, revoked FROM token";

impl Store {
    /// Keeps a new token until `expires`; the deed says who makes it and when.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_token(
        &self,
        token: Hash,
        viewer: &Viewer,
        expires: i64,
        deed: &Deed<'_>,
    ) -> Result<(), StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            sqlx::query(
                "INSERT INTO token (name, digest, role, sites, author, created, expires, last_used, revoked) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0)",
            )
            .bind(viewer.name.as_str())
            .bind(token.to_string())
            .bind(viewer.role.as_str())
            .bind(sites_of(&viewer.scope))
            .bind(deed.by.person)
            .bind(deed.by.at)
            .bind(expires)
            .execute(writing.connection())
            .await?;
            writing.audit(deed).await?;
            writing.commit().await
        })
        .await
    }

    /// Every token, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tokens(&self) -> Result<Vec<StoredToken>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} ORDER BY id"));
        let rows: Vec<TokenRow> = sqlx::query_as(sql).fetch_all(&self.pool).await?;
        rows.into_iter().map(token_of).collect()
    }

    /// The token of this hash, whether or not it still holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn token(&self, token: Hash) -> Result<Option<StoredToken>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE digest = ?"));
        let row: Option<TokenRow> = sqlx::query_as(sql).bind(token.to_string()).fetch_optional(&self.pool).await?;
        row.map(token_of).transpose()
    }

    /// Ends a token for good; `false` when there is none of that number that still held.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke_token(&self, id: i64, deed: &Deed<'_>) -> Result<bool, StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            let revoked = sqlx::query("UPDATE token SET revoked = ? WHERE id = ? AND revoked = 0")
                .bind(deed.by.at)
                .bind(id)
                .execute(writing.connection())
                .await?;
            if revoked.rows_affected() == 0 {
                return Ok(false);
            }
            writing.audit(deed).await?;
            writing.commit().await?;
            Ok(true)
        })
        .await
    }
}

impl StoredToken {
    /// Whether it opens anything at that time.
    #[must_use]
    pub fn holds(&self, now: i64) -> bool {
        self.revoked == 0 && now < self.expires
    }
}

fn token_of(row: TokenRow) -> Result<StoredToken, StoreError> {
    let (id, name, role, sites, author, created, expires, last_used, revoked) = row;
    let viewer = viewer_of(name, &role, &sites)?;
    Ok(StoredToken { id, viewer, author, created, expires, last_used, revoked })
}
