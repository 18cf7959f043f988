//! Sends what an officer has approved: mails to sites and requests to the webhook, each until the other side has it.
//!
//! A message is taken with a lease, sent, and marked. Whoever dies between sending and marking leaves it to be sent again
//! after the lease: at least once, under the same Message-ID or `webhook-id`, by which the other side knows it again.

mod error;
mod mail;
mod webhook;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use self::error::SendingError;
pub use self::mail::{MailConfig, Mailer};
pub use self::webhook::{Webhook, WebhookConfig};
use crate::config::Config;
use crate::store::{Message, MessageKind, Store, StoreError, unless_silent};
use crate::{clock, systemd};

/// The first pause after a try, in seconds; each is twice the one before it.
const FIRST_PAUSE: i64 = 60;

/// The longest pause, in seconds.
const LONGEST_PAUSE: i64 = 4 * 3_600;

/// Tries before a message is given up: with the pauses above about five days (RFC 5321, 4.5.4.1).
const MOST_ATTEMPTS: i64 = 36;

/// How long the database may say nothing before the courier comes back later.
const SILENCE: Duration = Duration::from_secs(60);

/// Longest reason that is kept, in characters.
const LONGEST_REASON: usize = 500;

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The other side has it.
    Sent,
    /// Not now: a later try may succeed.
    Later(String),
    /// Never: the same message will always be refused.
    Refused(String),
}

/// Sends messages.
#[derive(Clone)]
pub struct Courier {
    store: Store,
    mailer: Option<Arc<Mailer>>,
    webhook: Option<Arc<Webhook>>,
}

/// What a round of sending did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Messages that the other side has.
    pub sent: usize,
    /// Messages that are tried again later.
    pub later: usize,
    /// Messages that were refused or given up.
    pub failed: usize,
}

impl Courier {
    /// A courier for what is configured; secrets that no key names are those that the system has handed over.
    ///
    /// # Errors
    /// [`SendingError`] with the key that is wrong.
    pub fn configured(store: Store, config: &Config) -> Result<Self, SendingError> {
        let mailer = config.mail.as_ref().map(|mail| Mailer::new(mail, systemd::secret(systemd::MAIL_PASSWORD)));
        let webhook =
            config.webhook.as_ref().map(|webhook| Webhook::new(webhook, systemd::secret(systemd::WEBHOOK_SECRET)));
        Ok(Courier { store, mailer: mailer.transpose()?.map(Arc::new), webhook: webhook.transpose()?.map(Arc::new) })
    }

    /// The database that the messages are in.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The mail server, where one is configured.
    #[must_use]
    pub fn mailer(&self) -> Option<&Mailer> {
        self.mailer.as_deref()
    }

    /// Whether there is any way to send.
    #[must_use]
    pub fn has_a_way(&self) -> bool {
        self.mailer.is_some() || self.webhook.is_some()
    }

    /// Sends every message whose time has come.
    ///
    /// # Errors
    /// [`StoreError`]; what was sent before is marked, the rest waits.
    pub async fn send_waiting(&self) -> Result<Round, StoreError> {
        let mut ways = Vec::new();
        ways.extend(self.mailer.as_ref().map(|_| MessageKind::Mail));
        ways.extend(self.webhook.as_ref().map(|_| MessageKind::Webhook));
        let mut round = Round::default();
        let begun = clock::now().as_second();
        loop {
            let lease = clock::now().as_second() + self.lease();
            let taking = self.store.take_message(&ways, begun, lease);
            let Some(message) = unless_silent(SILENCE, taking).await? else { return Ok(round) };
            let delivery = self.deliver(&message).await;
            let now = clock::now().as_second();
            match outcome(delivery, &message, now) {
                Outcome::Sent => {
                    round.sent += 1;
                    unless_silent(SILENCE, self.store.mark_sent(&message, now)).await?;
                }
                Outcome::Later { next_try, reason } => {
                    round.later += 1;
                    tracing::warn!(message = %message.content.digest, attempts = message.attempts, %reason, "not sent yet");
                    unless_silent(SILENCE, self.store.mark_later(&message, next_try, &reason)).await?;
                }
                Outcome::Failed { reason } => {
                    round.failed += 1;
                    tracing::error!(message = %message.content.digest, %reason, "message given up");
                    unless_silent(SILENCE, self.store.mark_failed(&message, &reason)).await?;
                }
            }
        }
    }

