//! What is written to the sites of a campaign, as far as it is: previews, what was approved, and who cannot be written to.

use std::collections::HashMap;

use jiff::Timestamp;

use super::super::{AnswerError, time};
use super::letters::{addresses, is_behind};
use super::progress::CampaignProgress;
use crate::store::{Message, MessageKind, MessageState, Store};

/// The messages of a campaign.
#[derive(Debug)]
pub struct Outbox {
    /// Sites that are behind.
    pub behind: usize,
    /// Those of them that no address is known of.
    pub without_address: Vec<String>,
    /// Every message but the thrown away, in the order in which they were written.
    pub messages: Vec<Message>,
}

/// Reads the messages of a campaign.
///
/// # Errors
/// [`AnswerError`].
pub async fn outbox(store: &Store, progress: &CampaignProgress) -> Result<Outbox, AnswerError> {
    let directory = store.directory().await?;
    let behind: Vec<_> = progress.sites.iter().filter(|site| is_behind(site)).collect();
    let without = behind.iter().filter(|site| addresses(&progress.campaign, &directory, &site.site).is_empty());
    Ok(Outbox {
        without_address: without.map(|site| site.site.clone()).collect(),
        behind: behind.len(),
        messages: store.messages(progress.campaign.id).await?,
    })
}

/// When a mail was last sent to each site.
#[must_use]
pub fn last_mails(messages: &[Message]) -> HashMap<&str, Timestamp> {
    let mut mailed: HashMap<&str, Timestamp> = HashMap::new();
    let sent = |message: &&Message| message.state == MessageState::Sent && message.content.kind == MessageKind::Mail;
    for message in messages.iter().filter(sent) {
        let last = mailed.entry(&message.content.site).or_insert(Timestamp::MIN);
        *last = time(message.sent).max(*last);
    }
    mailed
}
