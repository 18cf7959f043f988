//! What waits, failed or is held.

use report::hash::Hash;

use super::{AnswerError, time};
use crate::access::Scope;
use crate::problem::Problem;
use crate::store::{InboxEntry, InboxState, Pinned, Store, StoreError};
use crate::table::{Cell, Table};

/// What is known of a report without opening it.
#[derive(Debug)]
pub struct ReportAnswer {
    /// The report.
    pub report: InboxEntry,
    /// Whether its sealed bytes are still there.
    pub kept: bool,
    /// What the host that it claims to be of is known by.
    pub pinned: Option<Pinned>,
    /// Names near to the site that it claims to be of, where that is not known.
    pub near: Vec<String>,
}

/// One report of the inbox that may be seen, if it is there.
///
/// # Errors
/// [`StoreError`].
pub async fn report(store: &Store, scope: &Scope, hash: Hash) -> Result<Option<ReportAnswer>, StoreError> {
    let Some((report, kept)) = store.inbox_entry(scope, hash).await? else { return Ok(None) };
    let pinned = if report.host.is_empty() { None } else { store.pinned(&report.site, &report.host).await? };
    let unknown = report.problem == Problem::UnknownSite.as_str();
    let near = if unknown { near(store, &report.site).await? } else { Vec::new() };
    Ok(Some(ReportAnswer { report, kept, pinned, near }))
}

/// How many reports of sites that may be seen a person has to look at, by what became of them; none where there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn set_aside(store: &Store, scope: &Scope) -> Result<Vec<(InboxState, i64)>, StoreError> {
    let counted = store.inbox_states(scope).await?;
    let of = |state: InboxState| {
        let count = counted.iter().find(|count| count.state == state.as_str())?;
        Some((state, count.reports))
    };
    Ok([InboxState::Held, InboxState::Unreadable].into_iter().filter_map(of).collect())
}

/// Names of known sites that are near to one that is not.
///
/// # Errors
/// [`StoreError`].
pub async fn near(store: &Store, site: &str) -> Result<Vec<String>, StoreError> {
    Ok(store.directory().await?.near(site).into_iter().map(str::to_owned).collect())
}

/// Reports in the inbox that may be seen, newest first.
///
/// # Errors
/// [`AnswerError`].
pub async fn answer(store: &Store, scope: &Scope, state: Option<InboxState>, limit: u32) -> Result<Table, AnswerError> {
    let rows = store.inbox(scope, state, i64::from(limit)).await?.into_iter().map(|entry| {
        vec![
            Cell::Text(entry.hash),
            Cell::Time(Some(time(entry.received))),
            Cell::Number(entry.size),
            Cell::Text(entry.state),
            Cell::Text(entry.site),
            Cell::Text(entry.host),
            Cell::Text(entry.sender),
            Cell::Text(entry.source),
            Cell::Text(entry.problem),
            Cell::Text(entry.reason),
        ]
    });
    let columns = vec!["report", "received", "size", "state", "site", "host", "sender", "source", "problem", "reason"];
    Ok(Table { columns, rows: rows.collect() })
}
