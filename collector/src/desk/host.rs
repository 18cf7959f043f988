//! The page of one host: what it is, what is said of it, what it has, and how it changed.

use askama::Template;
use jiff::Timestamp;
use report::package::Package;

use super::filters;
use super::frame::{Frame, Paging};
use crate::answers::change::PackageChange;
use crate::answers::compare::ComparedProduct;
use crate::answers::host::Kernels;
use crate::answers::timeline::Step;
use crate::answers::warnings::Warning;
use crate::compare::State;

/// Packages on one page.
pub const PACKAGES_PER_PAGE: usize = 250;

/// Steps of the time line that are shown at first.
pub const STEPS_PER_PAGE: usize = 30;

/// Changes of one step that are shown; more are counted.
const CHANGES_SHOWN: usize = 40;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "host.html")]
pub struct HostPage {
    /// What surrounds it.
    pub frame: Frame,
    /// The host's site.
    pub site: String,
    /// Its name.
    pub name: String,
    /// Short name of its system, or the system's own words.
    pub os: String,
    /// Header lines of its newest report.
    pub facts: Vec<(String, String)>,
    /// Its kernels.
    pub kernels: Kernels,
    /// Its first report.
    pub first_seen: Timestamp,
    /// Its newest report.
    pub last_news: Timestamp,
    /// The address it came from.
    pub source: String,
    /// The key that it is known by, and since when.
    pub sender: Option<(String, Timestamp)>,
    /// What is strange about it.
    pub warnings: Vec<Warning>,
    /// What the references say, the worst first.
    pub products: Vec<ComparedProduct>,
    /// Packages of this page.
    pub packages: Vec<Package<'static>>,
    /// How many there are in all.
    pub packages_total: usize,
    /// How many of them were asked for.
    pub packages_found: usize,
    /// What was asked for.
    pub q: String,
    /// Which part of the packages this is.
    pub paging: Paging,
    /// The time line, newest first.
    pub steps: Vec<Step>,
    /// How many more steps there are.
    pub steps_left: usize,
    /// What was put side by side.
    pub sides: Sides,
}

/// Two package lists side by side.
#[derive(Debug, Default)]
pub struct Sides {
    /// The first date as typed.
    pub from: String,
    /// The second date as typed.
    pub to: String,
    /// The other host as typed.
    pub other: String,
    /// What is on the left.
    pub left: String,
    /// What is on the right.
    pub right: String,
    /// What differs; none when nothing was asked.
    pub changes: Option<Vec<PackageChange>>,
    /// Why there is nothing to show.
    pub problem: Option<String>,
}

/// The longest name of a host, in bytes (RFC 1035).
const LONGEST_NAME: usize = 253;

impl HostPage {
    /// How it stands in all that is asked of it; without anything that is asked nobody knows.
    fn state(&self) -> State {
        self.products.first().map_or(State::Unknown, |worst| worst.verdict.state)
    }

    /// Whether it can be asked for by its name: what is longer is no host's name.
    fn may_be_found(&self) -> bool {
        self.name.len() <= LONGEST_NAME
    }

    /// The changes of a step that are shown.
    fn shown<'a>(&self, step: &'a Step) -> &'a [PackageChange] {
        step.changes.get(..CHANGES_SHOWN).unwrap_or(&step.changes)
    }
}
