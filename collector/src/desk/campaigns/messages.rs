//! What is written to the sites of a campaign: the letter, the previews, and what became of the rest.

use askama::Template;

use super::super::filters;
use super::super::frame::{Frame, Paging};
use crate::campaign::Campaign;
use crate::store::Message;

/// Previews on one page: an approval is for those that were seen.
pub const PREVIEWS_PER_PAGE: usize = 50;

/// Other messages on one page.
pub const MESSAGES_PER_PAGE: usize = 100;

/// What the page shows.
#[derive(Debug, Clone, Template)]
#[template(path = "campaign_messages.html")]
pub struct MessagesPage {
    /// What surrounds it.
    pub frame: Frame,
    /// The campaign.
    pub campaign: Campaign,
    /// Subject, text and other addresses as they are written.
    pub typed: [String; 3],
    /// What is wrong with them.
    pub error: String,
    /// Sites that are behind.
    pub behind: usize,
    /// Those of them that no address is known of.
    pub without_address: Vec<String>,
    /// Whether mail can be sent from here.
    pub can_send: bool,
    /// The previews of this page, each with what the webhook is told once it is sent.
    pub previews: Vec<(Message, Option<Message>)>,
    /// How many previews there are.
    pub waiting: usize,
    /// Which part of the previews this is.
    pub paging: Paging,
    /// Messages that are approved or more, the newest first.
    pub approved: Vec<Message>,
    /// Which part of those this is.
    pub approved_paging: Paging,
    /// Whether any mail was sent.
    pub written_before: bool,
}
