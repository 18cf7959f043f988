//! What the first page shows, from a comparison.

use std::collections::BTreeMap;

use super::compare::{ComparedHost, Comparison};
use super::time;
use crate::compare::State;
use crate::desk::frame::{Frame, Paging};
use crate::desk::overview::{Counts, HOSTS_PER_PAGE, HostRow, Overview, SiteRow};

/// The page numbered `page` (from 1): the hosts of most concern first.
#[must_use]
pub fn of(comparison: &Comparison, frame: Frame, page: usize) -> Overview {
    let mut total = Counts::default();
    let mut sites: BTreeMap<&str, SiteRow> = BTreeMap::new();
    let mut hosts: Vec<HostRow> = Vec::with_capacity(comparison.hosts.len());
    for compared in &comparison.hosts {
        let row = host_row(compared);
        total.add(row.state);
        let site = sites.entry(&compared.host.state.site).or_insert_with(|| SiteRow {
            name: row.site.clone(),
            counts: Counts::default(),
            last_report: row.last_report,
        });
        site.counts.add(row.state);
        site.last_report = site.last_report.max(row.last_report);
        hosts.push(row);
    }
    hosts.sort_by(|left, right| {
        right.state.cmp(&left.state).then_with(|| (&left.site, &left.name).cmp(&(&right.site, &right.name)))
    });
    let paging = Paging::of(hosts.len(), HOSTS_PER_PAGE, page, "/?page=".to_owned());
    Overview {
        frame,
        lists: comparison.lists.iter().map(|list| list.name.clone()).collect(),
        total,
        sites: sites.into_values().collect(),
        hosts: hosts.into_iter().skip((paging.page - 1) * HOSTS_PER_PAGE).take(HOSTS_PER_PAGE).collect(),
        paging,
    }
}

/// A host stands as its worst product does; without any that is asked for it is not known how it stands.
fn host_row(compared: &ComparedHost) -> HostRow {
    let worst = compared.products.iter().max_by_key(|product| product.verdict.state);
    let (state, reason) = match worst {
        Some(product) => (product.verdict.state, format!("{}: {}", product.package, product.verdict.reason)),
        None => (State::Unknown, "none of the packages that are asked for is installed".to_owned()),
    };
    HostRow {
        site: compared.host.state.site.clone(),
        name: compared.host.state.name.clone(),
        os: compared.host.os.clone().unwrap_or_else(|| compared.host.system.clone()),
        kernel: compared.host.kernel.clone(),
        last_report: time(compared.host.state.last_news),
        state,
        reason,
    }
}
