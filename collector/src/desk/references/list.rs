//! One reference list: a version of it, and all its versions.

use askama::Template;

use super::super::filters;
use super::super::frame::Frame;
use crate::reference::Reference;
use crate::store::ListVersion;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "reference_list.html")]
pub struct ListPage {
    /// What surrounds it.
    pub frame: Frame,
    /// The version that is shown.
    pub version: ListVersion,
    /// Its references.
    pub references: Vec<Reference>,
    /// Its text as TOML.
    pub content: String,
    /// Every version, the newest first.
    pub versions: Vec<ListVersion>,
    /// Whether it was stored just now.
    pub stored_now: bool,
}

impl ListPage {
    fn newest(&self) -> i64 {
        self.versions.first().map_or(self.version.number, |version| version.number)
    }

    fn choice(&self) -> (i64, i64) {
        if self.is_newest() { (self.newest() - 1, self.newest()) } else { (self.version.number, self.newest()) }
    }

    fn is_newest(&self) -> bool {
        self.version.number == self.newest()
    }
}
