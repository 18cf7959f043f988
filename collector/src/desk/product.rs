//! The page of one package: its versions, how they spread, and who is behind.

use std::collections::BTreeSet;

use askama::Template;

use super::chart::Chart;
use super::filters;
use super::frame::{Frame, Paging};
use super::when::When;
use crate::answers::matrix::Cell;
use crate::answers::product::{SiteRow, VersionRow};
use crate::reference::Reference;

/// Sites on one page.
pub const SITES_PER_PAGE: usize = 200;

/// Versions in the list; older ones are counted.
pub const VERSIONS_SHOWN: usize = 60;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "product.html")]
pub struct ProductPage {
    /// What surrounds it.
    pub frame: Frame,
    /// The package.
    pub package: String,
    /// The day that it is of.
    pub when: When,
    /// What is asked of it, each with the list that asks.
    pub references: Vec<(String, Reference)>,
    /// Versions that are installed, the newest first.
    pub versions: Vec<VersionRow>,
    /// How many more there are.
    pub versions_left: usize,
    /// Sites of this page.
    pub sites: Vec<SiteRow>,
    /// How many sites have it.
    pub sites_total: usize,
    /// All hosts that have it.
    pub hosts: Cell,
    /// How its versions spread.
    pub chart: Chart,
    /// Which part of the sites this is.
    pub paging: Paging,
}

impl ProductPage {
    /// The products that the lists count it to.
    fn products(&self) -> BTreeSet<&str> {
        self.references.iter().map(|(_, asked)| asked.product.as_str()).collect()
    }
}
