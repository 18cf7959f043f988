//! The first page: sites by products, what changed since yesterday, and who is silent.

use askama::Template;
use jiff::Timestamp;

use super::filters;
use super::frame::{Frame, Paging, Section};
use super::piece;
use super::when::When;
use crate::answers::matrix::{Cell, Change, Line, Matrix};
use crate::compare::State;

/// Sites on one page: every site of the grid.
pub const SITES_PER_PAGE: usize = 200;

/// Changes that are shown at once.
pub const CHANGES_SHOWN: usize = 24;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "overview.html")]
pub struct Overview {
    /// What surrounds it.
    pub frame: Frame,
    /// Sites by products, as far as they may be seen; the lines of this page alone.
    pub matrix: Matrix,
    /// The day that it is of.
    pub when: When,
    /// All hosts at the end of the day before.
    pub day_before: Cell,
    /// How many sites there are on all pages.
    pub sites: usize,
    /// Reports that were not taken into any history, with what became of them.
    pub set_aside: Vec<(i64, &'static str)>,
    /// Sites that a registry knows and that never reported.
    pub never_seen: Vec<String>,
    /// What changed since the end of the day before, the most important first.
    pub changes: Vec<Change>,
    /// How many changes there are.
    pub changes_total: usize,
    /// Whether sites come by name instead of by concern.
    pub by_name: bool,
    /// Days without news after which a host counts as silent.
    pub stale_after_days: u32,
    /// Which part of the sites this is.
    pub paging: Paging,
}

impl Overview {
    /// The states in the order of concern.
    fn states(&self) -> [State; 4] {
        STATES
    }

    /// Hosts more (or less) in a state than at the end of the day before, as if all news were recent.
    fn since_day_before(&self, state: &State) -> i64 {
        self.matrix.total.hosts.judged.of(*state) - self.day_before.judged.of(*state)
    }

    /// The day before in words.
    fn before(&self) -> &'static str {
        if self.when.is_past() { "the day before" } else { "yesterday" }
    }

    /// Where a site's hosts are shown as they stood then.
    fn site_link(&self, site: &str) -> String {
        let site = piece(site);
        if self.is_of_now() { format!("/sites/{site}") } else { format!("/find?{}site={site}", self.when.kept()) }
    }

    /// What follows the link of a site to show a product.
    fn product_link(&self, product: &str) -> String {
        if self.is_of_now() { format!("?product={}", piece(product)) } else { String::new() }
    }

    /// The same of every product, made once for all sites.
    fn product_links(&self) -> Vec<String> {
        self.matrix.products.iter().map(|product| self.product_link(product)).collect()
    }

    /// Whether the viewer may see the inbox.
    fn leads_to_inbox(&self) -> bool {
        Section::Inbox.is_for(self.frame.viewer.role)
    }

    fn is_of_now(&self) -> bool {
        !self.when.is_past() && self.when.lists.is_empty()
    }

    /// The newest report of all.
    fn newest(&self) -> Option<Timestamp> {
        self.matrix.total.hosts.last_news
    }
}

const STATES: [State; 4] = [State::Blocked, State::Behind, State::Unknown, State::Compliant];

impl Cell {
    /// The state of most concern that any host is in, and how many are.
    #[must_use]
    pub fn worst(&self) -> Option<(State, i64)> {
        STATES.into_iter().map(|state| (state, self.counts.of(state))).find(|(_, hosts)| *hosts > 0)
    }
}

/// The order of concern: most blocked hosts first, then most behind, then by name.
pub fn by_concern(lines: &mut [Line]) {
    lines.sort_by(|left, right| {
        let concern = |line: &Line| (line.hosts.counts.blocked, line.hosts.counts.behind);
        concern(right).cmp(&concern(left)).then_with(|| left.site.cmp(&right.site))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Role, Scope, Viewer};
    use crate::answers::matrix::Counts;

    fn page(sites: Vec<Line>) -> String {
        let viewer = Viewer { name: "Officer".to_owned(), role: Role::Officer, scope: Scope::All };
        let total = sites.first().cloned().unwrap_or_default();
        let overview = Overview {
            frame: Frame {
                viewer,
                csrf: String::new(),
                signed_in_here: false,
                now: Timestamp::UNIX_EPOCH,
                section: Section::Overview,
            },
            sites: sites.len(),
            matrix: Matrix {
                at: Timestamp::UNIX_EPOCH,
                lists: vec!["WLCG baseline".to_owned()],
                products: vec!["<b>xrootd".to_owned()],
                total,
                sites,
            },
            when: When::default(),
            day_before: Cell::default(),
            set_aside: vec![(1, "held")],
            never_seen: Vec::new(),
            changes: Vec::new(),
            changes_total: 0,
            by_name: false,
            stale_after_days: 7,
            paging: Paging::of(0, SITES_PER_PAGE, 1, String::new()),
        };
        overview.render().unwrap()
    }

    fn line(site: &str, blocked: i64, behind: i64) -> Line {
        let counts = Counts { blocked, behind, compliant: 3, ..Counts::default() };
        let cell = Cell { counts, judged: counts, ..Cell::default() };
        Line { site: site.to_owned(), hosts: cell, products: vec![cell] }
    }

    #[test]
    fn a_state_is_told_by_shape_and_word_beside_its_colour() {
        let html = page(vec![line("<script>A\u{202E}", 0, 2)]);
        assert!(!html.contains("<script") && !html.contains("<b>") && !html.contains('\u{202E}'), "{html}");
        assert!(html.contains("▼ 2<small>/5</small>") && html.contains("behind"), "{html}");
    }

    #[test]
    fn an_empty_desk_says_what_to_do() {
        assert!(page(Vec::new()).contains("wlcg-package-reporter"));
    }

    #[test]
    fn how_old_the_data_are_stands_before_the_products() {
        let mut silent = line("A", 0, 2);
        (silent.hosts.stale, silent.hosts.newly_stale) = (4, 1);
        let html = page(vec![silent]);
        assert!(html.contains("Silent: 4 hosts</strong> (1 within the last day)"), "{html}");
        let place = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text}: {html}"));
        assert!(place(">All<") < place(">Silent<") && place(">Last report<") < place("&#60;b&#62;xrootd"));
        assert!(html.contains("<strong>Set aside: 1 report held</strong>") && html.contains("href=\"/inbox\""));
    }

    #[test]
    fn the_blocked_come_first() {
        let mut lines = [line("c", 0, 9), line("b", 0, 9), line("a", 0, 0), line("d", 1, 0)];
        by_concern(&mut lines);
        assert_eq!(lines.map(|line| line.site).join(""), "dbca");
    }
}
