//! What registries say of the invented sites: GOCDB or OSG topology by country, and the testbed that the operator declares.

use jiff::Timestamp;

use super::FleetError;
use super::grid::Grid;
use super::site::Site as Invented;
use crate::access::deed::By;
use crate::registry::{DeclareError, Kind, Site, Source};
use crate::store::Store;

/// Puts the registries of the grid's sites in place.
///
/// # Errors
/// [`FleetError`].
pub(super) async fn fill(store: &Store, grid: &Grid, now: Timestamp) -> Result<(), FleetError> {
    let registered = |osg: bool| {
        let sites = grid.sites.iter().filter(move |site| site.tier.is_some() && site.naming.osg == osg);
        sites.map(entry).collect::<Result<Vec<Site>, DeclareError>>()
    };
    let by = By::operator("demo officer", now.as_second());
    for (kind, sites) in [(Kind::Gocdb, registered(false)?), (Kind::Osg, registered(true)?)] {
        store.replace_registry(Source::Registry(kind), &sites, by).await?;
    }
    for testbed in grid.sites.iter().filter(|site| site.tier.is_none()) {
        store.declare_site(&entry(testbed)?, by).await?;
    }
    Ok(())
}

fn entry(site: &Invented) -> Result<Site, DeclareError> {
    let mail = |who: &str| [format!("{who}@{}", site.naming.domain)];
    let tier = site.tier.map(|tier| tier.to_string());
    let country = Some(site.naming.country.to_owned());
    Site::declare(&site.naming.site, (country, tier), (&mail("grid-admins"), &mail("security")), &site.networks())
}
