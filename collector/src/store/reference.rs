//! Reference lists: every version is kept and numbered, so that the past can be judged by the list of its day.

use sqlx::AssertSqlSafe;

use super::{IDS_PER_STATEMENT, Store, StoreError, Writing, retrying, rows_of_binds};
use crate::access::deed::By;

/// One version of a reference list, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListVersion {
    /// Id of the version, under which nothing ever changes.
    pub id: i64,
    /// Name of the list.
    pub name: String,
    /// Number of the version, from 1.
    pub number: i64,
    /// When it came, unix seconds.
    pub imported: i64,
    /// Who brought it.
    pub author: String,
    /// Why, in the author's words; may be empty.
    pub note: String,
    /// How many references it has.
    pub size: i64,
}

/// A version that is to be added.
#[derive(Debug, Clone, Copy)]
pub struct NewVersion<'a> {
    /// Name of the list.
    pub name: &'a str,
    /// Who brings it, and when.
    pub by: By<'a>,
    /// Why.
    pub note: &'a str,
    /// The list as TOML.
    pub content: &'a str,
    /// How many references it has.
    pub size: i64,
}

/// One version of a reference list with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredList {
    /// Which version it is.
    pub version: ListVersion,
    /// The list as TOML.
    pub content: String,
}

impl NewVersion<'_> {
    /// The word in the audit log.
    pub const ACTION: &'static str = "reference list";
}

/// What became of a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is stored under this number.
    Stored(i64),
    /// Nothing is stored: another version came after the one that it was made from.
    Overtaken,
}

/// Id, name, number, imported, author, note and size.
type Row = (i64, String, i64, i64, String, String, i64);

/// The same and the content.
type RowWithContent = (i64, String, i64, i64, String, String, i64, String);

const COLUMNS: &str = "list.id, list.name, list.number, list.imported, list.author, list.note, list.size";

impl Writing {
    /// Adds a version that was made from the version `based_on` (0: a new list), if that is still the newest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_reference_list(&mut self, version: &NewVersion<'_>, based_on: i64) -> Result<Added, StoreError> {
        let number = based_on.saturating_add(1);
        let inserted = sqlx::query(
            "INSERT INTO reference_list (name, number, imported, author, note, content, size) SELECT ?, ?, ?, ?, ?, ?, ? \
             FROM (SELECT COALESCE(MAX(number), 0) AS newest FROM reference_list WHERE name = ?) AS held \
             WHERE held.newest = ?",
        )
        .bind(version.name)
        .bind(number)
        .bind(version.by.at)
        .bind(version.by.person)
        .bind(version.note)
        .bind(version.content)
        .bind(version.size)
        .bind(version.name)
        .bind(based_on)
        .execute(self.connection())
        .await;
        match inserted {
            Ok(done) if done.rows_affected() == 1 => {
                let object = format!("{}, version {number}", version.name);
                self.audit(&version.by.did(NewVersion::ACTION, &object)).await?;
                Ok(Added::Stored(number))
            }
            Ok(_) => Ok(Added::Overtaken),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(Added::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    /// The number of a list's newest version; 0 without any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_version(&mut self, name: &str) -> Result<i64, StoreError> {
        let (newest,): (i64,) = sqlx::query_as("SELECT COALESCE(MAX(number), 0) FROM reference_list WHERE name = ?")
            .bind(name)
            .fetch_one(self.connection())
            .await?;
        Ok(newest)
    }
}

impl Store {
    /// Adds a version after whatever version is the newest; gives its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn import_reference_list(&self, version: &NewVersion<'_>) -> Result<i64, StoreError> {
        retrying(|| async {
            let mut writing = self.begin().await?;
            let newest = writing.newest_version(version.name).await?;
            match writing.add_reference_list(version, newest).await? {
                Added::Stored(number) => writing.commit().await.map(|()| number),
                Added::Overtaken => Err(StoreError::Overtaken),
            }
        })
        .await
    }

    /// Every version of every list, by name and number; only those of `name` when one is given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reference_versions(&self, name: Option<&str>) -> Result<Vec<ListVersion>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM reference_list list WHERE ? IN ('', list.name) ORDER BY list.name, list.number"
        );
        let rows: Vec<Row> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(name.unwrap_or_default()).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(ListVersion::from).collect())
    }

    /// One version of a list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reference_version(&self, name: &str, number: i64) -> Result<Option<StoredList>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS}, list.content FROM reference_list list WHERE list.name = ? AND list.number = ?");
        let row: Option<RowWithContent> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(name).bind(number).fetch_optional(&self.pool).await?;
        Ok(row.map(StoredList::from))
    }

    /// The newest version of a list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_reference_version(&self, name: &str) -> Result<Option<StoredList>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, list.content FROM reference_list list WHERE list.name = ? ORDER BY list.number DESC LIMIT 1"
        );
        let row: Option<RowWithContent> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(name).fetch_optional(&self.pool).await?;
        Ok(row.map(StoredList::from))
    }

    /// The version of each list that held at a time (unix seconds), by name, without those that were retired by then; of a
    /// list that came later the first one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reference_versions_at(&self, at: i64) -> Result<Vec<ListVersion>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM reference_list list JOIN \
             (SELECT name, COALESCE(MAX(CASE WHEN imported <= ? THEN number END), MIN(number)) AS number \
             FROM reference_list GROUP BY name) AS held ON held.name = list.name AND held.number = list.number \
             WHERE list.size > 0 ORDER BY list.name"
        );
        let rows: Vec<Row> = sqlx::query_as(AssertSqlSafe(sql)).bind(at).fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(ListVersion::from).collect())
    }

    /// Versions of lists as TOML, by id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reference_contents(&self, ids: &[i64]) -> Result<Vec<(i64, String)>, StoreError> {
        let mut contents = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IDS_PER_STATEMENT) {
            let sql = format!("SELECT id, content FROM reference_list WHERE id IN {}", rows_of_binds(1, ids.len()));
            let mut query = sqlx::query_as::<_, (i64, String)>(AssertSqlSafe(sql)).persistent(ids.len() < 8);
            for id in ids {
                query = query.bind(*id);
            }
            contents.extend(query.fetch_all(&self.pool).await?);
        }
        Ok(contents)
    }
}

impl From<Row> for ListVersion {
    fn from((id, name, number, imported, author, note, size): Row) -> Self {
        ListVersion { id, name, number, imported, author, note, size }
    }
}

impl From<RowWithContent> for StoredList {
    fn from((id, name, number, imported, author, note, size, content): RowWithContent) -> Self {
        StoredList { version: ListVersion { id, name, number, imported, author, note, size }, content }
    }
}
