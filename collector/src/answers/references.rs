//! Reference lists as they are and as they were, and what differs between two versions.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{AnswerError, time};
use crate::reference::difference::Difference;
use crate::reference::{COLUMNS, Reference, ReferenceList};
use crate::store::{Store, StoredList};
use crate::table::{Cell, Table};

/// The version of each list that held at `at`, without those that were retired; the first one for a date before it.
///
/// # Errors
/// [`AnswerError`].
pub async fn at(store: &Store, at: Timestamp) -> Result<Vec<ReferenceList>, AnswerError> {
    let ids: Vec<i64> = store.reference_versions_at(at.as_second()).await?.iter().map(|version| version.id).collect();
    let mut contents: HashMap<i64, String> = store.reference_contents(&ids).await?.into_iter().collect();
    let lists = ids.iter().filter_map(|id| contents.remove(id));
    lists.map(|content| Ok(ReferenceList::from_toml(&content)?)).collect()
}

/// The lists and their versions, oldest first.
///
/// # Errors
/// [`AnswerError`].
pub async fn versions(store: &Store) -> Result<Table, AnswerError> {
    let rows = store.reference_versions(None).await?.into_iter().map(|version| {
        vec![
            Cell::Text(version.name),
            Cell::Number(version.number),
            Cell::Time(Some(time(version.imported))),
            Cell::Text(version.author),
            Cell::Number(version.size),
            Cell::Text(version.note),
        ]
    });
    Ok(Table { columns: vec!["name", "version", "imported", "author", "references", "note"], rows: rows.collect() })
}

/// The lists that hold now, or one list whether it holds or was retired.
///
/// # Errors
/// [`AnswerError`].
pub async fn export(store: &Store, now: Timestamp, name: Option<&str>) -> Result<Vec<ReferenceList>, AnswerError> {
    let Some(name) = name else { return at(store, now).await };
    Ok(vec![version(store, name, None).await?.1])
}

/// A version of a list, the newest unless another is asked for.
///
/// # Errors
/// [`AnswerError::NoList`] or [`AnswerError::NoVersion`].
pub async fn version(
    store: &Store,
    name: &str,
    number: Option<i64>,
) -> Result<(StoredList, ReferenceList), AnswerError> {
    let stored = match number {
        Some(number) => store.reference_version(name, number).await?,
        None => store.newest_reference_version(name).await?,
    };
    let missing = || match number {
        Some(number) => AnswerError::NoVersion { name: name.to_owned(), number },
        None => AnswerError::NoList(name.to_owned()),
    };
    let stored = stored.ok_or_else(missing)?;
    let list = ReferenceList::from_toml(&stored.content)?;
    Ok((stored, list))
}

/// What differs between two versions of a list: by default the newest and the one before it.
///
/// # Errors
/// [`AnswerError::NoList`] or [`AnswerError::NoVersion`].
pub async fn difference(
    store: &Store,
    name: &str,
    from: Option<i64>,
    to: Option<i64>,
) -> Result<Difference, AnswerError> {
    let (later, after) = version(store, name, to).await?;
    let from = from.unwrap_or(later.version.number - 1);
    let before = if from == 0 { Vec::new() } else { version(store, name, Some(from)).await?.1.references };
    Ok(Difference::between(&before, &after.references))
}

/// References as rows.
#[must_use]
pub fn table(lists: &[ReferenceList]) -> Table {
    let row = |list: &ReferenceList, reference: &Reference| {
        let mut row = vec![Cell::Text(list.name.clone())];
        row.extend(reference.columns().map(|(_, value)| Cell::Text(value)));
        row
    };
    let rows = lists.iter().flat_map(|list| list.references.iter().map(move |reference| row(list, reference)));
    let mut columns = vec!["list"];
    columns.extend(COLUMNS);
    Table { columns, rows: rows.collect() }
}

/// A difference as rows: one for each reference that was added or removed, and for each value that was changed.
#[must_use]
pub fn difference_table(difference: &Difference) -> Table {
    let row = |change: &str, of: &Reference, column: &str, before: String, after: String| {
        let (product, package, os) = of.key();
        let texts = [change, product, package, os.unwrap_or_default(), column].map(|text| Cell::Text(text.to_owned()));
        texts.into_iter().chain([Cell::Text(before), Cell::Text(after)]).collect::<Vec<_>>()
    };
    let asked = |reference: &Reference| {
        let values = reference.columns().into_iter().skip(3).filter(|(_, value)| !value.is_empty());
        values.map(|(column, value)| format!("{column} {value}")).collect::<Vec<_>>().join(", ")
    };
    let removed = difference.removed.iter().map(|gone| row("removed", gone, "", asked(gone), String::new()));
    let added = difference.added.iter().map(|new| row("added", new, "", String::new(), asked(new)));
    let changed = difference.changed.iter().flat_map(|change| {
        change.columns().map(move |(column, before, after)| row("changed", &change.after, column, before, after))
    });
    let columns = vec!["change", "product", "package", "os", "column", "before", "after"];
    Table { columns, rows: removed.chain(changed).chain(added).collect() }
}
