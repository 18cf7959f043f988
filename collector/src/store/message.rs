//! Messages of campaigns as they are kept.

use report::hash::Hash;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::{Store, StoreError, Writing};

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// A mail to the contacts of a site.
    Mail,
    /// A request to the webhook.
    Webhook,
}

impl MessageKind {
    /// The word in the database and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            MessageKind::Mail => "mail",
            MessageKind::Webhook => "webhook",
        }
    }
}

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageState {
    /// Written, and not approved by anybody.
    Preview,
    /// Approved, to be sent when its time has come.
    Queued,
    /// Approved, to be queued once the message that it follows is sent.
    Waiting,
    /// Taken by the other side.
    Sent,
    /// Refused for good, or given up.
    Failed,
    /// Not wanted any more.
    Discarded,
}

impl MessageState {
    const ALL: [MessageState; 6] = [
        MessageState::Preview,
        MessageState::Queued,
        MessageState::Waiting,
        MessageState::Sent,
        MessageState::Failed,
        MessageState::Discarded,
    ];

    /// The word in the database and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            MessageState::Preview => "preview",
            MessageState::Queued => "queued",
            MessageState::Waiting => "waiting",
            MessageState::Sent => "sent",
            MessageState::Failed => "failed",
            MessageState::Discarded => "discarded",
        }
    }
}

/// A message that is not stored yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// The site that it is about; empty for none.
    pub site: String,
    /// What it is.
    pub kind: MessageKind,
    /// Addresses joined by commas, or the webhook's address.
    pub recipient: String,
    /// Subject, or the name of the event.
    pub subject: String,
    /// Text, or a JSON object.
    pub body: String,
    /// What it is known by: the same one again is the same message.
    pub digest: Hash,
    /// The message that has to be sent before it.
    pub follows: Option<Hash>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its number.
    pub id: i64,
    /// The campaign.
    pub campaign: i64,
    /// What it says to whom.
    pub content: NewMessage,
    /// How far it is.
    pub state: MessageState,
    /// Who wrote it.
    pub author: String,
    /// When, unix seconds.
    pub created: i64,
    /// Who approved it; empty while nobody has.
    pub approver: String,
    /// Tries so far.
    pub attempts: i64,
    /// When it is tried next, unix seconds.
    pub next_try: i64,
    /// When it was sent, unix seconds; 0 while it is not.
    pub sent: i64,
    /// What went wrong last.
    pub error: String,
}

pub(super) const COLUMNS: &str = "id, digest, follows, campaign, site, kind, recipient, subject, body, state, author, created, \
     approver, attempts, next_try, sent, error";

impl Store {
    /// Every message of a campaign but the thrown away, in the order in which they were written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn messages(&self, campaign: i64) -> Result<Vec<Message>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM message WHERE campaign = ? AND state <> 'discarded' ORDER BY created, id");
        sqlx::query(AssertSqlSafe(sql)).bind(campaign).fetch_all(&self.pool).await?.iter().map(message_of).collect()
    }

    /// How many messages of all campaigns are in each state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn message_counts(&self) -> Result<Vec<(String, String, i64)>, StoreError> {
        Ok(sqlx::query_as("SELECT kind, state, COUNT(*) FROM message GROUP BY kind, state")
            .fetch_all(&self.pool)
            .await?)
    }
}

impl Writing {
    pub(super) async fn insert_preview(
        &mut self,
        campaign: i64,
        message: &NewMessage,
        (author, now): (&str, i64),
    ) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO message (digest, follows, campaign, site, kind, recipient, subject, body, state, author, created, \
             approver, approved, attempts, next_try, sent, error) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'preview', ?, ?, '', 0, 0, 0, 0, ''){}",
            self.dialect.keep_existing()
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(message.digest.to_string())
            .bind(message.follows.map(|hash| hash.to_string()).unwrap_or_default())
            .bind(campaign)
            .bind(message.site.as_str())
            .bind(message.kind.as_str())
            .bind(message.recipient.as_str())
            .bind(message.subject.as_str())
            .bind(message.body.as_str())
            .bind(author)
            .bind(now)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

pub(super) fn message_of(row: &AnyRow) -> Result<Message, StoreError> {
    let id: i64 = row.try_get("id")?;
    let wrong = |what: String| StoreError::Inconsistent(format!("message {id}: {what}"));
    let hash = |text: &str| text.parse::<Hash>().map_err(|error| wrong(error.to_string()));
    let (kind, state): (String, String) = (row.try_get("kind")?, row.try_get("state")?);
    let (digest, follows): (String, String) = (row.try_get("digest")?, row.try_get("follows")?);
    let known_kind = [MessageKind::Mail, MessageKind::Webhook].into_iter().find(|known| known.as_str() == kind);
    let known_state = MessageState::ALL.into_iter().find(|known| known.as_str() == state);
    let content = NewMessage {
        kind: known_kind.ok_or_else(|| wrong(format!("kind {kind:?}")))?,
        digest: hash(&digest)?,
        follows: if follows.is_empty() { None } else { Some(hash(&follows)?) },
        site: row.try_get("site")?,
        recipient: row.try_get("recipient")?,
        subject: row.try_get("subject")?,
        body: row.try_get("body")?,
    };
    Ok(Message {
        id,
        campaign: row.try_get("campaign")?,
        content,
        state: known_state.ok_or_else(|| wrong(format!("state {state:?}")))?,
        author: row.try_get("author")?,
        created: row.try_get("created")?,
        approver: row.try_get("approver")?,
        attempts: row.try_get("attempts")?,
        next_try: row.try_get("next_try")?,
        sent: row.try_get("sent")?,
        error: row.try_get("error")?,
    })
}
