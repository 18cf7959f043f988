//! Why a campaign cannot be as it was written, in words for whoever filled in the form.

use crate::reference::ReferenceError;

/// What is wrong with a campaign, an exception or a letter.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// A text that is missing, too long or holds control characters.
    #[error("{what}: write something of at most {longest} characters, without control characters")]
    Text {
        /// Which one.
        what: &'static str,
        /// In characters.
        longest: usize,
    },
    /// Not a date.
    #[error("{what} {text:?}: write a date as YEAR-MONTH-DAY, such as 2026-03-01")]
    Date {
        /// Which one.
        what: &'static str,
        /// What stood there.
        text: String,
    },
    /// A deadline before the campaign begins.
    #[error("the deadline is not after the first day: choose a later one")]
    Order,
    /// Nothing is asked.
    #[error("nothing is asked of anybody: choose references from the active lists, or paste a list")]
    NoReferences,
    /// Two ways at once.
    #[error("references are chosen and a list is pasted: do one of both")]
    TwoWays,
    /// A reference that is in no active list any more.
    #[error("{0:?} is in no active reference list any more: choose again")]
    Gone(String),
    /// The references themselves.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A site that is not asked.
    #[error("{0:?} is not one of the sites that this campaign asks")]
    Site(String),
    /// An exception that is over before it begins.
    #[error("an exception ends today or later: choose a later date than {0}")]
    Expired(jiff::civil::Date),
    /// A word in braces that means nothing here.
    #[error(
        "{{{0}}} means nothing here: use {{campaign}}, {{site}}, {{hosts}}, {{behind}}, {{list}}, {{deadline}} or {{link}}"
    )]
    Placeholder(String),
    /// A campaign of that name.
    #[error("there is a campaign named {0:?} already: open that one, or take another name")]
    Taken(String),
    /// A link that leads nowhere.
    #[error("{{link}} needs the desk's address: the operator sets `public_url`, or leave {{link}} out")]
    NoLink,
    /// A line that gives no address.
    #[error("other addresses, line {line}: {what}; write SITE = name@example.org, other@example.org")]
    Contact {
        /// From 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

/// A text of at most so many characters; line feeds and tabs only where it may have lines.
pub(super) fn text(what: &'static str, text: &str, longest: usize, lines: bool) -> Result<String, CampaignError> {
    let text = text.replace("\r\n", "\n").trim().to_owned();
    let control = |c: char| crate::table::misleads(c) && !(lines && (c == '\n' || c == '\t'));
    if text.chars().count() > longest || text.contains(control) {
        return Err(CampaignError::Text { what, longest });
    }
    Ok(text)
}

/// The same, and not empty.
pub(super) fn some_text(what: &'static str, given: &str, longest: usize, lines: bool) -> Result<String, CampaignError> {
    match text(what, given, longest, lines)? {
        text if text.is_empty() => Err(CampaignError::Text { what, longest }),
        text => Ok(text),
    }
}

/// A date as `2026-01-31`.
pub(super) fn date(what: &'static str, text: &str) -> Result<jiff::civil::Date, CampaignError> {
    let text = text.trim();
    crate::reference::parse_date(text)
        .ok_or_else(|| CampaignError::Date { what, text: crate::table::cut(&text.escape_debug().to_string(), 40) })
}
