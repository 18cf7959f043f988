//! The list of sites: every one that reported or that a registry knows.

use askama::Template;

use super::filters;
use super::frame::{Frame, Paging};
use crate::answers::matrix::Cell;

/// Sites on one page.
pub const SITES_PER_PAGE: usize = 200;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "sites.html")]
pub struct SitesPage {
    /// What surrounds it.
    pub frame: Frame,
    /// Sites of this page, by name.
    pub sites: Vec<SiteRow>,
    /// How many there are in all.
    pub total: usize,
    /// What was searched for.
    pub q: String,
    /// Which part of them this is.
    pub paging: Paging,
}

/// A site.
#[derive(Debug, Clone)]
pub struct SiteRow {
    /// Its name.
    pub name: String,
    /// Its country, where a registry tells.
    pub country: String,
    /// Its tier, where a registry tells.
    pub tier: String,
    /// Its hosts; none for a site that never reported.
    pub hosts: Option<Cell>,
}
