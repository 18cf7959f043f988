//! What waits, failed or is held.

use super::{AnswerError, time};
use crate::access::Scope;
use crate::store::{InboxState, Store};
use crate::table::{Cell, Table};

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
