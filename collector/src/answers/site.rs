//! One site: its hosts with their states and warnings, in a number of queries that does not grow with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::campaign::{self, Reading, SiteInCampaign};
use super::facts::Facts;
use super::judge::Judge;
use super::matrix::{self, Line};
use super::standard::{Judged, Standard};
use super::warnings::{self, Newest, Warning, WarningKind};
use super::{AnswerError, time};
use crate::access::Scope;
use crate::compare::State;
use crate::registry::SiteEntry;
use crate::store::{InboxEntry, Store};

/// Its newest reports that are told of.
const REPORTS: i64 = 15;

/// A site.
#[derive(Debug)]
pub struct SiteAnswer {
    /// What registries say of it; none for a site that none of them knows.
    pub entry: Option<SiteEntry>,
    /// Every product that something is asked of.
    pub products: Vec<String>,
    /// Its hosts by state, in all and for each product; none for a site that never reported.
    pub line: Option<Line>,
    /// Its hosts by name.
    pub hosts: Vec<SiteHost>,
    /// Open campaigns that ask it.
    pub campaigns: Vec<SiteInCampaign>,
    /// The newest reports that are of it, or claim to be.
    pub reports: Vec<InboxEntry>,
}

impl SiteAnswer {
    /// The systems that its hosts have, by name.
    #[must_use]
    pub fn systems(&self) -> Vec<String> {
        let mut systems: Vec<String> = self.hosts.iter().map(|host| host.os().to_owned()).collect();
        systems.sort();
        systems.dedup();
        systems
    }

    /// How many hosts have each kind of warning.
    #[must_use]
    pub fn warnings(&self) -> BTreeMap<WarningKind, usize> {
        let mut kinds = BTreeMap::new();
        for warning in self.hosts.iter().flat_map(|host| &host.warnings) {
            *kinds.entry(warning.kind()).or_default() += 1;
        }
        kinds
    }
}

/// A site as far as it may be seen; none when there is no such site, or it may not be seen.
///
/// # Errors
/// [`AnswerError`].
pub async fn answer(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    name: &str,
    reading: Reading,
) -> Result<Option<SiteAnswer>, AnswerError> {
    if !scope.holds(name) {
        return Ok(None);
    }
    let (scope, ages) = (&scope.narrowed(Some(name)), (reading.now, reading.stale_after_days));
    let entry = Some(store.site_entry(name).await?).filter(|entry| !entry.sources.is_empty());
    let matrix = matrix::at_present(store, judge, scope, reading.now, reading.stale_after_days).await?;
    let line = matrix.sites.into_iter().next();
    if line.is_none() && entry.is_none() {
        return Ok(None);
    }
    let standard = judge.standard_at(store, reading.now).await?;
    let outside = |source: &str| entry.as_ref().is_some_and(|entry| entry.is_outside(source));
    let hosts = hosts(store, judge, &standard, scope, name, outside, ages).await?;
    let campaigns = campaign::of_site(store, judge, scope, name, reading).await?;
    let reports = store.inbox_of_site(name, REPORTS).await?;
    Ok(Some(SiteAnswer { entry, products: matrix.products, line, hosts, campaigns, reports }))
}

/// A host of a site.
#[derive(Debug, Clone)]
pub struct SiteHost {
    /// Its name.
    pub name: String,
    /// What its header lines say.
    pub facts: Arc<Facts>,
    /// Its newest report.
    pub last_news: Timestamp,
    /// What the references say of its packages, however old the news.
    pub judged: Arc<Judged>,
    /// What is strange about it.
    pub warnings: Vec<Warning>,
}

impl SiteHost {
    /// Its system: the short name, or its own words where it has none.
    #[must_use]
    pub fn os(&self) -> &str {
        self.facts.os.as_deref().unwrap_or(&self.facts.system)
    }

    /// Whether its news are too old to say how it stands.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.warnings.iter().any(|warning| matches!(warning, Warning::Stale(_)))
    }

    /// How it stands, in one product or in all, and why; none when it has nothing of that product.
    #[must_use]
    pub fn state(&self, product: Option<&str>) -> Option<(State, String)> {
        let asked = self.judged.packages.iter().filter(|found| product.is_none_or(|product| product == found.product));
        let worst = asked.max_by_key(|found| found.verdict.state);
        if product.is_some() && worst.is_none() {
            return None;
        }
        if let Some(stale) = self.warnings.iter().find(|warning| matches!(warning, Warning::Stale(_))) {
            return Some((State::Unknown, stale.to_string()));
        }
        Some(match worst {
            Some(found) => (found.verdict.state, format!("{}: {}", found.package, found.verdict.reason)),
            None => (State::Unknown, "none of the packages that are asked for is installed".to_owned()),
        })
    }
}

/// Every host of a site by name, as far as it may be seen.
async fn hosts(
    store: &Store,
    judge: &Judge,
    standard: &Standard,
    scope: &Scope,
    site: &str,
    outside: impl Fn(&str) -> bool,
    (now, stale_after_days): (Timestamp, u32),
) -> Result<Vec<SiteHost>, AnswerError> {
    let hosts = store.hosts_now(&scope.narrowed(Some(site))).await?;
    let states: Vec<(i64, i64)> = hosts.iter().map(|host| (host.list, host.facts)).collect();
    let judged = judge.judge(store, standard, &states).await?;
    let facts = judge.facts(store, hosts.iter().map(|host| host.facts)).await?;
    let found = hosts.into_iter().map(|host| {
        let facts = facts.get(&host.facts).cloned().unwrap_or_default();
        let newest = Newest {
            collected: host.last_news,
            received: host.received,
            source: &host.source,
            signed: host.signed,
            complaint: &facts.complaint,
        };
        SiteHost {
            warnings: warnings::of(newest, &outside, now, stale_after_days),
            judged: judged.get(&(host.list, host.facts)).cloned().unwrap_or_default(),
            last_news: time(host.last_news),
            name: host.name,
            facts,
        }
    });
    Ok(found.collect())
}
