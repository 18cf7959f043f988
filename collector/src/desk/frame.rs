//! What surrounds every page: who looks at it, where they are, and what they may go to.

use jiff::Timestamp;

use crate::access::{Role, Scope, Viewer};

/// The parts of the desk, as the bar at the top of each page has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Sites by products.
    Overview,
    /// Products and their versions.
    Products,
    /// Sites.
    Sites,
    /// Hosts, by name and by package.
    Find,
    /// Campaigns.
    Campaigns,
    /// What waits for a decision.
    Inbox,
    /// Reference lists.
    References,
    /// Who did what.
    Audit,
}

impl Section {
    const ALL: [Section; 8] = [
        Section::Overview,
        Section::Products,
        Section::Sites,
        Section::Find,
        Section::Campaigns,
        Section::Inbox,
        Section::References,
        Section::Audit,
    ];

    /// Its name on the page.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Section::Overview => "Overview",
            Section::Products => "Products",
            Section::Sites => "Sites",
            Section::Find => "Find",
            Section::Campaigns => "Campaigns",
            Section::Inbox => "Inbox",
            Section::References => "References",
            Section::Audit => "Audit",
        }
    }

    /// Its path.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Section::Overview => "/",
            Section::Products => "/products",
            Section::Sites => "/sites",
            Section::Find => "/find",
            Section::Campaigns => "/campaigns",
            Section::Inbox => "/inbox",
            Section::References => "/references",
            Section::Audit => "/audit",
        }
    }

    /// Whether a role may go there.
    #[must_use]
    pub fn is_for(self, role: Role) -> bool {
        match self {
            Section::Audit => role == Role::Officer,
            Section::Inbox => role != Role::Site,
            _ => true,
        }
    }
}

/// What surrounds a page.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Who looks at it.
    pub viewer: Viewer,
    /// Proves that a form was filled in on a page of ours.
    pub csrf: String,
    /// Whether a cookie of ours signs the viewer in, so that they can sign out here.
    pub signed_in_here: bool,
    /// When the page was made.
    pub now: Timestamp,
    /// Where it is.
    pub section: Section,
}

impl Frame {
    /// The parts that this viewer may go to.
    pub fn sections(&self) -> impl Iterator<Item = Section> {
        let role = self.viewer.role;
        Section::ALL.into_iter().filter(move |section| section.is_for(role))
    }

    /// Whether forms are shown.
    #[must_use]
    pub fn may_change(&self) -> bool {
        self.viewer.role == Role::Officer
    }

    /// What the viewer sees, in words.
    #[must_use]
    pub fn sees(&self) -> String {
        match &self.viewer.scope {
            Scope::All => format!("{}, all sites", self.viewer.role.as_str()),
            Scope::Sites(sites) if sites.is_empty() => "no site".to_owned(),
            Scope::Sites(sites) => sites.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
        }
    }
}

/// A part of a long list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    /// This page, from 1.
    pub page: usize,
    /// How many there are, at least 1.
    pub pages: usize,
    /// The address of a page, to which its number is added.
    pub link: String,
}

impl Paging {
    /// The page that was asked for of `rows` rows, or the nearest there is; `link` ends in `page=`.
    #[must_use]
    pub fn of(rows: usize, per_page: usize, asked: usize, link: String) -> Self {
        let pages = rows.div_ceil(per_page.max(1)).max(1);
        Paging { page: asked.clamp(1, pages), pages, link }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_beyond_the_end_is_the_last_one() {
        let of = |rows, asked| Paging::of(rows, 10, asked, String::new());
        assert_eq!((of(0, 5).page, of(0, 5).pages), (1, 1));
        assert_eq!((of(25, 9).page, of(25, 9).pages), (3, 3));
        assert_eq!(of(25, 0).page, 1);
    }

    #[test]
    fn sites_are_not_shown_the_way_to_what_they_may_not_see() {
        let sections = |role| {
            let viewer = Viewer { name: "x".to_owned(), role, scope: Scope::All };
            let frame = Frame {
                viewer,
                csrf: String::new(),
                signed_in_here: false,
                now: Timestamp::UNIX_EPOCH,
                section: Section::Overview,
            };
            frame.sections().map(Section::title).collect::<Vec<_>>()
        };
        assert!(!sections(Role::Site).contains(&"Inbox") && !sections(Role::Reader).contains(&"Audit"));
        assert_eq!(sections(Role::Officer).len(), 8);
    }
}