    async fn deliver(&self, message: &Message) -> Delivery {
        let patience = Duration::from_secs(self.patience(message.content.kind));
        let sending = async {
            match (message.content.kind, &self.mailer, &self.webhook) {
                (MessageKind::Mail, Some(mailer), _) => mailer.send(message, clock::now()).await,
                (MessageKind::Webhook, _, Some(webhook)) => webhook.send(message, clock::now()).await,
                _ => Delivery::Later("no way to send it is configured here".to_owned()),
            }
        };
        let silence = || Delivery::Later(format!("no answer within {} seconds", patience.as_secs()));
        tokio::time::timeout(patience, sending).await.unwrap_or_else(|_| silence())
    }

    fn patience(&self, kind: MessageKind) -> u64 {
        let mail = self.mailer.as_ref().map(|mailer| mailer.timeout_seconds());
        let webhook = self.webhook.as_ref().map(|webhook| webhook.timeout_seconds());
        match kind {
            MessageKind::Mail => mail,
            MessageKind::Webhook => webhook,
        }
        .unwrap_or_default()
    }

    /// Longer than any try takes, in seconds.
    fn lease(&self) -> i64 {
        let longest = self.patience(MessageKind::Mail).max(self.patience(MessageKind::Webhook));
        i64::try_from(longest).unwrap_or(LONGEST_PAUSE).saturating_mul(2).saturating_add(60)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Sent,
    Later { next_try: i64, reason: String },
    Failed { reason: String },
}

fn outcome(delivery: Delivery, message: &Message, now: i64) -> Outcome {
    let told = |reason: String| crate::table::cut(&crate::table::visible(&reason), LONGEST_REASON);
    match delivery {
        Delivery::Sent => Outcome::Sent,
        Delivery::Refused(reason) => Outcome::Failed { reason: told(reason) },
        Delivery::Later(reason) if message.attempts >= MOST_ATTEMPTS => {
            Outcome::Failed { reason: told(format!("given up after {} tries: {reason}", message.attempts)) }
        }
        Delivery::Later(reason) => Outcome::Later { next_try: now + pause(message), reason: told(reason) },
    }
}

/// Each pause twice the one before it; up to a quarter more, by the message, so that they do not all come back at once.
fn pause(message: &Message) -> i64 {
    let doublings = u32::try_from(message.attempts - 1).unwrap_or_default().min(16);
    let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    let [spread, ..] = message.content.digest.as_bytes();
    pause + pause / 4 * i64::from(*spread) / 256
}

/// Whether a host, with or without a port, is this machine: what does not leave it need not be encrypted.
fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The time as the libraries below want it.
fn system_time(time: Timestamp) -> std::time::SystemTime {
    let seconds = u64::try_from(time.as_second()).unwrap_or_default();
    std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use report::hash::Hash;

    use super::*;
    use crate::store::{MessageState, NewMessage};

    pub(super) fn message(kind: MessageKind, recipient: &str, subject: &str, body: &str) -> Message {
        let content = NewMessage {
            site: "A".to_owned(),
            kind,
            recipient: recipient.to_owned(),
            subject: subject.to_owned(),
            body: body.to_owned(),
            digest: Hash::of(b"x"),
            follows: None,
        };
        Message {
            id: 1,
            campaign: 1,
            content,
            state: MessageState::Queued,
            author: "officer".to_owned(),
            created: 0,
            approver: "officer".to_owned(),
            attempts: 1,
            next_try: 0,
            sent: 0,
            error: String::new(),
        }
    }

    #[test]
    fn pauses_grow_and_end() {
        let mut message = message(MessageKind::Mail, "a@b.org", "x", "y");
        let mut waited = 0;
        for attempts in 1..MOST_ATTEMPTS {
            message.attempts = attempts;
            let before = waited;
            match outcome(Delivery::Later("busy".to_owned()), &message, waited) {
                Outcome::Later { next_try, .. } => waited = next_try,
                other => panic!("{other:?}"),
            }
            assert!((FIRST_PAUSE..=LONGEST_PAUSE * 5 / 4).contains(&(waited - before)), "{attempts}");
        }
        assert!((4 * 86_400..6 * 86_400).contains(&waited), "{waited} seconds");
        message.attempts = MOST_ATTEMPTS;
        let given_up = outcome(Delivery::Later("busy".to_owned()), &message, waited);
        assert_eq!(given_up, Outcome::Failed { reason: "given up after 36 tries: busy".to_owned() });
        let refused = outcome(Delivery::Refused("no such user\r\n".to_owned()), &message, 0);
        assert_eq!(refused, Outcome::Failed { reason: "no such user\u{FFFD}\u{FFFD}".to_owned() });
    }
}
