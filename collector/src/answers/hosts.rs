//! Every host with its last report.

use jiff::Timestamp;

use super::{AnswerError, hosts_at, time};
use crate::access::Scope;
use crate::store::Store;
use crate::table::{Cell, Table};

/// Hosts that may be seen, at a date; only those of `site` when one is given.
///
/// # Errors
/// [`AnswerError`].
pub async fn answer(store: &Store, scope: &Scope, at: Timestamp, site: Option<&str>) -> Result<Table, AnswerError> {
    let sizes = store.list_sizes().await?;
    let rows = hosts_at(store, &scope.narrowed(site), at).await?.into_iter().map(|host| {
        vec![
            Cell::Text(host.state.site),
            Cell::Text(host.state.name),
            Cell::Text(host.os.unwrap_or_default()),
            Cell::Text(host.system),
            Cell::Text(host.kernel),
            Cell::Text(host.tag),
            Cell::Number(sizes.get(&host.state.list).copied().unwrap_or_default()),
            Cell::Time(Some(time(host.state.last_news))),
        ]
    });
    let columns = vec!["site", "host", "os", "system", "kernel", "tag", "packages", "last_report"];
    Ok(Table { columns, rows: rows.collect() })
}
