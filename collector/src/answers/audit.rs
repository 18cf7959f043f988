//! Who did what, when and from where.

use jiff::Timestamp;

use super::time;
use crate::store::{AuditFilter, Store, StoreError};
use crate::table::{Cell, Table};

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub person: String,
    /// Their role then.
    pub role: String,
    /// Where they came from.
    pub source: String,
    /// What they did.
    pub action: String,
    /// What it was done to.
    pub object: String,
}

/// Lines of the audit log, newest first. Only officers may see them.
///
/// # Errors
/// [`StoreError`].
pub async fn entries(store: &Store, wanted: AuditFilter<'_>) -> Result<Vec<Entry>, StoreError> {
    let lines = store.audit_lines(wanted).await?.into_iter().map(|line| Entry {
        id: line.id,
        at: time(line.at),
        person: line.person,
        role: line.role,
        source: line.source,
        action: line.action,
        object: line.object,
    });
    Ok(lines.collect())
}

/// Lines as rows.
#[must_use]
pub fn table(entries: Vec<Entry>) -> Table {
    let rows = entries.into_iter().map(|entry| {
        vec![
            Cell::Time(Some(entry.at)),
            Cell::Text(entry.person),
            Cell::Text(entry.role),
            Cell::Text(entry.source),
            Cell::Text(entry.action),
            Cell::Text(entry.object),
        ]
    });
    Table { columns: vec!["time", "person", "role", "source", "action", "object"], rows: rows.collect() }
}
