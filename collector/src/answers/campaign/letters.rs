//! The mails to the sites that are not done: written for people to look at, not sent.

use std::collections::BTreeMap;

use report::hash::Hash;

use super::super::AnswerError;
use super::super::judge::Judge;
use super::hosts::hosts;
use super::progress::{CampaignProgress, Reading};
use crate::access::Scope;
use crate::campaign::event::{Event, Mail};
use crate::campaign::{Campaign, Filling, MOST_HOSTS, SiteProgress, SiteState};
use crate::registry::Directory;
use crate::store::{MessageKind, NewMessage, Store};

/// Where messages go and what they point to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sending {
    /// The desk's address, without a slash at its end.
    pub desk_url: Option<String>,
    /// Whether mail can be sent.
    pub mail: bool,
    /// The address of the webhook.
    pub webhook: Option<String>,
}

impl Sending {
    /// A campaign's page.
    #[must_use]
    pub fn link(&self, campaign: i64) -> Option<String> {
        self.desk_url.as_ref().map(|desk| format!("{desk}/campaigns/{campaign}"))
    }
}

/// Whether a mail can be written to a site: it has hosts that are still to be done.
#[must_use]
pub fn is_behind(site: &SiteProgress) -> bool {
    matches!(site.state, SiteState::Late | SiteState::OnTime) && site.tally.open() > 0
}

/// The addresses of a site: what the officer wrote, else the registry's; perhaps none.
#[must_use]
pub fn addresses(campaign: &Campaign, directory: &Directory, site: &str) -> Vec<String> {
    let known = directory.get(site).map(|entry| &entry.site);
    // A campaign is about security as often as not: where a site names nobody else, its security contact reads it.
    let known = known.map(|site| if site.contact.is_empty() { &site.security } else { &site.contact });
    campaign.contacts.of(site, known.map(Vec::as_slice).unwrap_or_default())
}

/// Writes the campaign's letter to every site that is behind and has an address; a mail is followed by what the webhook is
/// told once it is sent.
///
/// # Errors
/// [`AnswerError`].
pub async fn write(
    store: &Store,
    judge: &Judge,
    progress: &CampaignProgress,
    sending: &Sending,
    reading: Reading,
) -> Result<Vec<NewMessage>, AnswerError> {
    let campaign = &progress.campaign;
    let behind: Vec<&SiteProgress> = progress.sites.iter().filter(|site| is_behind(site)).collect();
    let scope = Scope::Sites(behind.iter().map(|site| site.site.clone()).collect());
    let mut open: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for host in hosts(store, judge, &scope, campaign, &progress.exceptions, reading).await? {
        let listed = open.entry(host.site.clone()).or_default();
        if host.is_open() && listed.len() < MOST_HOSTS {
            listed.push((host.name, host.verdict.reason));
        }
    }
    let directory = store.directory().await?;
    let mut messages = Vec::new();
    for site in behind {
        let addresses = addresses(campaign, &directory, &site.site);
        if addresses.is_empty() {
            continue;
        }
        let filling = Filling {
            campaign: campaign.name.clone(),
            site: site.site.clone(),
            hosts: site.tally.asked(),
            behind: site.tally.open(),
            list: open.remove(&site.site).unwrap_or_default(),
            deadline: campaign.deadline,
            link: sending.link(campaign.id).unwrap_or_default(),
        };
        let (subject, body) = campaign.letter.fill(&filling)?;
        let recipient = addresses.join(", ");
        let second = reading.now.as_second();
        let digest =
            Hash::of(format!("{}\t{}\t{recipient}\t{subject}\t{second}\t{body}", campaign.id, site.site).as_bytes());
        if let Some(webhook) = &sending.webhook {
            let event = Event::of("message.sent", campaign, sending.link(campaign.id), reading.now).at(site);
            let told = Mail { id: digest.to_string(), subject: subject.clone(), recipients: addresses.len() };
            messages.push(NewMessage {
                site: site.site.clone(),
                kind: MessageKind::Webhook,
                recipient: webhook.clone(),
                subject: event.event.to_owned(),
                digest: Hash::of(format!("follows\t{digest}\t{webhook}").as_bytes()),
                follows: Some(digest),
                body: Event { message: Some(told), ..event }.to_json(),
            });
        }
        messages.push(NewMessage {
            site: site.site.clone(),
            kind: MessageKind::Mail,
            recipient,
            subject,
            body,
            digest,
            follows: None,
        });
    }
    Ok(messages)
}
