//! The first page: sites and hosts, how they stand against the reference lists, and when they last reported.

use askama::Template;
use jiff::Timestamp;

use crate::compare::State;
use crate::table::{cut, visible};

/// The style sheet that the page asks for.
pub const STYLE: &str = include_str!("../../templates/desk.css");

/// Hosts on one page.
pub const HOSTS_PER_PAGE: usize = 200;

/// Longer values are cut on the page, in characters; the answers as JSON and CSV have them whole.
const LONGEST: usize = 200;

/// What the page shows.
#[derive(Debug, Clone, Template)]
#[template(path = "overview.html")]
pub struct Overview {
    /// Who looks at it, when a proxy says so.
    pub visitor: Option<String>,
    /// When the page was made.
    pub now: Timestamp,
    /// Names of the reference lists.
    pub lists: Vec<String>,
    /// Hosts of the whole grid by state.
    pub total: Counts,
    /// One row a site.
    pub sites: Vec<SiteRow>,
    /// One row a host, of this page.
    pub hosts: Vec<HostRow>,
    /// This page, from 1.
    pub page: usize,
    /// How many there are.
    pub pages: usize,
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

/// The page as HTML; every value from a host is escaped and freed of what misleads the eye.
///
/// # Errors
/// The template's own, which well-formed values do not cause.
pub fn render(page: &Overview) -> Result<String, askama::Error> {
    let mut shown = page.clone();
    for list in &mut shown.lists {
        *list = harmless(list);
    }
    shown.visitor = shown.visitor.as_deref().map(harmless);
    for site in &mut shown.sites {
        site.name = harmless(&site.name);
    }
    for host in &mut shown.hosts {
        for value in [&mut host.site, &mut host.name, &mut host.os, &mut host.kernel, &mut host.reason] {
            *value = harmless(value);
        }
    }
    Template::render(&shown)
}

fn harmless(text: &str) -> String {
    cut(&visible(text), LONGEST)
}

/// A shape beside each word, so that no state is told by colour alone.
fn shape(state: &State) -> &'static str {
    match state {
        State::Compliant => "✔",
        State::Unknown => "?",
        State::Behind => "▼",
        State::Blocked => "✖",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(hosts: Vec<HostRow>) -> String {
        let mut total = Counts::default();
        hosts.iter().for_each(|host| total.add(host.state));
        let overview = Overview {
            now: Timestamp::UNIX_EPOCH,
            lists: vec!["WLCG baseline".to_owned()],
            total,
            sites: Vec::new(),
            hosts,
            visitor: None,
            page: 1,
            pages: 1,
        };
        render(&overview).unwrap()
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
