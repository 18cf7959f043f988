//! One report of the inbox: what is known of it without opening it, what is wrong, and what to do.

use askama::Template;

use super::super::filters;
use super::super::frame::Frame;
use super::words::{self, Words};
use crate::problem::Problem;
use crate::store::{InboxEntry, InboxState, Pinned};

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "inbox_report.html")]
pub struct ReportPage {
    /// What surrounds it.
    pub frame: Frame,
    /// The report.
    pub report: InboxEntry,
    /// What the host that it claims to be of is known by.
    pub pinned: Option<Pinned>,
    /// Names near to the site that it claims to be of, where that is not known.
    pub near: Vec<String>,
    /// Whether its sealed bytes are still there.
    pub kept: bool,
}

impl ReportPage {
    fn problem(&self) -> Option<Problem> {
        Problem::named(&self.report.problem)
    }

    fn words(&self) -> Option<Words> {
        (self.is_set_aside() || !self.report.problem.is_empty()).then(|| words::of(self.problem()))
    }

    fn is(&self, state: InboxState) -> bool {
        self.report.state == state.as_str()
    }

    fn is_opened(&self) -> bool {
        self.is(InboxState::Opened)
    }

    fn is_waiting(&self) -> bool {
        self.is(InboxState::Waiting)
    }

    fn is_set_aside(&self) -> bool {
        InboxState::ALL.into_iter().any(|state| state.is_set_aside() && self.is(state))
    }

    fn may_approve(&self) -> bool {
        self.is(InboxState::Held) && words::is_approvable(self.problem())
    }

    fn may_declare(&self) -> bool {
        self.is(InboxState::Held) && self.problem() == Some(Problem::UnknownSite) && !self.report.site.is_empty()
    }

    fn may_reject(&self) -> bool {
        self.is(InboxState::Held) || self.is(InboxState::Unreadable)
    }

    /// Whether a rejection is for every report of the same sender.
    fn is_of_a_sender(&self) -> bool {
        self.problem().is_some_and(Problem::is_of_a_sender) && !self.report.host.is_empty()
    }

    fn key_is_other(&self) -> bool {
        self.pinned.as_ref().is_some_and(|pinned| pinned.key != self.report.sender)
    }
}
