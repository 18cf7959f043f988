//! The page of one site: its hosts, states, warnings and last reports.

use askama::Template;
use jiff::Timestamp;

use super::filters;
use super::frame::{Frame, Paging, Section};
use crate::answers::matrix::Cell;
use crate::answers::warnings::Warning;
use crate::compare::State;
use crate::store::InboxEntry;

/// Hosts on one page.
pub const HOSTS_PER_PAGE: usize = 100;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "site.html")]
pub struct SitePage {
    /// What surrounds it.
    pub frame: Frame,
    /// Its name.
    pub site: String,
    /// What registries say of it: names and values.
    pub registered: Vec<(&'static str, String)>,
    /// All its hosts.
    pub hosts: Cell,
    /// Its hosts by product.
    pub products: Vec<(String, Cell)>,
    /// How many hosts have each kind of warning.
    pub warnings: Vec<(&'static str, usize)>,
    /// Campaigns that ask it: id, name, and how it stands.
    pub campaigns: Vec<(i64, String, String)>,
    /// The hosts of this page that were asked for.
    pub rows: Vec<HostRow>,
    /// How many were asked for.
    pub found: usize,
    /// What was asked for.
    pub asked: Asked,
    /// Systems that its hosts have.
    pub systems: Vec<String>,
    /// Its newest reports.
    pub reports: Vec<InboxEntry>,
    /// Which part of the hosts this is.
    pub paging: Paging,
}

/// Which hosts are shown.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Asked {
    /// A part of the name, or a pattern with `*` and `?`.
    pub q: String,
    /// A state's word.
    pub state: String,
    /// A product.
    pub product: String,
    /// A system's short name.
    pub os: String,
    /// `yes`: only hosts with a warning.
    pub warned: String,
    /// Which page, from 1.
    pub page: usize,
}

/// A host.
#[derive(Debug, Clone)]
pub struct HostRow {
    /// Its name.
    pub name: String,
    /// Its system.
    pub os: String,
    /// Its running kernel.
    pub kernel: String,
    /// What its site calls its kind.
    pub tag: String,
    /// How it stands.
    pub state: State,
    /// Why.
    pub reason: String,
    /// Its newest report.
    pub last_news: Timestamp,
    /// What is strange about it.
    pub warnings: Vec<Warning>,
}

impl SitePage {
    fn states(&self) -> [State; 4] {
        [State::Blocked, State::Behind, State::Unknown, State::Compliant]
    }

    /// Whether the inbox, where each report has a page, is for this viewer.
    fn may_open_reports(&self) -> bool {
        Section::Inbox.is_for(self.frame.viewer.role)
    }

    fn received(&self, report: &InboxEntry) -> Timestamp {
        crate::answers::time(report.received)
    }
}
