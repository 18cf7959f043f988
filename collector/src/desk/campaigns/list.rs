//! Every campaign with how far it is.

use askama::Template;
use jiff::civil::Date;

use super::super::filters;
use super::super::frame::{Frame, Paging};
use crate::campaign::{Phase, Tally};

/// Campaigns on one page.
pub const CAMPAIGNS_PER_PAGE: usize = 20;

/// What the page shows.
#[derive(Debug, Clone, Template)]
#[template(path = "campaigns.html")]
pub struct CampaignsPage {
    /// What surrounds it.
    pub frame: Frame,
    /// The campaigns of this page, the newest first.
    pub campaigns: Vec<CampaignRow>,
    /// Which part this is.
    pub paging: Paging,
}

/// A campaign.
#[derive(Debug, Clone)]
pub struct CampaignRow {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// Its first day.
    pub begins: Date,
    /// Its last day on time.
    pub deadline: Date,
    /// Hosts of the sites that may be seen.
    pub total: Tally,
    /// Sites that may be seen and are asked.
    pub sites: usize,
    /// Those with nothing left to do.
    pub sites_done: usize,
}
