//! The page of the audit log: who signed in, read or changed something.

use askama::Template;

use super::filters;
use super::frame::Frame;
use crate::answers::audit::Entry;

/// Lines on one page.
pub const LINES_PER_PAGE: usize = 200;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "audit.html")]
pub struct AuditPage {
    /// What surrounds it.
    pub frame: Frame,
    /// Lines of this page, newest first.
    pub lines: Vec<Entry>,
    /// Whose lines are wanted; empty for everybody's.
    pub person: String,
    /// Which action is wanted; empty for any.
    pub action: String,
    /// Actions that there are lines of.
    pub actions: Vec<String>,
    /// Since which date; empty for all.
    pub since: String,
    /// The number before which the next page begins, if there is one.
    pub older: Option<i64>,
}
