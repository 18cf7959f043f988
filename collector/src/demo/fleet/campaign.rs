//! A campaign that is under way: the migration of XRootD's servers, with a site and a host that need not follow for now.

use jiff::Timestamp;

use crate::access::Scope;
use crate::access::deed::By;
use crate::answers::campaign::{self, Reading, Sending};
use crate::answers::judge::Judge;
use crate::campaign::Letter;
use crate::history::day_of;
use crate::reference::{Reference, ReferenceList};
use crate::store::{Store, StoredCampaign, StoredException};

use super::FleetError;
use super::grid::Grid;
use super::image::Role;
use super::{TODAY, references};

pub(super) const NAME: &str = "XRootD 5.7 on storage";

/// The day on which the campaign was made and began.
const BEGAN: i32 = 300;

/// So many days are left for the sites.
const LEFT: i32 = 25;

/// Puts the campaign and its exceptions in place; its number, unless a campaign of its name is there already.
///
/// # Errors
/// [`FleetError`].
pub(super) async fn fill(store: &Store, grid: &Grid) -> Result<Option<i64>, FleetError> {
    let by = By::operator("demo officer", grid.at(BEGAN, 10 * 3_600));
    let asked = references::of_package(grid, "xrootd-server", BEGAN);
    // Asked from the campaign's first day to its deadline, whatever the list says.
    let asked = asked.into_iter().map(|reference| Reference { since: None, deadline: None, ..reference });
    let content = ReferenceList { name: NAME.to_owned(), references: asked.collect() }.to_toml()?;
    // There is no address of the desk that a site could open.
    let letter = Letter::proposed(false);
    let campaign = StoredCampaign {
        id: 0,
        name: NAME.to_owned(),
        note: "Servers of 5.6 get no more fixes, and 5.7.1 was withdrawn.".to_owned(),
        content,
        sites: String::new(),
        begins: day_of(grid.at(BEGAN, 0)),
        deadline: day_of(grid.at(TODAY + LEFT, 0)),
        contacts: String::new(),
        subject: letter.subject,
        letter: letter.text,
        author: "demo officer".to_owned(),
        created: by.at,
        closed: 0,
    };
    let Some(campaign) = store.add_campaign(&campaign, &by.did("campaign", NAME)).await? else { return Ok(None) };
    for exception in exceptions(grid, campaign) {
        let by = By::operator("demo officer", exception.created);
        store.add_exception(&exception, &by.did("exception", &exception.site)).await?;
    }
    Ok(Some(campaign))
}

/// Writes mails to the sites that are behind, for the officer to look at: nothing is sent.
///
/// # Errors
/// [`FleetError`].
pub(super) async fn write_to_sites(
    store: &Store,
    campaign: i64,
    now: Timestamp,
    stale_after_days: u32,
) -> Result<(), FleetError> {
    let (judge, reading) = (Judge::default(), Reading { now, stale_after_days });
    let campaign = campaign::one(store, &Scope::All, campaign).await?;
    let progress = campaign::progress(store, &judge, &Scope::All, campaign, reading).await?;
    let sending = Sending { mail: true, ..Sending::default() };
    let messages = campaign::write(store, &judge, &progress, &sending, reading).await?;
    let by = By::operator("demo officer", now.as_second());
    Ok(store.replace_mail_previews(progress.campaign.id, &messages, &by.did("campaign preview", NAME)).await?)
}

/// The first site with such storage as a whole, and one host of the next.
fn exceptions(grid: &Grid, campaign: i64) -> Vec<StoredException> {
    let mut servers = grid.hosts.iter().filter_map(|host| {
        let farm = grid.farms.get(host.farm).filter(|farm| farm.role == Role::XrootdStorage)?;
        Some((grid.sites.get(farm.site)?.naming.site.as_str(), host.name.as_str()))
    });
    let Some((whole_site, _)) = servers.next() else { return Vec::new() };
    let host = servers.find(|(site, _)| *site != whole_site);
    let exception = |site: &str, host: &str, reason: &str, (created, expires): (i32, i32)| StoredException {
        id: 0,
        campaign,
        site: site.to_owned(),
        host: host.to_owned(),
        reason: reason.to_owned(),
        author: "demo officer".to_owned(),
        created: grid.at(created, 11 * 3_600),
        expires: day_of(grid.at(expires, 0)),
    };
    let mut exceptions =
        vec![exception(whole_site, "", "no interruption before the end of data taking", (308, TODAY + 40))];
    if let Some((site, host)) = host {
        exceptions.push(exception(site, host, "retired with its hardware", (315, TODAY - 10)));
    }
    exceptions
}
