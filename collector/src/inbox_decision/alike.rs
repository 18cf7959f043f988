//! Decisions on many reports at once: all of one trouble, site, host or sender that a person has seen.

use report::hash::Hash;

use super::{DecisionError, pin_to, sender_to_approve};
use crate::access::deed::By;
use crate::store::{InboxFilter, InboxState, Store, StoreError, retrying};

/// Hosts that are pinned in one transaction.
const BATCH: usize = 200;

/// What an approval of many did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApprovedAlike {
    /// Hosts that are known by another key, or may go without.
    pub hosts: u64,
    /// Reports that wait to be opened again.
    pub waiting: u64,
    /// Hosts that were left for a decision of their own: with reports of several keys, or in other trouble by now.
    pub left: u64,
}

/// Believes the sender of every host that a filter lets through, each by its newest report; `by` says who decides, from
/// where and when. What one of several keys signed for a host is left: nobody has said which of them is right.
///
/// Hosts are pinned before any report is released: of those that share a key none is judged by the old one meanwhile.
///
/// # Errors
/// [`DecisionError::Store`]; what was approved until then stays approved, and the same again does the rest.
pub async fn approve(store: &Store, filter: &InboxFilter, by: By<'_>) -> Result<ApprovedAlike, DecisionError> {
    let filter = InboxFilter { state: Some(InboxState::Held), ..filter.clone() };
    let hosts = store.inbox_hosts(&filter).await?;
    let mut done = ApprovedAlike::default();
    let mut reports: Vec<Hash> = Vec::with_capacity(hosts.len());
    for of_host in hosts {
        match of_host.hash.parse() {
            Ok(report) if of_host.keys == 1 => reports.push(report),
            _ => done.left += 1,
        }
    }
    let mut pinned = Vec::with_capacity(reports.len());
    for reports in reports.chunks(BATCH) {
        pinned.extend(retrying(|| pin(store, reports, by)).await?);
    }
    done.hosts = u64::try_from(pinned.len()).unwrap_or(u64::MAX);
    done.left += u64::try_from(reports.len() - pinned.len()).unwrap_or(u64::MAX);
    for hosts in pinned.chunks(BATCH) {
        done.waiting += retrying(|| release(store, hosts)).await?;
    }
    Ok(done)
}

/// A host with the key that it is known by from now on.
type PinnedHost = (String, String, Option<Hash>);

async fn pin(store: &Store, reports: &[Hash], by: By<'_>) -> Result<Vec<PinnedHost>, StoreError> {
    let mut writing = store.begin().await?;
    let mut pinned = Vec::with_capacity(reports.len());
    for report in reports {
        let Some(entry) = writing.inbox_entry(*report).await? else { continue };
        let Ok(key) = sender_to_approve(&entry) else { continue };
        if pin_to(&mut writing, &entry, key, by).await?.is_err() {
            continue;
        }
        let known = key.map_or_else(|| "without a signature".to_owned(), |key| format!("by key {key}"));
        let object = format!("{report}, with others: {} at {} is known {known} from now on", entry.host, entry.site);
        writing.audit(&by.did("inbox approve", &object)).await?;
        pinned.push((entry.site, entry.host, key));
    }
    writing.commit().await?;
    Ok(pinned)
}

async fn release(store: &Store, hosts: &[PinnedHost]) -> Result<u64, StoreError> {
    let mut writing = store.begin().await?;
    let mut waiting = 0;
    for (site, host, key) in hosts {
        waiting += writing.release(site, host, *key).await?;
    }
    writing.commit().await?;
    Ok(waiting)
}

/// Decides that what a filter lets through never becomes history; returns how many reports that are. They stay sealed, and what
/// their senders send for the same hosts later is rejected as well.
///
/// # Errors
/// [`DecisionError`]; nothing has changed then.
pub async fn reject(store: &Store, filter: &InboxFilter, reason: &str, by: By<'_>) -> Result<u64, DecisionError> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(DecisionError::NoReason);
    }
    let told = format!("rejected by {}: {reason}", by.person);
    let rejected = retrying(|| async {
        let mut writing = store.begin().await?;
        let held = InboxFilter { state: Some(InboxState::Held), ..filter.clone() };
        let senders = writing.doubted_senders(&held).await?;
        writing.reject_senders(&senders, &told).await?;
        let number = writing.reject_alike(filter, &told).await?;
        let object = format!("{}, {number} reports: {reason}", described(filter));
        writing.audit(&by.did("inbox reject", &object)).await?;
        writing.commit().await?;
        Ok(number)
    });
    Ok(rejected.await?)
}

/// Lets what a filter lets through wait to be opened again; returns how many reports that are. The senders of those that were
/// rejected are no longer rejected either.
///
/// # Errors
/// [`StoreError`]; nothing has changed then.
pub async fn retry(store: &Store, filter: &InboxFilter, by: By<'_>) -> Result<u64, StoreError> {
    retrying(|| async {
        let mut writing = store.begin().await?;
        if filter.state.is_none_or(|state| state == InboxState::Rejected) {
            let rejected = InboxFilter { state: Some(InboxState::Rejected), ..filter.clone() };
            let senders = writing.doubted_senders(&rejected).await?;
            writing.forgive_senders(&senders).await?;
        }
        let number = writing.retry_alike(filter).await?;
        let object = format!("{}, {number} reports", described(filter));
        writing.audit(&by.did("inbox retry", &object)).await?;
        writing.commit().await?;
        Ok(number)
    })
    .await
}

/// A filter in words, for the audit log.
fn described(InboxFilter { state, problem, site, host, sender, before: _ }: &InboxFilter) -> String {
    let mut told = format!("all that are {}", state.map_or("in the inbox", InboxState::as_str));
    let sender = sender.as_deref().map(|key| if key.is_empty() { "none" } else { key });
    for (name, value) in [
        ("trouble", problem.map(crate::problem::Problem::as_str)),
        ("site", site.as_deref()),
        ("host", host.as_deref()),
        ("key", sender),
    ] {
        if let Some(value) = value {
            told.push_str(&format!(", {name} {value}"));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    #[test]
    fn the_audit_log_tells_what_was_decided_on() {
        let filter = InboxFilter {
            state: Some(InboxState::Held),
            problem: Some(Problem::KeyChanged),
            site: Some("A".to_owned()),
            sender: Some(String::new()),
            ..InboxFilter::default()
        };
        assert_eq!(described(&filter), "all that are held, trouble key_changed, site A, key none");
        assert_eq!(described(&InboxFilter::default()), "all that are in the inbox");
    }
}
