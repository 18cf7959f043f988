//! What a webhook is told: one JSON object an event.

use jiff::Timestamp;
use serde::Serialize;

use super::Campaign;
use super::progress::SiteProgress;

/// What happened in a campaign; `docs/officer.md` shows each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// `campaign.started`, `campaign.closed`, `site.done` or `message.sent`.
    pub event: &'static str,
    /// When it happened or was foreseen; a message is sent later.
    pub time: Timestamp,
    /// The campaign.
    pub campaign: About,
    /// The site, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<Site>,
    /// The mail, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Mail>,
}

/// A campaign in few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct About {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its first day.
    pub begins: jiff::civil::Date,
    /// Its last day on time.
    pub deadline: jiff::civil::Date,
    /// Its page, where the desk's address is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// A site and its hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// Hosts that are asked.
    pub hosts: i64,
    /// Those that are new enough.
    pub done: i64,
    /// Those that are still to be done.
    pub behind: i64,
    /// Those that need not be done for now.
    pub excepted: i64,
}

/// A mail that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mail {
    /// What its Message-ID begins with.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// How many addresses it went to.
    pub recipients: usize,
}

impl Event {
    /// An event of a whole campaign.
    #[must_use]
    pub fn of(event: &'static str, campaign: &Campaign, link: Option<String>, time: Timestamp) -> Self {
        let Campaign { id, name, begins, deadline, .. } = campaign;
        let about = About { id: *id, name: name.clone(), begins: *begins, deadline: *deadline, link };
        Event { event, time, campaign: about, site: None, message: None }
    }

    /// The same of one site.
    #[must_use]
    pub fn at(mut self, site: &SiteProgress) -> Self {
        let tally = site.tally;
        let (hosts, behind) = (tally.asked(), tally.open());
        self.site = Some(Site { name: site.site.clone(), hosts, done: tally.done, behind, excepted: tally.excepted });
        self
    }

    /// The object as it goes over the wire.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Text, numbers and dates: there is nothing that could not be written.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
