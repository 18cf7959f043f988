//! The form of a new campaign.

use askama::Template;

use super::super::filters;
use super::super::frame::Frame;
use crate::campaign::Draft;

/// What the page shows.
#[derive(Debug, Clone, Template)]
#[template(path = "campaign_new.html")]
pub struct NewCampaignPage {
    /// What surrounds it.
    pub frame: Frame,
    /// What the active lists ask for, by product.
    pub products: Vec<(String, Vec<Choice>)>,
    /// What was written.
    pub draft: Draft,
    /// What is wrong with it.
    pub error: String,
}

/// What a list asks of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// How the form names it.
    pub value: String,
    /// The list.
    pub list: String,
    /// The package.
    pub package: String,
    /// What is asked, by system.
    pub asked: Vec<String>,
    /// Whether it was chosen.
    pub chosen: bool,
}
