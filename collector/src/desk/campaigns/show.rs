//! One campaign: what is asked, how far its sites are, its burn-down and its exceptions.

use askama::Template;
use jiff::Timestamp;

use super::super::chart::Chart;
use super::super::filters;
use super::super::frame::{Frame, Paging};
use super::{colour, shape};
use crate::answers::campaign::{CampaignHost, CampaignProgress};
use crate::campaign::{Exception, SiteProgress};

/// Hosts on one page.
pub const HOSTS_PER_PAGE: usize = 100;

/// What the page shows.
#[derive(Debug, Clone, Template)]
#[template(path = "campaign.html")]
pub struct CampaignPage {
    /// What surrounds it.
    pub frame: Frame,
    /// The campaign, as far as it may be seen.
    pub progress: CampaignProgress,
    /// The sites, with when a mail was last sent to each.
    pub sites: Vec<(SiteProgress, Option<Timestamp>)>,
    /// Hosts that were not done, day by day; none before the first day.
    pub chart: Option<Chart>,
    /// Messages that wait for approval.
    pub previews: usize,
    /// The site whose hosts are shown; empty for none.
    pub site: String,
    /// Its hosts of this page.
    pub hosts: Vec<CampaignHost>,
    /// Which part of the hosts this is.
    pub paging: Paging,
    /// What is wrong with the exception that was written.
    pub error: String,
    /// The exception as it was written: site, host, reason and last day.
    pub typed: [String; 4],
}

impl CampaignPage {
    fn until(exception: &&Exception) -> jiff::civil::Date {
        crate::days::date(exception.expires)
    }

    fn granted(exception: &&Exception) -> jiff::civil::Date {
        crate::days::date(crate::history::day_of(exception.created))
    }
}
