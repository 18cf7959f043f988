//! The inbox: what waits, and what was set aside, by its reasons.

pub mod report;
pub mod words;

use askama::Template;
use serde::Deserialize;

use self::words::Words;
use super::filters;
use super::frame::{Frame, Paging};
use super::piece;
use crate::problem::Problem;
use crate::store::{Apart, InboxEntry, InboxGroup, InboxState, RefusalGroup, StateCount};

/// Reports on one page.
pub const REPORTS_PER_PAGE: usize = 50;

/// Groups on one page.
pub const GROUPS_PER_PAGE: usize = 50;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "inbox.html")]
pub struct InboxPage {
    /// What surrounds it.
    pub frame: Frame,
    /// Which reports are shown.
    pub asked: Asked,
    /// The parts of the inbox.
    pub tabs: Vec<Tab>,
    /// Reports that are alike.
    pub groups: Vec<InboxGroup>,
    /// How they are told apart; `None` where nothing more tells them apart.
    pub by: Option<Apart>,
    /// Which part of the groups this is.
    pub paging: Paging,
    /// The reports that were asked for, newest first.
    pub reports: Vec<InboxEntry>,
    /// How many were asked for.
    pub total: i64,
    /// How many hosts they claim to be of.
    pub hosts: i64,
    /// The newest report there is: a decision is not for those that come later.
    pub until: i64,
    /// Whether there are older ones.
    pub older: Option<i64>,
    /// Names near to the site that is asked about.
    pub near: Vec<String>,
    /// What was refused at the door, where that is asked for.
    pub refusals: Vec<RefusalGroup>,
}

/// A part of the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// The word in the address.
    pub word: &'static str,
    /// Its name.
    pub title: &'static str,
    /// How many reports.
    pub reports: i64,
    /// The oldest, or the last of those that were refused, unix seconds.
    pub time: Option<i64>,
}

/// Which reports are shown, and what was done just now.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Asked {
    /// A state's word, or `refused`.
    pub state: String,
    /// A problem's word.
    pub problem: String,
    /// A site.
    pub site: String,
    /// A host.
    pub host: String,
    /// A key, or `unsigned`.
    pub sender: String,
    /// Only reports that came before this one.
    pub before: Option<i64>,
    /// Which page of the groups, from 1; of refusals, which page.
    pub page: usize,
    /// The word of what was done just now.
    pub done: String,
    /// To how many.
    pub number: u64,
    /// How many were left for a decision of their own.
    pub left: u64,
}

/// The word for reports without a signature, where a key is asked for.
pub const UNSIGNED: &str = "unsigned";

impl Asked {
    /// The kind of trouble that is asked for.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        Problem::named(&self.problem)
    }

    /// How what is asked for is told apart further.
    #[must_use]
    pub fn by(&self) -> Option<Apart> {
        match (self.problem.is_empty(), self.site.is_empty(), self.host.is_empty() || self.sender.is_empty()) {
            (true, _, _) => Some(Apart::Problem),
            (false, true, _) => Some(Apart::Site),
            (false, false, true) => Some(Apart::Host),
            (false, false, false) => None,
        }
    }

    /// The address that asks for it.
    #[must_use]
    pub fn link(&self) -> String {
        format!("/inbox?{}", self.query())
    }

    /// The same as a query, which a form can carry: whatever a host calls itself, nothing of it is lost on the page.
    #[must_use]
    pub fn query(&self) -> String {
        let mut link = format!("state={}", piece(&self.state));
        for (name, value) in
            [("problem", &self.problem), ("site", &self.site), ("host", &self.host), ("sender", &self.sender)]
        {
            if !value.is_empty() {
                link.push_str(&format!("&{name}={}", piece(value)));
            }
        }
        link
    }

    fn with(&self, group: &InboxGroup, by: Apart) -> Self {
        let mut asked = Asked { before: None, page: 0, done: String::new(), ..self.clone() };
        match by {
            Apart::Problem => asked.problem.clone_from(&group.problem),
            Apart::Site => asked.site.clone_from(&group.site),
            Apart::Host => {
                asked.host.clone_from(&group.host);
                asked.sender = if group.sender.is_empty() { UNSIGNED.to_owned() } else { group.sender.clone() };
            }
        }
        asked
    }
}

