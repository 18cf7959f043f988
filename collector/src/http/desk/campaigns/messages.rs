//! `GET /campaigns/{id}/messages`: the letter to the sites, its previews, and what was approved; for officers.

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::response::Response;
use report::hash::Hash;

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::super::question::Question;
use super::super::super::visitor::Visitor;
use super::super::{frame, page};
use super::named;
use crate::answers::campaign::{self, Outbox};
use crate::campaign::Campaign;
use crate::desk::campaigns::messages::{MESSAGES_PER_PAGE, MessagesPage, PREVIEWS_PER_PAGE};
use crate::desk::frame::{Frame, Paging, Section};
use crate::store::{Message, MessageKind, MessageState};

/// Which part of the previews and of the other messages.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    page: usize,
    approved: usize,
}

/// What is written, waits, and was sent.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path(id): Path<String>,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    visitor.must_be_officer()?;
    let campaign = named(&shared, &visitor, &id).await?;
    let frame = frame(visitor, Section::Campaigns);
    let typed = [campaign.letter.subject.clone(), campaign.letter.text.clone(), campaign.contacts.to_string()];
    page(&shown(&shared, frame, campaign, asked, (String::new(), typed)).await?)
}

/// The page; with a letter that was written, and what is wrong with it.
pub(super) async fn shown(
    shared: &Shared,
    frame: Frame,
    campaign: Campaign,
    asked: Asked,
    (error, typed): (String, [String; 3]),
) -> Result<MessagesPage, HttpError> {
    let (store, judge, scope) = (&shared.store, &shared.judge, &frame.viewer.scope);
    let progress = campaign::progress(store, judge, scope, campaign, shared.reading(frame.now)).await?;
    let Outbox { behind, without_address, messages } = campaign::outbox(store, &progress).await?;
    let (previews, mut approved): (Vec<Message>, Vec<Message>) =
        messages.into_iter().partition(|message| message.state == MessageState::Preview);
    let (followers, previews): (Vec<Message>, Vec<Message>) =
        previews.into_iter().partition(|message| message.content.follows.is_some());
    let mut followers: HashMap<Option<Hash>, Message> =
        followers.into_iter().map(|message| (message.content.follows, message)).collect();
    approved.reverse();
    let waiting = previews.len();
    let paging = Paging::of(waiting, PREVIEWS_PER_PAGE, asked.page, "?page=".to_owned());
    let link = format!("?page={}&approved=", paging.page);
    let approved_paging = Paging::of(approved.len(), MESSAGES_PER_PAGE, asked.approved, link);
    let is_mail = |message: &Message| message.content.kind == MessageKind::Mail && message.state == MessageState::Sent;
    let of_page = previews.into_iter().skip((paging.page - 1) * PREVIEWS_PER_PAGE).take(PREVIEWS_PER_PAGE);
    Ok(MessagesPage {
        typed,
        error,
        behind,
        without_address,
        can_send: shared.sending.mail,
        previews: of_page
            .map(|message| {
                let follower = followers.remove(&Some(message.content.digest));
                (message, follower)
            })
            .collect(),
        waiting,
        written_before: approved.iter().any(is_mail),
        approved: approved
            .into_iter()
            .skip((approved_paging.page - 1) * MESSAGES_PER_PAGE)
            .take(MESSAGES_PER_PAGE)
            .collect(),
        paging,
        approved_paging,
        campaign: progress.campaign,
        frame,
    })
}
