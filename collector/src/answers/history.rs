//! How a host changed over time.

use super::timeline;
use super::{AnswerError, one_host};
use crate::access::Scope;
use crate::store::Store;
use crate::table::{Cell, Table};

/// The states of a host, oldest first, with what came and went.
///
/// # Errors
/// [`AnswerError`].
pub async fn answer(store: &Store, scope: &Scope, name: &str, site: Option<&str>) -> Result<Table, AnswerError> {
    let (host, site) = one_host(store, scope, name, site).await?;
    let rows = timeline::of(store, host).await?.into_iter().map(|step| {
        let said = step.facts.iter().map(|change| format!("{}: {} -> {}", change.name, change.from, change.to));
        let changes: Vec<String> = step.changes.iter().map(ToString::to_string).chain(said).collect();
        vec![
            Cell::Text(site.clone()),
            Cell::Text(name.to_owned()),
            Cell::Time(Some(step.from)),
            Cell::Time(Some(step.last_seen)),
            Cell::Time(step.until),
            Cell::Number(i64::try_from(step.reports).unwrap_or(i64::MAX)),
            Cell::Number(i64::try_from(step.packages).unwrap_or(i64::MAX)),
            Cell::Text(changes.join(", ")),
        ]
    });
    let columns = vec!["site", "host", "from", "last_seen", "until", "reports", "packages", "changes"];
    Ok(Table { columns, rows: rows.collect() })
}