impl Tab {
    /// The parts of the inbox; `refused` are those of the last days, with the last of them.
    #[must_use]
    pub fn all(states: &[StateCount], refused: (i64, Option<i64>)) -> Vec<Tab> {
        let of = |state: InboxState, title| {
            let count = states.iter().find(|count| count.state == state.as_str());
            Tab {
                word: state.as_str(),
                title,
                reports: count.map_or(0, |count| count.reports),
                time: count.map(|count| count.oldest),
            }
        };
        vec![
            of(InboxState::Held, "Held"),
            of(InboxState::Unreadable, "Unreadable"),
            Tab { word: REFUSED, title: "Refused at the door", reports: refused.0, time: refused.1 },
            of(InboxState::Rejected, "Rejected"),
            of(InboxState::Waiting, "Waiting"),
        ]
    }
}

/// The word for reports that were refused at the door, where a state is asked for.
pub const REFUSED: &str = "refused";

impl InboxPage {
    fn words(&self, problem: &str) -> Words {
        words::of(Problem::named(problem))
    }

    fn is_refused(&self) -> bool {
        self.asked.state == REFUSED
    }

    /// Where a group leads; one that says nothing more of itself leads nowhere.
    fn link(&self, group: &InboxGroup) -> Option<String> {
        let by = self.by?;
        let says = match by {
            Apart::Problem => Problem::named(&group.problem).is_some(),
            Apart::Site => !group.site.is_empty(),
            Apart::Host => !group.host.is_empty(),
        };
        says.then(|| self.asked.with(group, by).link())
    }

    fn name(&self, group: &InboxGroup) -> String {
        match self.by {
            Some(Apart::Problem) => self.words(&group.problem).title.to_owned(),
            Some(Apart::Site) if group.site.is_empty() => "not known".to_owned(),
            Some(Apart::Site) => group.site.clone(),
            _ if group.host.is_empty() => "not known".to_owned(),
            _ => group.host.clone(),
        }
    }

    fn may_approve(&self) -> bool {
        self.asked.state == InboxState::Held.as_str() && words::is_approvable(self.asked.problem())
    }

    fn may_declare(&self) -> bool {
        self.asked.state == InboxState::Held.as_str()
            && self.asked.problem() == Some(Problem::UnknownSite)
            && !self.asked.site.is_empty()
    }

    fn may_reject(&self) -> bool {
        !self.asked.problem.is_empty() && self.may_be_rejected()
    }

    fn may_be_rejected(&self) -> bool {
        [InboxState::Held, InboxState::Unreadable].iter().any(|state| self.asked.state == state.as_str())
    }

    fn may_retry(&self) -> bool {
        self.may_be_rejected() || (!self.asked.problem.is_empty() && self.asked.state == InboxState::Rejected.as_str())
    }

    fn all_reports(&self) -> i64 {
        self.tabs.iter().map(|tab| tab.reports).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_tells_less_apart() {
        let asked = |link: &str| {
            let mut asked = Asked { state: "held".to_owned(), ..Asked::default() };
            for (name, value) in link.split('&').filter_map(|pair| pair.split_once('=')) {
                match name {
                    "problem" => asked.problem = value.to_owned(),
                    "site" => asked.site = value.to_owned(),
                    "host" => asked.host = value.to_owned(),
                    _ => asked.sender = value.to_owned(),
                }
            }
            asked
        };
        assert_eq!(asked("").by(), Some(Apart::Problem));
        assert_eq!(asked("problem=key_changed").by(), Some(Apart::Site));
        assert_eq!(asked("problem=key_changed&site=A").by(), Some(Apart::Host));
        assert_eq!(asked("problem=key_changed&site=A&host=h").by(), Some(Apart::Host));
        assert_eq!(asked("problem=key_changed&site=A&host=h&sender=unsigned").by(), None);
        let link = Asked { host: "<h&c>".to_owned(), ..asked("problem=key_changed&site=A b") }.link();
        assert_eq!(link, "/inbox?state=held&problem=key_changed&site=A%20b&host=%3Ch%26c%3E");
    }
}
