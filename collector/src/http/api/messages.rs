//! `GET /api/v1/campaigns/{campaign}/messages`: what is written to the sites of a campaign; for officers.

use axum::extract::State as Axum;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::Wanted;
use super::question::{Before, Limit, Pieces, Question};
use super::rows::{self, Time, number, rows};
use crate::access::Role;
use crate::answers::{campaign, time};
use crate::store::{Message, MessageState};

rows! {
    /// A mail to a site, or what the webhook is told.
    struct CampaignMessage {
        /// Its number.
        id: i64,
        /// `mail` or `webhook`.
        kind: String,
        /// How far it is: `preview`, `queued`, `waiting` (for the mail that it follows), `sent` or `failed`.
        state: String,
        /// The site that it is about; empty for the whole campaign.
        site: String,
        /// Its addresses, or that of the webhook.
        recipient: String,
        /// Its subject, or the name of the event.
        subject: String,
        /// Its text, or a JSON object.
        text: String,
        /// Who wrote it.
        author: String,
        /// When it was written.
        written: Time,
        /// Who approved it; none while nobody has.
        approver: Option<String>,
        /// How often it was tried to send it.
        attempts: i64,
        /// When it was sent; none while it is not.
        sent: Option<Time>,
        /// What went wrong last; empty where nothing did.
        error: String,
    }
}

/// What is written to the sites of a campaign.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Messages {
    /// The letter that mails are made of.
    letter: CampaignLetter,
    /// How many sites are behind, and would be written to.
    behind: i64,
    /// Those of them that no address is known of.
    without_address: Vec<String>,
    /// Whether mail can be sent from here.
    can_send: bool,
    /// The messages of this page, the newest first.
    items: Vec<CampaignMessage>,
    /// The cursor of the next page; none when this is the last.
    next: Option<String>,
}

/// A letter as an officer wrote it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CampaignLetter {
    /// Its subject, with places such as `{site}`.
    subject: String,
    /// Its text, with places.
    text: String,
    /// Addresses that are not the registry's, as lines `SITE = address, address`.
    contacts: String,
}

/// How far a message is.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Progress {
    /// Written, and not approved by anybody.
    Preview,
    /// Approved, to be sent when its time has come.
    Queued,
    /// Approved, to be queued once the mail that it follows is sent.
    Waiting,
    /// Taken by the other side.
    Sent,
    /// Refused for good, or given up.
    Failed,
}

/// What may be asked of the messages.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only those that are so far.
    #[param(inline, required = false)]
    state: Option<Progress>,
    /// Where the page before ended.
    #[param(inline, required = false)]
    cursor: Option<Before>,
    /// At most so many rows.
    #[param(inline, required = false)]
    limit: Limit,
}

/// Messages of a campaign
///
/// The letter, its previews, and what was approved, sent or failed. CSV has the messages. For officers.
#[utoipa::path(get, path = "/campaigns/{campaign}/messages", tag = "campaigns", params(Asked, ("campaign" = u32, Path, description = "Its number")),
    responses((status = 200, description = "A page of messages", body = Messages), (status = 404)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Pieces(id): Pieces<u32>,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    if asker.viewer.role != Role::Officer {
        return Err(HttpError::NotOfficer);
    }
    let (store, scope) = (&shared.store, &asker.viewer.scope);
    let found = campaign::one(store, scope, i64::from(id)).await?;
    let progress = campaign::progress(store, &shared.judge, scope, found, shared.reading(asker.now)).await?;
    let outbox = campaign::outbox(store, &progress).await?;
    let before = asked.cursor.map_or(i64::MAX, |before| before.0);
    let state = asked.state.map(MessageState::from);
    let wanted_one = |message: &Message| message.id < before && state.is_none_or(|state| state == message.state);
    let mut messages: Vec<Message> = outbox.messages.into_iter().filter(wanted_one).collect();
    messages.sort_by_key(|message| std::cmp::Reverse(message.id));
    let next = asked.limit.cut(&mut messages).map(|last| last.id.to_string());
    let letter = &progress.campaign.letter;
    let answer = Messages {
        letter: CampaignLetter {
            subject: letter.subject.clone(),
            text: letter.text.clone(),
            contacts: progress.campaign.contacts.to_string(),
        },
        behind: number(outbox.behind),
        without_address: outbox.without_address,
        can_send: shared.sending.mail,
        items: messages.into_iter().map(row).collect(),
        next,
    };
    wanted.object(&answer, answer.next.as_deref(), || rows::table(&answer.items))
}

impl From<Progress> for MessageState {
    fn from(progress: Progress) -> Self {
        match progress {
            Progress::Preview => MessageState::Preview,
            Progress::Queued => MessageState::Queued,
            Progress::Waiting => MessageState::Waiting,
            Progress::Sent => MessageState::Sent,
            Progress::Failed => MessageState::Failed,
        }
    }
}

fn row(message: Message) -> CampaignMessage {
    let content = message.content;
    CampaignMessage {
        id: message.id,
        kind: content.kind.as_str().to_owned(),
        state: message.state.as_str().to_owned(),
        site: content.site,
        recipient: content.recipient,
        subject: content.subject,
        text: content.body,
        author: message.author,
        written: Time(time(message.created)),
        approver: Some(message.approver).filter(|approver| !approver.is_empty()),
        attempts: message.attempts,
        sent: (message.sent > 0).then(|| Time(time(message.sent))),
        error: message.error,
    }
}
