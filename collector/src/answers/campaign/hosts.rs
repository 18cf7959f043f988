//! The hosts of sites that a campaign asks, one by one.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::host_list::next;
use super::super::judge::Judge;
use super::super::select::{Page, Place};
use super::super::standard::ComparedProduct;
use super::super::{AnswerError, time};
use super::progress::Reading;
use crate::access::Scope;
use crate::campaign::{Campaign, Exception};
use crate::compare::{State, Verdict};
use crate::history::day_of;
use crate::store::{HostFilter, PresentHost, Store};

/// A host that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignHost {
    /// Its site.
    pub site: String,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub verdict: Verdict,
    /// Its newest report.
    pub last_news: Timestamp,
    /// Whether it need not be done for now.
    pub excepted: bool,
}

impl CampaignHost {
    /// Whether it is still to be done.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.verdict.state != State::Compliant && !self.excepted
    }
}

/// The hosts that are asked now and may be seen: by site, those of most concern first.
///
/// # Errors
/// [`AnswerError`].
pub async fn hosts(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    campaign: &Campaign,
    exceptions: &[Exception],
    reading: Reading,
) -> Result<Vec<CampaignHost>, AnswerError> {
    let all = (None, usize::MAX);
    let mut hosts = page(store, judge, scope, campaign, exceptions, all, reading).await?.items;
    let order = |host: &CampaignHost| (std::cmp::Reverse(host.is_open()), std::cmp::Reverse(host.verdict.state));
    hosts.sort_by(|left, right| {
        left.site.cmp(&right.site).then_with(|| order(left).cmp(&order(right))).then_with(|| left.name.cmp(&right.name))
    });
    Ok(hosts)
}

/// The same hosts by site and name after a place, at most so many.
///
/// # Errors
/// [`AnswerError`].
pub async fn page(
    store: &Store,
    judge: &Judge,
    scope: &Scope,
    campaign: &Campaign,
    exceptions: &[Exception],
    (after, limit): (Option<&Place>, usize),
    reading: Reading,
) -> Result<Page<CampaignHost, Place>, AnswerError> {
    let scope = campaign.within(scope);
    let groups = store.present_groups(&scope, reading.stale_before()).await?;
    let states: Vec<(i64, i64)> = groups.iter().map(|group| (group.list, group.facts)).collect();
    let standard = judge.standard(vec![Arc::new(campaign.references.clone())], reading.now);
    let mut judged = judge.judge(store, &standard, &states).await?;
    judged.retain(|_, judged| !judged.packages.is_empty());
    let mut lists: Vec<i64> = judged.keys().map(|(list, _)| *list).collect();
    lists.sort_unstable();
    lists.dedup();
    let filter = HostFilter {
        scope: &scope,
        after: after.map(|(site, name)| (site.as_str(), name.as_str())),
        lists: Some(&lists),
        name: None,
        changed_since: None,
    };
    let is_asked = |host: &PresentHost| judged.contains_key(&(host.list, host.facts));
    let mut present = store.present_hosts(&filter, limit.saturating_add(1), is_asked).await?;
    let next = next(&mut present, limit, |host| (host.site.clone(), host.name.clone()));
    let today = day_of(reading.now.as_second());
    let concern = |found: &Arc<ComparedProduct>| found.verdict.state;
    let excepted = |site: &str, name: &str| {
        let of_host = |host: &Option<String>| host.as_deref().is_none_or(|host| host == name);
        let fits = |exception: &&Exception| exception.site == site && of_host(&exception.host);
        exceptions.iter().filter(fits).any(|exception| exception.is_in_force(today))
    };
    let items = present
        .into_iter()
        .filter_map(|host| {
            let packages = &judged.get(&(host.list, host.facts))?.packages;
            let worst =
                packages.iter().reduce(|worst, next| if concern(next) > concern(worst) { next } else { worst })?;
            let last_news = time(host.last_news);
            let ComparedProduct { package, verdict, .. } =
                worst.with_age(last_news, reading.now, reading.stale_after_days);
            let verdict = Verdict { reason: format!("{package}: {}", verdict.reason), ..verdict };
            let excepted = verdict.state != State::Compliant && excepted(&host.site, &host.name);
            Some(CampaignHost { site: host.site, name: host.name, verdict, last_news, excepted })
        })
        .collect();
    Ok(Page { items, next, hosts: None })
}
