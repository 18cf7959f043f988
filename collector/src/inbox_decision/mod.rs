//! What a person decides on reports in the inbox: a sender is approved, its reports are rejected, or they wait again.

pub mod alike;

use report::hash::Hash;
use report::sealed::Signer;

use crate::access::deed::By;
use crate::problem::Problem;
use crate::registry::Site;
use crate::sender::{self, Doubt, Known, Policy, Unsigned};
use crate::store::{ClaimedSender, InboxEntry, InboxState, Store, StoreError, Writing, retrying};

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

impl Approved {
    /// What was done, in one line that may hold what a host says of itself.
    #[must_use]
    pub fn described(&self) -> String {
        match self {
            Approved::Sender { site, host, key: Some(key), .. } => {
                format!("{host} at {site} is known by key {key} from now on")
            }
            Approved::Sender { site, host, key: None, .. } => {
                format!("{host} at {site} may go without a signature from now on")
            }
            Approved::Site { site, .. } => format!("declared {site}"),
        }
    }

    /// How many held reports wait to be opened again.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        match self {
            Approved::Sender { waiting, .. } | Approved::Site { waiting, .. } => *waiting,
        }
    }
}

/// Believes a report that is held for doubts about its sender or its site, and lets what is held for the same doubts
/// wait to be opened again.
///
/// The host is known by that report's key from now on, or may go without one; an unknown site is declared. `by` says who
/// decides, from where and when; what they did is noted with it.
///
/// # Errors
/// [`DecisionError`]; nothing has changed then.
pub async fn approve(store: &Store, report: Hash, by: By<'_>) -> Result<Approved, DecisionError> {
    retrying(|| try_approve(store, report, by)).await?
}

async fn try_approve(store: &Store, report: Hash, by: By<'_>) -> Result<Result<Approved, DecisionError>, StoreError> {
    let mut writing = store.begin().await?;
    let Some(entry) = writing.inbox_entry(report).await? else { return Ok(Err(DecisionError::NoReport(report))) };
    let of_site = entry.state == InboxState::Held.as_str() && entry.problem == Problem::UnknownSite.as_str();
    let approved =
        if of_site { declare(&mut writing, &entry, by.at).await? } else { pin(&mut writing, &entry, by).await? };
    let approved = match approved {
        Ok(approved) => approved,
        Err(error) => return Ok(Err(error)),
    };
    let object = format!("{report}: {}", approved.described());
    writing.audit(&by.did("inbox approve", &object)).await?;
    writing.commit().await?;
    Ok(Ok(approved))
}

async fn declare(
    writing: &mut Writing,
    entry: &InboxEntry,
    now: i64,
) -> Result<Result<Approved, DecisionError>, StoreError> {
    let site = match Site::declare(&entry.site, (None, None), (&[], &[]), &[]) {
        Ok(site) => site,
        Err(error) => {
            return Ok(Err(DecisionError::CannotApprove { report: entry.hash.clone(), why: error.to_string() }));
        }
    };
    let waiting = writing.declare_site(&site, now).await?;
    Ok(Ok(Approved::Site { site: site.name, waiting }))
}

async fn pin(
    writing: &mut Writing,
    entry: &InboxEntry,
    by: By<'_>,
) -> Result<Result<Approved, DecisionError>, StoreError> {
    let key = match sender_to_approve(entry) {
        Ok(key) => key,
        Err(error) => return Ok(Err(error)),
    };
    if let Err(error) = pin_to(writing, entry, key, by).await? {
        return Ok(Err(error));
    }
    let waiting = writing.release(&entry.site, &entry.host, key).await?;
    Ok(Ok(Approved::Sender { site: entry.site.clone(), host: entry.host.clone(), key, waiting }))
}

/// Pins the host of a report, unless it is in other trouble by now.
async fn pin_to(
    writing: &mut Writing,
    entry: &InboxEntry,
    key: Option<Hash>,
    by: By<'_>,
) -> Result<Result<(), DecisionError>, StoreError> {
    let host = (entry.site.as_str(), entry.host.as_str());
    match doubt_now(entry, key, &writing.known_sender(host, key).await?) {
        Some(doubt) if doubt.problem().as_str() == entry.problem => {
            writing.pin_approved(host, key, by.at, by.person).await?;
            writing.forgive_senders(&claimed(entry)).await?;
        }
        Some(doubt) => {
            let why = format!(
                "meanwhile it would be held for another reason ({doubt}): let it wait again first (`inbox retry`)"
            );
            return Ok(Err(DecisionError::CannotApprove { report: entry.hash.clone(), why }));
        }
        None => {}
    }
    Ok(Ok(()))
}

/// Decides that a held or unreadable report never becomes history, with all that is held of the same sender for the same
/// trouble; returns how many. They stay sealed, and what that sender sends for that host later is rejected as well. `by` says who decides, from where and when.
///
/// # Errors
/// [`DecisionError`]; nothing has changed then.
pub async fn reject(store: &Store, report: Hash, reason: &str, by: By<'_>) -> Result<u64, DecisionError> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(DecisionError::NoReason);
    }
    retrying(|| try_reject(store, report, reason, by)).await?
}

async fn try_reject(
    store: &Store,
    report: Hash,
    reason: &str,
    by: By<'_>,
) -> Result<Result<u64, DecisionError>, StoreError> {
    let mut writing = store.begin().await?;
    let Some(entry) = writing.inbox_entry(report).await? else { return Ok(Err(DecisionError::NoReport(report))) };
    if ![InboxState::Held, InboxState::Unreadable].iter().any(|state| entry.state == state.as_str()) {
        return Ok(Err(DecisionError::NotHeld { report, state: entry.state }));
    }
    let told = format!("rejected by {}: {reason}", by.person);
    let number = match Problem::named(&entry.problem) {
        Some(problem) if problem.is_of_a_sender() && !entry.host.is_empty() => {
            writing.reject_senders(&claimed(&entry), &told).await?;
            writing.reject_of_sender(&entry, &told).await?
        }
        _ => writing.reject_one(report, &told).await?,
    };
    let object = format!("{report} and all like it, {number} reports: {reason}");
    writing.audit(&by.did("inbox reject", &object)).await?;
    writing.commit().await?;
    Ok(Ok(number))
}

/// Lets one report that was set aside wait to be opened again, or all that are held or unreadable; returns how many.
/// Of a rejected report the sender is no longer rejected either. `by` says who decides, from where and when.
///
/// # Errors
/// [`StoreError`].
pub async fn retry(store: &Store, report: Option<Hash>, by: By<'_>) -> Result<u64, StoreError> {
    retrying(|| async {
        let mut writing = store.begin().await?;
        if let Some(report) = report
            && let Some(entry) = writing.inbox_entry(report).await?
            && entry.state == InboxState::Rejected.as_str()
        {
            writing.forgive_senders(&claimed(&entry)).await?;
        }
        let number = writing.retry_inbox(report).await?;
        let which = report.map_or_else(|| "all that are held or unreadable".to_owned(), |report| report.to_string());
        let object = format!("{which}, {number} reports");
        writing.audit(&by.did("inbox retry", &object)).await?;
        writing.commit().await?;
        Ok(number)
    })
    .await
}

/// The sender of a report, if there is doubt about it.
fn claimed(entry: &InboxEntry) -> Vec<ClaimedSender> {
    let problem = Problem::named(&entry.problem).filter(|problem| problem.is_doubt() && !entry.host.is_empty());
    let sender = |problem| ClaimedSender {
        site: entry.site.clone(),
        host: entry.host.clone(),
        key: entry.sender.clone(),
        problem,
    };
    problem.map(sender).into_iter().collect()
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
