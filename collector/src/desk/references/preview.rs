//! A new version of a reference list before it is stored: what changes, and what that does to the hosts.

use askama::Template;

use super::super::filters;
use super::super::frame::Frame;
use super::Draft;
use crate::answers::effect::Effect;
use crate::compare::State;
use crate::reference::difference::{Clash, Difference};
use crate::store::ListVersion;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "reference_preview.html")]
pub struct PreviewPage {
    /// What surrounds it.
    pub frame: Frame,
    /// The new version, made from the newest there is.
    pub draft: Draft,
    /// How many references it has; without any the list is retired.
    pub size: usize,
    /// The author's words.
    pub note: String,
    /// What changes.
    pub difference: Difference,
    /// What that does to the hosts.
    pub effect: Effect,
    /// Who was faster.
    pub overtaken: Option<Overtaken>,
}

/// Versions that came while somebody changed an earlier one.
#[derive(Debug)]
pub struct Overtaken {
    /// The versions, oldest first.
    pub by: Vec<ListVersion>,
    /// What they changed.
    pub difference: Difference,
    /// Where both changed the same reference.
    pub clashes: Vec<Clash>,
}

impl PreviewPage {
    fn states(&self) -> [State; 4] {
        [State::Blocked, State::Behind, State::Unknown, State::Compliant]
    }
}
