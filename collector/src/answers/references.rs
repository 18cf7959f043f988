//! Reference lists as they are and as they were.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::{AnswerError, time};
use crate::reference::{Reference, ReferenceList};
use crate::store::{Store, StoreError};
use crate::table::{Cell, Table};

/// The version of each list that held at `at`; the first one for a date before it.
///
/// # Errors
/// [`AnswerError`].
pub async fn at(store: &Store, at: Timestamp) -> Result<Vec<ReferenceList>, AnswerError> {
    let ids = versions_at(store, at).await?;
    let mut contents: HashMap<i64, String> = store.reference_contents(&ids).await?.into_iter().collect();
    let lists = ids.iter().filter_map(|id| contents.remove(id));
    lists.map(|content| Ok(ReferenceList::from_toml(&content)?)).collect()
}

/// Ids of the versions that held at `at`, by name of their list; the first one of each for a date before it.
///
/// # Errors
/// [`StoreError`].
pub async fn versions_at(store: &Store, at: Timestamp) -> Result<Vec<i64>, StoreError> {
    let mut versions: BTreeMap<String, i64> = BTreeMap::new();
    for version in store.reference_versions().await? {
        if version.imported <= at.as_second() || !versions.contains_key(&version.name) {
            versions.insert(version.name, version.id);
        }
    }
    Ok(versions.into_values().collect())
}

/// The lists and their versions, oldest first.
///
/// # Errors
/// [`AnswerError`].
pub async fn versions(store: &Store) -> Result<Table, AnswerError> {
    let mut rows = Vec::new();
    for list in store.reference_lists().await? {
        let references = ReferenceList::from_toml(&list.content)?.references.len();
        rows.push(vec![
            Cell::Text(list.name),
            Cell::Time(Some(time(list.imported))),
            Cell::Text(list.author),
            Cell::Number(i64::try_from(references).unwrap_or(i64::MAX)),
        ]);
    }
    Ok(Table { columns: vec!["name", "imported", "author", "references"], rows })
}

/// Current references as a table, of one list or all.
///
/// # Errors
/// [`AnswerError`].
pub async fn export(store: &Store, now: Timestamp, name: Option<&str>) -> Result<Vec<ReferenceList>, AnswerError> {
    let mut lists = at(store, now).await?;
    if let Some(name) = name {
        lists.retain(|list| list.name == name);
        if lists.is_empty() {
            return Err(AnswerError::NoList(name.to_owned()));
        }
    }
    Ok(lists)
}

/// References as rows.
#[must_use]
pub fn table(lists: &[ReferenceList]) -> Table {
    let date = |date: Option<jiff::civil::Date>| Cell::Text(date.map(|date| date.to_string()).unwrap_or_default());
    let text = |text: &Option<String>| Cell::Text(text.clone().unwrap_or_default());
    let row = |list: &ReferenceList, reference: &Reference| {
        vec![
            Cell::Text(list.name.clone()),
            Cell::Text(reference.product.clone()),
            Cell::Text(reference.package.clone()),
            text(&reference.os),
            text(&reference.minimum),
            Cell::Text(reference.blocked.join(" ")),
            date(reference.since),
            date(reference.deadline),
            text(&reference.url),
        ]
    };
    let rows = lists.iter().flat_map(|list| list.references.iter().map(move |reference| row(list, reference)));
    let columns = vec!["list", "product", "package", "os", "minimum", "blocked", "since", "deadline", "url"];
    Table { columns, rows: rows.collect() }
}
