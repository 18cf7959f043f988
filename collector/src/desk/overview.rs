//! The first page: sites and hosts, how they stand against the reference lists, and when they last reported.

use askama::Template;
use jiff::Timestamp;

use super::filters;
use super::frame::{Frame, Paging};
use crate::compare::State;

/// Hosts on one page.
pub const HOSTS_PER_PAGE: usize = 200;

/// What the page shows.
#[derive(Debug, Clone, Template)]
#[template(path = "overview.html")]
pub struct Overview {
    /// What surrounds it.
    pub frame: Frame,
    /// Names of the reference lists.
    pub lists: Vec<String>,
    /// Hosts of the whole grid by state.
    pub total: Counts,
    /// One row a site.
    pub sites: Vec<SiteRow>,
    /// One row a host, of this page.
    pub hosts: Vec<HostRow>,
    /// Which part of the hosts this is.
    pub paging: Paging,
}

/// Hosts by their worst state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub hosts: usize,
    /// Compliant in everything that is asked of them.
    pub compliant: usize,
    /// With nothing worse than unknown.
    pub unknown: usize,
    /// With nothing worse than behind.
    pub behind: usize,
    /// With a blocked version.
    pub blocked: usize,
}

impl Counts {
    /// Counts a host.
    pub fn add(&mut self, state: State) {
        self.hosts += 1;
        match state {
            State::Compliant => self.compliant += 1,
            State::Unknown => self.unknown += 1,
            State::Behind => self.behind += 1,
            State::Blocked => self.blocked += 1,
        }
    }
}

/// A site.
#[derive(Debug, Clone)]
pub struct SiteRow {
    /// Its name.
    pub name: String,
    /// Its hosts by state.
    pub counts: Counts,
    /// Its newest report.
    pub last_report: Timestamp,
}

/// A host.
#[derive(Debug, Clone)]
pub struct HostRow {
    /// Its site.
    pub site: String,
    /// Its name.
    pub name: String,
    /// Short name of its system.
    pub os: String,
    /// Its running kernel.
    pub kernel: String,
    /// Its newest report.
    pub last_report: Timestamp,
    /// Its worst state.
    pub state: State,
    /// What led to it.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Role, Scope, Viewer};
    use crate::desk::frame::Section;

    fn frame() -> Frame {
        let viewer = Viewer { name: "Officer".to_owned(), role: Role::Officer, scope: Scope::All };
        Frame { viewer, csrf: String::new(), now: Timestamp::UNIX_EPOCH, section: Section::Overview }
    }

    fn page(hosts: Vec<HostRow>) -> String {
        let mut total = Counts::default();
        hosts.iter().for_each(|host| total.add(host.state));
        let overview = Overview {
            frame: frame(),
            lists: vec!["WLCG baseline".to_owned()],
            total,
            sites: Vec::new(),
            hosts,
            paging: Paging::of(0, HOSTS_PER_PAGE, 1, String::new()),
        };
        overview.render().unwrap()
    }

    #[test]
    fn what_hosts_say_stays_text() {
        let html = page(vec![HostRow {
            site: "CERN-PROD".to_owned(),
            name: "<script>alert(1)</script>\u{202E}".to_owned(),
            os: "\"><img src=x>".to_owned(),
            kernel: "x".repeat(10_000),
            last_report: Timestamp::UNIX_EPOCH,
            state: State::Behind,
            reason: "a & b".to_owned(),
        }]);
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains('\u{202E}'), "{html}");
        assert!(html.contains("▼ behind") && html.len() < 10_000, "{html}");
    }

    #[test]
    fn an_empty_desk_says_what_to_do() {
        assert!(page(Vec::new()).contains("wlcg-package-reporter"));
    }
}
