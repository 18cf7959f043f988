//! Answers to people's questions: each reads the store in a number of queries that does not grow with the hosts shown.

pub mod audit;
pub mod campaign;
pub mod change;
pub mod compare;
pub mod diff;
pub mod effect;
pub mod facts;
pub mod find;
pub mod history;
pub mod host;
pub mod host_list;
pub mod hosts;
pub mod inbox;
pub mod judge;
mod lines;
pub mod matrix;
pub mod product;
pub mod references;
pub mod registry;
pub mod select;
pub mod site;
pub mod spread;
pub mod standard;
pub mod timeline;
pub mod warnings;
pub mod who;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use self::facts::Facts;
use crate::access::Scope;
use crate::query::QueryError;
use crate::reference::ReferenceError;
use crate::store::{HostState, Store, StoreError};

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The question itself.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A stored reference list.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// No host of that name.
    #[error("no host named {0:?} has reported: `hosts` lists those that have")]
    NoHost(String),
    /// Several hosts of that name.
    #[error("{name:?} is a host at {sites}: say which with --site")]
    ManyHosts {
        /// The name.
        name: String,
        /// The sites, joined by commas.
        sites: String,
    },
    /// No report so early.
    #[error("{name:?} has no report by {at}: its history begins later")]
    TooEarly {
        /// The host.
        name: String,
        /// The date asked for.
        at: Timestamp,
    },
    /// A campaign of that name or number.
    #[error("no campaign {0:?}: `campaign list` shows those there are")]
    NoCampaign(String),
    /// A stored campaign.
    #[error(transparent)]
    Campaign(#[from] crate::campaign::CampaignError),
    /// A list of that name.
    #[error("no reference list named {0:?}: `reference list` shows those there are")]
    NoList(String),
    /// A version of that list.
    #[error("no version {number} of the reference list {name:?}: `reference list` shows those there are")]
    NoVersion {
        /// The list.
        name: String,
        /// The version asked for.
        number: i64,
    },
}

/// A host at a date, with what its header lines said.
#[derive(Debug, Clone)]
pub struct Host {
    /// As stored.
    pub state: HostState,
    /// Short name of the operating system, such as `el9`.
    pub os: Option<String>,
    /// The operating system in its own words.
    pub system: String,
    /// Running kernel.
    pub kernel: String,
    /// Tag that the site gave it.
    pub tag: String,
}

/// Every host that may be seen and had reported by `at`, by site and name.
///
/// # Errors
/// [`StoreError`].
pub async fn hosts_at(store: &Store, scope: &Scope, at: Timestamp) -> Result<Vec<Host>, StoreError> {
    let states = store.hosts_at(scope, at.as_second()).await?;
    let ids: Vec<i64> = states.iter().map(|state| state.facts).collect();
    let read: HashMap<i64, Facts> =
        store.facts(&ids).await?.into_iter().map(|(id, text)| (id, Facts::read(&text))).collect();
    let host = |state: HostState| {
        let Facts { os, system, kernel, tag, .. } = read.get(&state.facts).cloned().unwrap_or_default();
        Host { state, os: os.as_deref().map(str::to_owned), system, kernel: kernel.as_ref().to_owned(), tag }
    };
    Ok(states.into_iter().map(host).collect())
}

/// The one host of that name that may be seen, at `site` when several sites have one: its id and site.
///
/// # Errors
/// [`AnswerError::NoHost`] or [`AnswerError::ManyHosts`].
pub async fn one_host(
    store: &Store,
    scope: &Scope,
    name: &str,
    site: Option<&str>,
) -> Result<(i64, String), AnswerError> {
    let hosts = store.hosts_named(&scope.narrowed(site), name).await?;
    match hosts.as_slice() {
        [] => Err(AnswerError::NoHost(name.to_owned())),
        [(id, site, _)] => Ok((*id, site.clone())),
        several => {
            let sites: Vec<&str> = several.iter().map(|(_, site, _)| site.as_str()).collect();
            Err(AnswerError::ManyHosts { name: name.to_owned(), sites: sites.join(", ") })
        }
    }
}

/// A stored second as a time.
#[must_use]
pub fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// What a lock guards: a panic elsewhere has left it as whole as it was.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
