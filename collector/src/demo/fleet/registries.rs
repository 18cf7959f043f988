//! What registries say of the invented sites: GOCDB or OSG topology by country, some sites that never reported, and the
//! testbed that the operator declares.

use fastrand::Rng;
use jiff::Timestamp;

use super::grid::Grid;
use super::site::Site as Invented;
use super::{FleetError, SEED, names};
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
        let without_hosts = without_hosts(grid).filter(move |site| site.naming.osg == osg);
        sites.cloned().chain(without_hosts).map(|site| entry(&site)).collect::<Result<Vec<Site>, DeclareError>>()
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

/// How many sites are registered and have never reported.
const WITHOUT_HOSTS: usize = 2;

/// Sites like the others, of which no host is known.
fn without_hosts(grid: &Grid) -> impl Iterator<Item = Invented> {
    let like = grid.sites.first().cloned();
    let mut rng = Rng::with_seed(SEED);
    (1..=WITHOUT_HOSTS).filter_map(move |after| {
        let number = grid.sites.len() + after;
        Some(Invented { naming: names::name(number, &mut rng), tier: Some(2), number, hosts: 0, ..like.clone()? })
    })
}

fn entry(site: &Invented) -> Result<Site, DeclareError> {
    let mail = |who: &str| [format!("{who}@{}", site.naming.domain)];
    let tier = site.tier.map(|tier| tier.to_string());
    let country = Some(site.naming.country.to_owned());
    Site::declare(&site.naming.site, (country, tier), (&mail("grid-admins"), &mail("security")), &site.networks())
}
