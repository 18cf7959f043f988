//! People who sign in without a proxy: links that work once, and the sessions that come of them.

use report::hash::Hash;
use sqlx::AssertSqlSafe;

use super::viewer::{sites_of, viewer_of};
use super::{Store, StoreError, retrying};
use crate::access::Viewer;
use crate::access::deed::{By, Deed};

/// Person, role and sites.
type ViewerRow = (String, String, String);

impl Store {
    /// Keeps a link that signs a person in once until `expires` (unix seconds); the deed says who makes it and when.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_link(&self, link: Hash, viewer: &Viewer, expires: i64, deed: &Deed<'_>) -> Result<(), StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            sqlx::query(
                "INSERT INTO sign_in_link (digest, person, role, sites, created, expires) VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(link.to_string())
            .bind(viewer.name.as_str())
            .bind(viewer.role.as_str())
            .bind(sites_of(&viewer.scope))
            .bind(deed.by.at)
            .bind(expires)
            .execute(writing.connection())
            .await?;
            writing.audit(deed).await?;
            writing.commit().await
        })
        .await
    }

    /// Turns a link into a session that lasts until `expires`; `None` when there is no such link any more: of several who
    /// use one at the same time, one is signed in. `source` is where they come from, for the audit log.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn use_link(
        &self,
        link: Hash,
        session: Hash,
        (now, expires): (i64, i64),
        source: &str,
    ) -> Result<Option<Viewer>, StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            let row: Option<ViewerRow> =
                sqlx::query_as("SELECT person, role, sites FROM sign_in_link WHERE digest = ? AND expires > ?")
                    .bind(link.to_string())
                    .bind(now)
                    .fetch_optional(writing.connection())
                    .await?;
            // Whoever removes the link has used it.
            let removed = sqlx::query("DELETE FROM sign_in_link WHERE digest = ?")
                .bind(link.to_string())
                .execute(writing.connection())
                .await?;
            let (Some((name, role, sites)), 1) = (row, removed.rows_affected()) else { return Ok(None) };
            let viewer = viewer_of(name, &role, &sites)?;
            sqlx::query(
                "INSERT INTO session (digest, person, role, sites, created, expires) VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(session.to_string())
            .bind(viewer.name.as_str())
            .bind(role.as_str())
            .bind(sites.as_str())
            .bind(now)
            .bind(expires)
            .execute(writing.connection())
            .await?;
            for table in ["session", "sign_in_link"] {
                let sql = format!("DELETE FROM {table} WHERE expires <= ?");
                sqlx::query(AssertSqlSafe(sql)).bind(now).execute(writing.connection()).await?;
            }
            writing.audit(&By::viewer(&viewer, source, now).did("sign-in", "by a link")).await?;
            writing.commit().await?;
            Ok(Some(viewer))
        })
        .await
    }

    /// Whose session this is, while it lasts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn session(&self, session: Hash, now: i64) -> Result<Option<Viewer>, StoreError> {
        let row: Option<ViewerRow> =
            sqlx::query_as("SELECT person, role, sites FROM session WHERE digest = ? AND expires > ?")
                .bind(session.to_string())
                .bind(now)
                .fetch_optional(&self.pool)
                .await?;
        row.map(|(name, role, sites)| viewer_of(name, &role, &sites)).transpose()
    }

    /// Ends a session; one that has ended already stays so.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_session(&self, session: Hash, deed: &Deed<'_>) -> Result<(), StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            let removed = sqlx::query("DELETE FROM session WHERE digest = ?")
                .bind(session.to_string())
                .execute(writing.connection())
                .await?;
            if removed.rows_affected() == 1 {
                writing.audit(deed).await?;
            }
            writing.commit().await
        })
        .await
    }
}
