//! Campaigns: all of them, a new one, one of them, and what is written to its sites.

pub mod list;
pub mod messages;
pub mod new;
pub mod show;

use crate::campaign::SiteState;

/// A shape beside each word, so that nothing is told by colour alone.
#[must_use]
pub fn shape(state: &SiteState) -> &'static str {
    match state {
        SiteState::Late => "✖",
        SiteState::Silent => "?",
        SiteState::OnTime => "▼",
        SiteState::Excepted => "○",
        SiteState::Done => "✔",
        SiteState::Nothing => "-",
    }
}

/// The class that the style sheet has a colour for.
#[must_use]
pub fn colour(state: &SiteState) -> &'static str {
    match state {
        SiteState::Late => "blocked",
        SiteState::OnTime => "behind",
        SiteState::Done => "compliant",
        SiteState::Silent | SiteState::Excepted | SiteState::Nothing => "unknown",
    }
}
