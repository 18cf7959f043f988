//! Exceptions of campaigns.

use report::hash::Hash;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::{Store, StoreError};
use crate::access::deed::Deed;

/// An exception as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredException {
    /// Its number; of no meaning before it is stored.
    pub id: i64,
    /// The campaign.
    pub campaign: i64,
    /// The site.
    pub site: String,
    /// The host; empty for the whole site.
    pub host: String,
    /// Why.
    pub reason: String,
    /// Who granted it.
    pub author: String,
    /// When, unix seconds.
    pub created: i64,
    /// The last day that it counts, UTC, since 1970-01-01.
    pub expires: i64,
}

impl Store {
    /// Adds an exception; the same one again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_exception(&self, exception: &StoredException, deed: &Deed<'_>) -> Result<(), StoreError> {
        let StoredException { campaign, site, host, reason, author, created, expires, .. } = exception;
        let digest = Hash::of(format!("{campaign}\t{site}\t{host}\t{expires}\t{reason}").as_bytes()).to_string();
        let sql = format!(
            "INSERT INTO campaign_exception (digest, campaign, site, host, reason, author, created, expires) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?){}",
            self.dialect.keep_existing()
        );
        self.change(deed, || {
            sqlx::query(AssertSqlSafe(sql.clone()))
                .bind(digest.clone())
                .bind(*campaign)
                .bind(site.clone())
                .bind(host.clone())
                .bind(reason.clone())
                .bind(author.clone())
                .bind(*created)
                .bind(*expires)
        })
        .await?;
        Ok(())
    }

    /// Every exception of a campaign, or of all, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn exceptions(&self, campaign: Option<i64>) -> Result<Vec<StoredException>, StoreError> {
        let wanted = if campaign.is_some() { "WHERE campaign = ?" } else { "" };
        let sql = format!(
            "SELECT id, campaign, site, host, reason, author, created, expires FROM campaign_exception {wanted} \
             ORDER BY id DESC"
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        if let Some(campaign) = campaign {
            query = query.bind(campaign);
        }
        query.fetch_all(&self.pool).await?.iter().map(exception_of).collect()
    }

    /// Lets an exception that counts beyond a day (UTC, since 1970-01-01) count up to it only; tells whether it did.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_exception(&self, campaign: i64, id: i64, last: i64, deed: &Deed<'_>) -> Result<bool, StoreError> {
        // Another name, so that the same exception can be granted again.
        let digest = Hash::of(format!("ended\t{id}\t{last}").as_bytes()).to_string();
        self.change(deed, || {
            sqlx::query(
                "UPDATE campaign_exception SET expires = ?, digest = ? WHERE id = ? AND campaign = ? AND expires > ?",
            )
            .bind(last)
            .bind(digest.clone())
            .bind(id)
            .bind(campaign)
            .bind(last)
        })
        .await
    }
}

fn exception_of(row: &AnyRow) -> Result<StoredException, StoreError> {
    Ok(StoredException {
        id: row.try_get("id")?,
        campaign: row.try_get("campaign")?,
        site: row.try_get("site")?,
        host: row.try_get("host")?,
        reason: row.try_get("reason")?,
        author: row.try_get("author")?,
        created: row.try_get("created")?,
        expires: row.try_get("expires")?,
    })
}
