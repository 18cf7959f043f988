//! What differs between two versions of a reference list.

use askama::Template;

use super::super::filters;
use super::super::frame::Frame;
use crate::reference::difference::Difference;
use crate::store::ListVersion;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "reference_difference.html")]
pub struct DifferencePage {
    /// What surrounds it.
    pub frame: Frame,
    /// Name of the list.
    pub list: String,
    /// The earlier version; 0 stands before the first.
    pub from: i64,
    /// The later version.
    pub to: i64,
    /// What differs.
    pub difference: Difference,
    /// Every version, the newest first.
    pub versions: Vec<ListVersion>,
}

impl DifferencePage {
    fn choice(&self) -> (i64, i64) {
        (self.from, self.to)
    }

    fn between(&self) -> impl Iterator<Item = &ListVersion> {
        let (first, last) = (self.from.min(self.to), self.from.max(self.to));
        self.versions.iter().filter(move |version| (first + 1..=last).contains(&version.number))
    }
}
