//! Hosts against the reference lists, now or at a date.

use std::sync::Arc;

use jiff::Timestamp;

use super::judge::Judge;
use super::{AnswerError, Host, hosts_at, time};
use crate::access::Scope;
use crate::reference::ReferenceList;
use crate::store::Store;
use crate::table::{Cell, Table};

pub use super::standard::ComparedProduct;

/// Every host at a date with what the references say of it.
#[derive(Debug)]
pub struct Comparison {
    /// The lists that were used.
    pub lists: Vec<Arc<ReferenceList>>,
    /// Hosts by site and name.
    pub hosts: Vec<ComparedHost>,
}

/// A host and its verdicts, one for each product and package that it has.
#[derive(Debug)]
pub struct ComparedHost {
    /// The host.
    pub host: Host,
    /// What the references say.
    pub products: Vec<ComparedProduct>,
}

/// Compares every host that may be seen as it was at `at`, by what the lists asked for then, or at `lists_of`.
///
/// # Errors
/// [`AnswerError`].
pub async fn at(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    at: Timestamp,
    lists_of: Option<Timestamp>,
    stale_after_days: u32,
) -> Result<Comparison, AnswerError> {
    let standard = judge.standard_at(store, lists_of.unwrap_or(at)).await?;
    let hosts = hosts_at(store, scope, at).await?;
    let states: Vec<(i64, i64)> = hosts.iter().map(|host| (host.state.list, host.state.facts)).collect();
    let judged = judge.judge(store, &standard, &states).await?;
    let compared = hosts.into_iter().map(|host| {
        let last_news = time(host.state.last_news);
        let packages = judged.get(&(host.state.list, host.state.facts)).map(|judged| judged.packages.as_slice());
        let products = packages.unwrap_or_default().iter().map(|found| found.with_age(last_news, at, stale_after_days));
        ComparedHost { products: products.collect(), host }
    });
    Ok(Comparison { hosts: compared.collect(), lists: standard.lists.clone() })
}

impl Comparison {
    /// One row for each host and package, of one site or product if given.
    #[must_use]
    pub fn table(&self, site: Option<&str>, product: Option<&str>) -> Table {
        let mut rows = Vec::new();
        for compared in self.hosts.iter().filter(|compared| site.is_none_or(|site| site == compared.host.state.site)) {
            let wanted = |found: &&ComparedProduct| product.is_none_or(|product| product == found.product);
            for found in compared.products.iter().filter(wanted) {
                rows.push(vec![
                    Cell::Text(compared.host.state.site.clone()),
                    Cell::Text(compared.host.state.name.clone()),
                    Cell::Text(compared.host.os.clone().unwrap_or_default()),
                    Cell::Text(found.product.clone()),
                    Cell::Text(found.package.clone()),
                    Cell::Text(found.installed.join(" ")),
                    Cell::Text(found.verdict.minimum.clone().unwrap_or_default()),
                    Cell::Text(found.verdict.state.as_str().to_owned()),
                    Cell::Text(found.verdict.reason.clone()),
                    Cell::Time(Some(time(compared.host.state.last_news))),
                ]);
            }
        }
        let columns =
            vec!["site", "host", "os", "product", "package", "installed", "minimum", "state", "reason", "last_report"];
        Table { columns, rows }
    }
}
