//! Campaigns as rows: all of them, and the sites of one.

use jiff::civil::Date;

use super::super::AnswerError;
use super::super::judge::Judge;
use super::all;
use super::progress::{CampaignProgress, Reading, progress};
use crate::access::Scope;
use crate::campaign::{Campaign, SiteProgress};
use crate::store::Store;
use crate::table::{Cell, Table};

/// Every campaign that may be seen with its numbers.
///
/// # Errors
/// [`AnswerError`].
pub async fn list(store: &Store, judge: &Judge, scope: &Scope, reading: Reading) -> Result<Table, AnswerError> {
    let mut rows = Vec::new();
    for campaign in all(store, scope).await? {
        let told = progress(store, judge, scope, campaign, reading).await?;
        rows.push(vec![
            Cell::Number(told.campaign.id),
            Cell::Text(told.campaign.name),
            Cell::Text(told.phase.as_str().to_owned()),
            Cell::Text(told.campaign.begins.to_string()),
            Cell::Text(told.campaign.deadline.to_string()),
            Cell::Number(i64::try_from(told.sites.len()).unwrap_or(i64::MAX)),
            Cell::Number(told.total.asked()),
            Cell::Number(told.total.done),
            Cell::Number(told.total.open()),
            Cell::Number(told.total.excepted),
        ]);
    }
    let columns = vec!["id", "campaign", "phase", "begins", "deadline", "sites", "hosts", "done", "to_do", "excepted"];
    Ok(Table { columns, rows })
}

/// The sites of one campaign, of most concern first.
///
/// # Errors
/// [`AnswerError::NoCampaign`] when none that may be seen has that name or number.
pub async fn show(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    name: &str,
    reading: Reading,
) -> Result<Table, AnswerError> {
    let campaigns = all(store, scope).await?;
    let named = campaigns.iter().find(|campaign| campaign.name == name);
    let found = named.or_else(|| campaigns.iter().find(|campaign| campaign.id.to_string() == name));
    let campaign = found.cloned().ok_or_else(|| AnswerError::NoCampaign(name.to_owned()))?;
    let told = progress(store, judge, scope, campaign, reading).await?;
    let rows = told.sites.into_iter().map(|site| {
        vec![
            Cell::Text(site.site),
            Cell::Text(site.state.as_str().to_owned()),
            Cell::Text(site.since.map(|since| since.to_string()).unwrap_or_default()),
            Cell::Number(site.tally.asked()),
            Cell::Number(site.tally.done),
            Cell::Number(site.tally.behind),
            Cell::Number(site.tally.blocked),
            Cell::Number(site.tally.unknown),
            Cell::Number(site.tally.excepted),
        ]
    });
    let columns = vec!["site", "state", "since", "hosts", "done", "behind", "blocked", "unknown", "excepted"];
    Ok(Table { columns, rows: rows.collect() })
}

/// A campaign that asks a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteInCampaign {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The last day on which sites are on time.
    pub deadline: Date,
    /// How far the site is.
    pub site: SiteProgress,
}

/// The open campaigns that ask a site which may be seen, and how far it is in each.
///
/// # Errors
/// [`AnswerError`].
pub async fn of_site(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    site: &str,
    reading: Reading,
) -> Result<Vec<SiteInCampaign>, AnswerError> {
    let scope = scope.narrowed(Some(site));
    let mut standing = Vec::new();
    for campaign in all(store, &scope).await?.into_iter().filter(|campaign| campaign.closed.is_none()) {
        let told = progress(store, judge, &scope, campaign, reading).await?;
        let CampaignProgress { campaign: Campaign { id, name, deadline, .. }, sites, .. } = told;
        standing.extend(sites.into_iter().next().map(|site| SiteInCampaign { id, name, deadline, site }));
    }
    Ok(standing)
}
