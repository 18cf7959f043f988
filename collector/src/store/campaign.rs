//! Campaigns.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, AssertSqlSafe, Row as _};

use super::{Store, StoreError, retrying};
use crate::access::deed::Deed;

/// A campaign as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCampaign {
    /// Its number; of no meaning before it is stored.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What people should know of it.
    pub note: String,
    /// A reference list as TOML.
    pub content: String,
    /// Site names joined by line feeds; empty: all.
    pub sites: String,
    /// The first day, UTC, since 1970-01-01.
    pub begins: i64,
    /// The last day on time.
    pub deadline: i64,
    /// Addresses that are not the registry's, a line a site.
    pub contacts: String,
    /// Subject of what was last written to the sites.
    pub subject: String,
    /// Text of what was last written to the sites.
    pub letter: String,
    /// Who made it.
    pub author: String,
    /// When it was made, unix seconds.
    pub created: i64,
    /// When it was closed, unix seconds; 0 while it is open.
    pub closed: i64,
}

const COLUMNS: &str =
    "id, name, note, content, sites, begins, deadline, contacts, subject, letter, author, created, closed";

impl Store {
    /// Adds a campaign and gives its number; `None` when there is one of that name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_campaign(&self, campaign: &StoredCampaign, deed: &Deed<'_>) -> Result<Option<i64>, StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            let inserted = sqlx::query(
                "INSERT INTO campaign (name, note, content, sites, begins, deadline, contacts, subject, letter, author, \
                 created, closed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(campaign.name.as_str())
            .bind(campaign.note.as_str())
            .bind(campaign.content.as_str())
            .bind(campaign.sites.as_str())
            .bind(campaign.begins)
            .bind(campaign.deadline)
            .bind(campaign.contacts.as_str())
            .bind(campaign.subject.as_str())
            .bind(campaign.letter.as_str())
            .bind(campaign.author.as_str())
            .bind(campaign.created)
            .bind(campaign.closed)
            .execute(writing.connection())
            .await;
            match inserted {
                Err(sqlx::Error::Database(error)) if error.is_unique_violation() => return Ok(None),
                inserted => inserted?,
            };
            let (id,): (i64,) = sqlx::query_as("SELECT id FROM campaign WHERE name = ?")
                .bind(campaign.name.as_str())
                .fetch_one(writing.connection())
                .await?;
            writing.audit(deed).await?;
            writing.commit().await?;
            Ok(Some(id))
        })
        .await
    }

    /// Every campaign, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn campaigns(&self) -> Result<Vec<StoredCampaign>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM campaign ORDER BY id DESC");
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        rows.iter().map(campaign_of).collect()
    }

    /// One campaign.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn campaign(&self, id: i64) -> Result<Option<StoredCampaign>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM campaign WHERE id = ?");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(&self.pool).await?;
        row.as_ref().map(campaign_of).transpose()
    }

    /// Closes (`closed` in unix seconds) or opens (0) a campaign; tells whether it was the other before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_campaign(&self, id: i64, closed: i64, deed: &Deed<'_>) -> Result<bool, StoreError> {
        let was = if closed == 0 { "closed <> 0" } else { "closed = 0" };
        self.change(deed, || {
            sqlx::query(AssertSqlSafe(format!("UPDATE campaign SET closed = ? WHERE id = ? AND {was}")))
                .bind(closed)
                .bind(id)
        })
        .await
    }

    /// Keeps what is written to the sites, and to which addresses.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_letter(
        &self,
        id: i64,
        [subject, letter, contacts]: [&str; 3],
        deed: &Deed<'_>,
    ) -> Result<bool, StoreError> {
        self.change(deed, || {
            sqlx::query("UPDATE campaign SET subject = ?, letter = ?, contacts = ? WHERE id = ?")
                .bind(subject.to_owned())
                .bind(letter.to_owned())
                .bind(contacts.to_owned())
                .bind(id)
        })
        .await
    }

    /// One statement as a transaction of its own; tells whether it found a row, and notes the deed where it did.
    pub(super) async fn change<'q>(
        &self,
        deed: &Deed<'_>,
        statement: impl Fn() -> sqlx::query::Query<'q, Any, AnyArguments>,
    ) -> Result<bool, StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            let found = statement().execute(writing.connection()).await?.rows_affected();
            if found > 0 {
                writing.audit(deed).await?;
            }
            writing.commit().await?;
            Ok(found > 0)
        })
        .await
    }
}

fn campaign_of(row: &AnyRow) -> Result<StoredCampaign, StoreError> {
    Ok(StoredCampaign {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        note: row.try_get("note")?,
        content: row.try_get("content")?,
        sites: row.try_get("sites")?,
        begins: row.try_get("begins")?,
        deadline: row.try_get("deadline")?,
        contacts: row.try_get("contacts")?,
        subject: row.try_get("subject")?,
        letter: row.try_get("letter")?,
        author: row.try_get("author")?,
        created: row.try_get("created")?,
        closed: row.try_get("closed")?,
    })
}
