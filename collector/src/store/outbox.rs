//! The way of a message from its preview to the other side: each state follows from the one before it by a conditional
//! update, so that nothing is sent twice because a page was loaded twice or two processes looked at the same time.

use report::hash::Hash;
use sqlx::AssertSqlSafe;

use super::message::{COLUMNS, Message, MessageKind, NewMessage, message_of};
use super::{ROWS_PER_STATEMENT, Store, StoreError, retrying, rows_of_binds};
use crate::access::deed::Deed;

impl Store {
    /// Makes these the mails of a campaign that wait for approval, with what follows them, in place of all others that do.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replace_mail_previews(
        &self,
        campaign: i64,
        messages: &[NewMessage],
        deed: &Deed<'_>,
    ) -> Result<(), StoreError> {
        let (author, now) = (deed.by.person, deed.by.at);
        retrying(|| async {
            let mut writing = self.begin().await?;
            let old: Vec<(String,)> = sqlx::query_as(
                "SELECT digest FROM message WHERE campaign = ? AND state = 'preview' AND (kind = 'mail' OR follows <> '')",
            )
            .bind(campaign)
            .fetch_all(writing.connection())
            .await?;
            let stays = |digest: &String| messages.iter().any(|message| message.digest.to_string() == *digest);
            let gone: Vec<String> = old.into_iter().map(|(digest,)| digest).filter(|digest| !stays(digest)).collect();
            for digests in gone.chunks(ROWS_PER_STATEMENT) {
                let sql = format!(
                    "UPDATE message SET state = 'discarded' WHERE state = 'preview' AND digest IN {}",
                    rows_of_binds(1, digests.len())
                );
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for digest in digests {
                    query = query.bind(digest.as_str());
                }
                query.execute(writing.connection()).await?;
            }
            for message in messages {
                writing.insert_preview(campaign, message, (author, now)).await?;
            }
            writing.audit(deed).await?;
            writing.commit().await
        })
        .await
    }

    /// Adds a preview; the same message again changes nothing, whatever became of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_preview(&self, campaign: i64, message: &NewMessage, by: (&str, i64)) -> Result<(), StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            writing.insert_preview(campaign, message, by).await?;
            writing.commit().await
        })
        .await
    }

    /// Queues those of these previews that still are previews, and lets wait what follows them; gives their number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn approve(&self, campaign: i64, digests: &[Hash], deed: &Deed<'_>) -> Result<u64, StoreError> {
        let (approver, now) = (deed.by.person, deed.by.at);
        retrying(|| async {
            let mut writing = self.begin().await?;
            let mut approved = 0;
            for digests in digests.chunks(ROWS_PER_STATEMENT) {
                for (column, state, counts) in [("digest", "queued", true), ("follows", "waiting", false)] {
                    let own = if counts { "AND follows = ''" } else { "" };
                    let sql = format!(
                        "UPDATE message SET state = '{state}', approver = ?, approved = ?, next_try = ? \
                         WHERE campaign = ? AND state = 'preview' {own} AND {column} IN {}",
                        rows_of_binds(1, digests.len())
                    );
                    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(approver).bind(now).bind(now).bind(campaign);
                    for digest in digests {
                        query = query.bind(digest.to_string());
                    }
                    let changed = query.execute(writing.connection()).await?.rows_affected();
                    approved += if counts { changed } else { 0 };
                }
            }
            if approved > 0 {
                writing.audit(deed).await?;
            }
            writing.commit().await?;
            Ok(approved)
        })
        .await
    }

    /// Throws away every preview of a campaign; gives their number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn discard_previews(&self, campaign: i64, deed: &Deed<'_>) -> Result<u64, StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            let discarded =
                sqlx::query("UPDATE message SET state = 'discarded' WHERE campaign = ? AND state = 'preview'")
                    .bind(campaign)
                    .execute(writing.connection())
                    .await?
                    .rows_affected();
            if discarded > 0 {
                writing.audit(deed).await?;
            }
            writing.commit().await?;
            Ok(discarded)
        })
        .await
    }

    /// Queues a message again that failed; tells whether it was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn queue_again(&self, campaign: i64, digest: Hash, deed: &Deed<'_>) -> Result<bool, StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            let found = sqlx::query(
                "UPDATE message SET state = 'queued', attempts = 0, next_try = ? \
                 WHERE campaign = ? AND digest = ? AND state = 'failed'",
            )
            .bind(deed.by.at)
            .bind(campaign)
            .bind(digest.to_string())
            .execute(writing.connection())
            .await?
            .rows_affected();
            if found > 0 {
                writing.audit(deed).await?;
            }
            writing.commit().await?;
            Ok(found > 0)
        })
        .await
    }

    /// Takes a message whose time has come: nobody else gets it before `lease` (unix seconds). Whoever dies before they say
    /// what became of it leaves it to be tried again after that, under the same name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_message(
        &self,
        kinds: &[MessageKind],
        now: i64,
        lease: i64,
    ) -> Result<Option<Message>, StoreError> {
        if kinds.is_empty() {
            return Ok(None);
        }
        retrying(|| async {
            let mut writing = self.begin().await?;
            let sql = format!(
                "SELECT {COLUMNS} FROM message WHERE state = 'queued' AND next_try <= ? AND kind IN {} \
                 ORDER BY next_try, id LIMIT 1{}",
                rows_of_binds(1, kinds.len()),
                self.dialect.for_update()
            );
            let mut query = sqlx::query(AssertSqlSafe(sql)).bind(now);
            for kind in kinds {
                query = query.bind(kind.as_str());
            }
            let Some(row) = query.fetch_optional(writing.connection()).await? else { return Ok(None) };
            let message = message_of(&row)?;
            let taken = sqlx::query(
                "UPDATE message SET attempts = attempts + 1, next_try = ? WHERE id = ? AND state = 'queued' AND attempts = ?",
            )
            .bind(lease)
            .bind(message.id)
            .bind(message.attempts)
            .execute(writing.connection())
            .await?
            .rows_affected();
            writing.commit().await?;
            Ok((taken > 0).then(|| Message { attempts: message.attempts + 1, next_try: lease, ..message }))
        })
        .await
    }

    /// The other side has it: what follows it is queued.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mark_sent(&self, message: &Message, now: i64) -> Result<(), StoreError> {
        self.mark(message, ("sent", now, message.next_try, ""), Some(("queued", now))).await
    }

    /// Not now: it is tried again then (unix seconds).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mark_later(&self, message: &Message, next_try: i64, error: &str) -> Result<(), StoreError> {
        self.mark(message, ("queued", 0, next_try, error), None).await
    }

    /// Never, unless somebody queues it again: what follows it goes on waiting.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn mark_failed(&self, message: &Message, error: &str) -> Result<(), StoreError> {
        self.mark(message, ("failed", 0, message.next_try, error), None).await
    }

    /// Only whoever took it last may say what became of it.
    async fn mark(
        &self,
        message: &Message,
        (state, sent, next_try, error): (&str, i64, i64, &str),
        following: Option<(&str, i64)>,
    ) -> Result<(), StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            let marked = sqlx::query(
                "UPDATE message SET state = ?, sent = ?, next_try = ?, error = ? \
                 WHERE id = ? AND state = 'queued' AND attempts = ?",
            )
            .bind(state)
            .bind(sent)
            .bind(next_try)
            .bind(error)
            .bind(message.id)
            .bind(message.attempts)
            .execute(writing.connection())
            .await?
            .rows_affected();
            if let (Some((state, next_try)), true) = (following, marked > 0) {
                sqlx::query("UPDATE message SET state = ?, next_try = ? WHERE follows = ? AND state = 'waiting'")
                    .bind(state)
                    .bind(next_try)
                    .bind(message.content.digest.to_string())
                    .execute(writing.connection())
                    .await?;
            }
            writing.commit().await
        })
        .await
    }
}
