//! What the webhook is told, kept as previews until an officer approves it.

use jiff::Timestamp;
use report::hash::Hash;

use super::super::AnswerError;
use super::super::judge::Judge;
use super::letters::Sending;
use super::progress::{Reading, progress};
use crate::access::Scope;
use crate::campaign::event::Event;
use crate::campaign::{Campaign, Phase, SiteState};
use crate::store::{MessageKind, NewMessage, Store};

/// Whom the log names where nobody did it by hand.
const NOBODY: &str = "the collector";

/// Keeps an event of a whole campaign for approval, where there is a webhook.
///
/// # Errors
/// [`AnswerError`].
pub async fn announce(
    store: &Store,
    campaign: &Campaign,
    event: &'static str,
    sending: &Sending,
    (author, now): (&str, Timestamp),
) -> Result<(), AnswerError> {
    let Some(webhook) = &sending.webhook else { return Ok(()) };
    let body = Event::of(event, campaign, sending.link(campaign.id), now).to_json();
    let name = format!("{event}\t{}\t{}\t{webhook}", campaign.id, now.as_second());
    let message = message("", event, webhook, &name, body);
    Ok(store.add_preview(campaign.id, &message, (author, now.as_second())).await?)
}

/// Keeps for approval which sites of running campaigns are done, each once, where there is a webhook.
///
/// # Errors
/// [`AnswerError`].
pub async fn announce_done(
    store: &Store,
    judge: &Judge,
    sending: &Sending,
    reading: Reading,
) -> Result<(), AnswerError> {
    let Some(webhook) = &sending.webhook else { return Ok(()) };
    let today = crate::days::of(reading.now);
    for campaign in super::all(store, &Scope::All).await? {
        if !matches!(campaign.phase(today), Phase::Running | Phase::Overdue) {
            continue;
        }
        let progress = progress(store, judge, &Scope::All, campaign, reading).await?;
        let campaign = &progress.campaign;
        for site in progress.sites.iter().filter(|site| site.state == SiteState::Done) {
            let event = Event::of("site.done", campaign, sending.link(campaign.id), reading.now).at(site);
            let name = format!("site.done\t{}\t{}\t{webhook}", campaign.id, site.site);
            let message = message(&site.site, event.event, webhook, &name, event.to_json());
            store.add_preview(campaign.id, &message, (NOBODY, reading.now.as_second())).await?;
        }
    }
    Ok(())
}

fn message(site: &str, event: &str, webhook: &str, name: &str, body: String) -> NewMessage {
    NewMessage {
        site: site.to_owned(),
        kind: MessageKind::Webhook,
        recipient: webhook.to_owned(),
        subject: event.to_owned(),
        body,
        digest: Hash::of(name.as_bytes()),
        follows: None,
    }
}
