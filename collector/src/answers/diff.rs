//! What differs between two dates of a host, or between two hosts.

use jiff::Timestamp;

use super::change::changed_packages;
use super::{AnswerError, one_host};
use crate::access::Scope;
use crate::history::{self, Interval};
use crate::package_set::Difference;
use crate::store::Store;
use crate::table::{Cell, Table};

/// What to compare.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// The host.
    pub host: &'a str,
    /// Another host; without one the host is compared with its own past.
    pub other: Option<&'a str>,
    /// The first date; without one just before the last change.
    pub from: Option<Timestamp>,
    /// The second date.
    pub to: Timestamp,
    /// The site, when several have hosts of these names.
    pub site: Option<&'a str>,
}

/// Packages that differ between hosts that may be seen, one a row.
///
/// # Errors
/// [`AnswerError`].
pub async fn answer(store: &Store, scope: &Scope, sides: Sides<'_>) -> Result<Table, AnswerError> {
    let (first, second) = match sides.other {
        Some(other) => {
            let date = sides.from.unwrap_or(sides.to);
            (
                list_at(store, scope, sides.host, sides.site, date).await?,
                list_at(store, scope, other, sides.site, sides.to).await?,
            )
        }
        None => {
            let to = interval_at(store, scope, sides.host, sides.site, sides.to).await?;
            let from = match sides.from {
                Some(from) => interval_at(store, scope, sides.host, sides.site, from).await?,
                None => interval_at(store, scope, sides.host, sides.site, super::time(to.from - 1)).await?,
            };
            (from.facts.list, to.facts.list)
        }
    };
    let difference = Difference::between(&store.list(first).await?, &store.list(second).await?);
    let rows = changed_packages(store, &difference).await?.into_iter().map(|change| {
        vec![
            Cell::Text(change.name),
            Cell::Text(change.arch),
            Cell::Text(change.from.unwrap_or_default()),
            Cell::Text(change.to.unwrap_or_default()),
        ]
    });
    Ok(Table { columns: vec!["package", "arch", "from", "to"], rows: rows.collect() })
}

async fn list_at(
    store: &Store,
    scope: &Scope,
    name: &str,
    site: Option<&str>,
    at: Timestamp,
) -> Result<i64, AnswerError> {
    Ok(interval_at(store, scope, name, site, at).await?.facts.list)
}

async fn interval_at(
    store: &Store,
    scope: &Scope,
    name: &str,
    site: Option<&str>,
    at: Timestamp,
) -> Result<Interval, AnswerError> {
    let (host, _) = one_host(store, scope, name, site).await?;
    let intervals = history::intervals(store.runs(host).await?);
    intervals
        .into_iter()
        .rev()
        .find(|interval| interval.from <= at.as_second())
        .ok_or_else(|| AnswerError::TooEarly { name: name.to_owned(), at })
}
