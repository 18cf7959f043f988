//! What a person decides on reports in the inbox: a sender is approved, or its reports are rejected for good.

use jiff::Timestamp;
use report::hash::Hash;
use report::sealed::Signer;

use crate::problem::Problem;
use crate::registry::Site;
use crate::sender::{self, Doubt, Known, Policy, Unsigned};
use crate::store::{InboxEntry, InboxState, Store, StoreError, retrying};

/// What an approval did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approved {
    /// A host is known by another key.
    Sender {
        /// Its site.
        site: String,
        /// Its name.
        host: String,
        /// The key that it is known by from now on; `None`: it may go without.
        key: Option<Hash>,
        /// How many held reports wait to be opened again.
        waiting: u64,
    },
    /// A site is known that is in no registry.
    Site {
        /// Its name.
        site: String,
        /// How many held reports wait to be opened again.
        waiting: u64,
    },
}

/// Believes a report that is held for doubts about its sender or its site, and lets what is held for the same doubts
/// wait to be opened again.
///
/// The host is known by that report's key from now on, or may go without one; an unknown site is declared.
///
/// # Errors
/// [`DecisionError`]; nothing has changed then.
pub async fn approve(store: &Store, report: Hash, author: &str, now: Timestamp) -> Result<Approved, DecisionError> {
    let (entry, _) = store.inbox_report(report).await?.ok_or(DecisionError::NoReport(report))?;
    if entry.state == InboxState::Held.as_str() && entry.problem == Problem::UnknownSite.as_str() {
        let site = Site::declare(&entry.site, (None, None), (&[], &[]), &[])
            .map_err(|error| DecisionError::CannotApprove { report: entry.hash, why: error.to_string() })?;
        let waiting = store.declare_site(&site, now.as_second()).await?;
        return Ok(Approved::Site { site: site.name, waiting });
    }
    retrying(|| approve_sender(store, report, author, now)).await?
}

async fn approve_sender(
    store: &Store,
    report: Hash,
    author: &str,
    now: Timestamp,
) -> Result<Result<Approved, DecisionError>, StoreError> {
    let mut writing = store.begin().await?;
    let Some(entry) = writing.inbox_entry(report).await? else { return Ok(Err(DecisionError::NoReport(report))) };
    let key = match sender_to_approve(&entry) {
        Ok(key) => key,
        Err(error) => return Ok(Err(error)),
    };
    let host = (entry.site.as_str(), entry.host.as_str());
    match doubt_now(&entry, key, &writing.known_sender(host, key).await?) {
        Some(doubt) if doubt.problem().as_str() == entry.problem => {
            writing.pin_approved(host, key, now.as_second(), author).await?;
        }
        Some(doubt) => {
            let why = format!("meanwhile it would be held for another reason ({doubt}): `inbox retry` it first");
            return Ok(Err(DecisionError::CannotApprove { report: entry.hash, why }));
        }
        None => {}
    }
    let waiting = writing.release(host.0, host.1, key).await?;
    writing.commit().await?;
    Ok(Ok(Approved::Sender { site: entry.site, host: entry.host, key, waiting }))
}

/// Decides that a held or unreadable report never becomes history, with all that is held of the same sender for the same
/// trouble; returns how many. They stay sealed.
///
/// # Errors
/// [`DecisionError`]; nothing has changed then.
pub async fn reject(store: &Store, report: Hash, reason: &str, author: &str) -> Result<u64, DecisionError> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(DecisionError::NoReason);
    }
    let told = format!("rejected by {author}: {reason}");
    let decided = retrying(|| async {
        let mut writing = store.begin().await?;
        let Some(entry) = writing.inbox_entry(report).await? else { return Ok(Err(DecisionError::NoReport(report))) };
        if ![InboxState::Held, InboxState::Unreadable].iter().any(|state| entry.state == state.as_str()) {
            return Ok(Err(DecisionError::NotHeld { report, state: entry.state }));
        }
        let number = match Problem::named(&entry.problem) {
            Some(problem) if problem.is_of_a_sender() && !entry.host.is_empty() => {
                writing.reject_of_sender(&entry, &told).await?
            }
            _ => writing.reject_one(report, &told).await?,
        };
        writing.commit().await?;
        Ok(Ok(number))
    });
    decided.await?
}

/// The key that approving a report pins.
fn sender_to_approve(entry: &InboxEntry) -> Result<Option<Hash>, DecisionError> {
    let report = || entry.hash.clone();
    if entry.state != InboxState::Held.as_str() {
        return Err(DecisionError::CannotApprove { report: report(), why: format!("it is {}, not held", entry.state) });
    }
    match Problem::named(&entry.problem) {
        Some(Problem::BadSignature) => Err(DecisionError::CannotApprove {
            report: report(),
            why: "it was changed after it was signed: reject it, the host reports again".to_owned(),
        }),
        Some(problem) if problem.is_of_a_sender() => {
            let key = (!entry.sender.is_empty()).then(|| entry.sender.parse()).transpose();
            key.map_err(|_| StoreError::Inconsistent(format!("sender of report {}", entry.hash)).into())
        }
        _ => Err(DecisionError::CannotApprove {
            report: report(),
            why: format!("neither its sender nor its site is in question, but: {}", entry.reason),
        }),
    }
}

/// What would be said of the report if it were opened now: another decision may have come first.
fn doubt_now(entry: &InboxEntry, key: Option<Hash>, known: &Known) -> Option<Doubt> {
    let signer = key.map(|key| Signer { key, subject: String::new() });
    let strict = Policy { unsigned: Unsigned::Hold, ..Policy::default() };
    sender::judge(&entry.site, signer.as_ref(), known, &strict).err()
}

/// Why a decision was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// No such report.
    #[error("no report {0} in the inbox: `inbox list` shows those there are")]
    NoReport(Hash),
    /// Decided already, or nothing to decide.
    #[error("report {report} is {state}: only held and unreadable reports can be rejected")]
    NotHeld {
        /// The report.
        report: Hash,
        /// Its state's word.
        state: String,
    },
    /// Nobody's word makes it believable.
    #[error("report {report} cannot be approved: {why}")]
    CannotApprove {
        /// The report.
        report: String,
        /// Why, and what to do.
        why: String,
    },
    /// A rejection without a reason.
    #[error("rejecting a report needs a reason, for those who ask later")]
    NoReason,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}
