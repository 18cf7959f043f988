//! Hosts against the reference lists, now or at a date.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use report::package::Package;

use super::{AnswerError, Host, hosts_at, references, time};
use crate::access::Scope;
use crate::compare::{self, Installed, Verdict};
use crate::reference::{Reference, ReferenceList};
use crate::store::Store;
use crate::table::{Cell, Table};

/// Every host at a date with what the references say of it.
#[derive(Debug)]
pub struct Comparison {
    /// The lists that were used.
    pub lists: Vec<ReferenceList>,
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

/// A package of a product on a host.
#[derive(Debug, Clone)]
pub struct ComparedProduct {
    /// The product.
    pub product: String,
    /// The package.
    pub package: String,
    /// Its versions on the host.
    pub installed: Vec<String>,
    /// How it stands.
    pub verdict: Verdict,
}

/// References for one package, of whatever system.
pub type Asked<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a Reference>>;

/// Compares every host that may be seen at `at` by the lists of that day.
///
/// # Errors
/// [`AnswerError`].
pub async fn at(store: &Store, scope: &Scope, at: Timestamp, stale_after_days: u32) -> Result<Comparison, AnswerError> {
    let lists = references::at(store, at).await?;
    let asked = asked_in(&lists);
    let mut names: Vec<&str> = asked.keys().map(|(_, package)| *package).collect();
    names.sort_unstable();
    names.dedup();
    let packages: HashMap<i64, Package<'static>> = store.packages_named(&names).await?.into_iter().collect();
    let ids: Vec<i64> = packages.keys().copied().collect();
    let holders = store.lists_with(&ids).await?;

    let mut hosts = Vec::new();
    // Clones share a list, a system and a kernel: what is asked of them is judged once.
    let mut judged: HashMap<(i64, i64), Vec<ComparedProduct>> = HashMap::new();
    for host in hosts_at(store, scope, at).await? {
        let key = (host.state.list, host.state.facts);
        let fresh = judged.entry(key).or_insert_with(|| {
            let installed = holders.get(&host.state.list).into_iter().flatten().filter_map(|id| packages.get(id));
            judge_host(&asked, (host.os.as_deref(), &host.kernel), &installed.collect::<Vec<_>>(), at)
        });
        let last_news = time(host.state.last_news);
        let products = fresh.iter().cloned().map(|mut product| {
            product.verdict = compare::with_staleness(product.verdict, last_news, at, stale_after_days);
            product
        });
        hosts.push(ComparedHost { products: products.collect(), host });
    }
    Ok(Comparison { lists, hosts })
}

/// What lists ask, by product and package.
#[must_use]
pub fn asked_in(lists: &[ReferenceList]) -> Asked<'_> {
    let mut asked: Asked<'_> = BTreeMap::new();
    for reference in lists.iter().flat_map(|list| &list.references) {
        asked.entry((&reference.product, &reference.package)).or_default().push(reference);
    }
    asked
}

/// What is said of a host with this system and running kernel that has these packages, among others perhaps.
#[must_use]
pub fn judge_host(
    asked: &Asked<'_>,
    (os, kernel): (Option<&str>, &str),
    packages: &[&Package<'_>],
    at: Timestamp,
) -> Vec<ComparedProduct> {
    let judge = |((product, package), references): (&(&str, &str), &Vec<&Reference>)| {
        let installed: Vec<Installed<'_>> = packages
            .iter()
            .filter(|candidate| candidate.name == *package)
            .map(|found| Installed { version: &found.version, arch: &found.arch, packager: found.packager })
            .collect();
        let verdict = compare::judge(references, os, kernel, &installed, at)?;
        let mut versions: Vec<String> = installed.iter().map(|found| found.version.to_owned()).collect();
        versions.sort();
        versions.dedup();
        Some(ComparedProduct {
            product: (*product).to_owned(),
            package: (*package).to_owned(),
            installed: versions,
            verdict,
        })
    };
    asked.iter().filter_map(judge).collect()
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
