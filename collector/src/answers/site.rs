//! One site: its hosts with their states and warnings, in a number of queries that does not grow with them.

use std::sync::Arc;

use jiff::Timestamp;

use super::facts::Facts;
use super::judge::Judge;
use super::standard::{Judged, Standard};
use super::warnings::{self, Newest, Warning};
use super::{AnswerError, time};
use crate::access::Scope;
use crate::compare::State;
use crate::store::Store;

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
///
/// # Errors
/// [`AnswerError`].
pub async fn hosts(
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
