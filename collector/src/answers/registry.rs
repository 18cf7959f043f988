//! What is known of sites, as rows.

use super::AnswerError;
use crate::registry::{SiteEntry, Source, join_prefixes};
use crate::store::Store;
use crate::table::{Cell, Table};

/// Every site that a registry or the operator names, by name.
///
/// # Errors
/// [`AnswerError`].
pub async fn answer(store: &Store) -> Result<Table, AnswerError> {
    let directory = store.directory().await?;
    let columns = vec!["site", "known_by", "country", "tier", "contact", "security", "networks", "also_called"];
    Ok(Table { columns, rows: directory.iter().map(row).collect() })
}

fn row(entry: &SiteEntry) -> Vec<Cell> {
    let SiteEntry { sources, site } = entry;
    let known_by: Vec<&str> = sources.iter().map(|source| Source::as_str(*source)).collect();
    [
        site.name.clone(),
        known_by.join(" "),
        site.country.clone(),
        site.tier.clone(),
        site.contact.join(" "),
        site.security.join(" "),
        join_prefixes(&site.prefixes),
        site.aliases.join(" "),
    ]
    .map(Cell::Text)
    .into()
}
