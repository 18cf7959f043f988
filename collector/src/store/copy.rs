//! Copies everything that a database holds into an empty one, of either kind, as it was at one moment, and reads it again.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use report::hash::Hash;
use sqlx::any::AnyRow;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Executor as _, Row as _};

use super::dialect::{Dialect, sqlite_url};
use super::{ROWS_PER_STATEMENT, Store, StoreError, Writing, migration, rows_of_binds};

/// There while a copy is not known to be whole; nothing is to be built on such a database.
const UNFINISHED: &str = "unfinished_copy";

/// Bytes that are sent in one statement; MySQL takes 16 MiB unless it is told otherwise.
const BYTES_PER_STATEMENT: usize = 4 * 1024 * 1024;

/// Statements in one transaction: none of them is worth keeping without the last.
const STATEMENTS_PER_COMMIT: usize = 20;

/// A table that was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
}

impl Store {
    /// An SQLite file that is new, or empty, to copy into: without a log beside it.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn new_copy(file: &str) -> Result<Self, StoreError> {
        let session = &["PRAGMA journal_mode = DELETE", "PRAGMA synchronous = FULL"];
        Store::connect_with(Dialect::Sqlite, &format!("{}?mode=rw", sqlite_url(file)), session).await
    }

    /// An SQLite file that is only read, wherever it lies.
    ///
    /// # Errors
    /// [`StoreError`] when it is none.
    pub async fn only_read(file: &str) -> Result<Self, StoreError> {
        Store::connect_with(Dialect::Sqlite, &format!("{}?mode=ro", sqlite_url(file)), &["PRAGMA busy_timeout = 10000"])
            .await
    }

    /// Copies all rows into a database that has the same schema and no rows yet. Both may be used meanwhile by whoever only
    /// reads, the first one by everybody: what is copied is how it was when this began. Everything is read back from the copy
    /// and compared before it counts as one.
    ///
    /// # Errors
    /// [`StoreError`]; the copy is unusable then, and [`Store::open`] says so of it.
    pub async fn copy_into(&self, to: &Store) -> Result<Vec<CopiedTable>, StoreError> {
        let mut from = self.snapshot().await?;
        let tables = tables_of_both(&mut from, self.dialect, &mut *to.pool.acquire().await?, to.dialect).await?;
        for table in &tables {
            to.must_be_empty(table).await?;
        }
        to.run(&format!("CREATE TABLE {UNFINISHED} (since BIGINT)")).await?;
        let mut copied = Vec::with_capacity(tables.len());
        for table in &tables {
            let sent = copy_table(&mut from, to, table).await?;
            let mut content = Content::default();
            let mut connection = to.pool.acquire().await?;
            let mut rows = sqlx::query(AssertSqlSafe(table.select())).fetch(&mut *connection);
            while let Some(row) = rows.try_next().await? {
                content.add(&table.values(&row)?);
            }
            if content != sent {
                let (name, sent, found) = (&table.name, sent.rows, content.rows);
                return Err(StoreError::Inconsistent(format!(
                    "table {name} is not the same in the copy: {sent} rows were sent and {found} are there"
                )));
            }
            copied.push(CopiedTable { name: table.name.clone(), rows: content.rows });
        }
        to.run(&format!("DROP TABLE {UNFINISHED}")).await?;
        Ok(copied)
    }

    /// The step of the schema that the database is at.
    ///
    /// # Errors
    /// [`StoreError::NoCollector`] when it has no schema of ours, [`StoreError::UnfinishedCopy`] when it was not filled to its
    /// end, [`StoreError::NewerSchema`] when this program does not know the step.
    pub async fn schema_version(&self) -> Result<i64, StoreError> {
        self.must_be_whole().await?;
        let mut connection = self.pool.acquire().await?;
        if !columns(&mut connection, self.dialect).await?.contains_key("inbox") {
            return Err(StoreError::NoCollector);
        }
        let sql = "SELECT MAX(version) FROM _sqlx_migrations";
        let (version,): (i64,) = sqlx::query_as(sql).fetch_one(&mut *connection).await?;
        if migration::all(self.dialect).version_exists(version) {
            Ok(version)
        } else {
            Err(StoreError::NewerSchema(version))
        }
    }

    /// Looks through a whole SQLite file for damage.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] with the first damage.
    pub async fn look_for_damage(&self) -> Result<(), StoreError> {
        let (found,): (String,) = sqlx::query_as("PRAGMA integrity_check(1)").fetch_one(&self.pool).await?;
        if found == "ok" { Ok(()) } else { Err(StoreError::Inconsistent(found)) }
    }

    /// Makes the schema as it was at a step.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] for a step that this program does not know.
    pub async fn migrate_to(&self, version: i64) -> Result<(), StoreError> {
        self.must_be_whole().await?;
        let steps = migration::all(self.dialect);
        if !steps.version_exists(version) {
            return Err(StoreError::NewerSchema(version));
        }
        let _one_writer = self.writer.lock().await;
        Ok(steps.run_to(version, &mut *self.pool.acquire().await?).await?)
    }

    /// Refuses a database that a copy was not finished into.
    pub(super) async fn must_be_whole(&self) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        let unfinished = columns(&mut connection, self.dialect).await?.contains_key(UNFINISHED);
        if unfinished { Err(StoreError::UnfinishedCopy) } else { Ok(()) }
    }

    async fn must_be_empty(&self, table: &Table) -> Result<(), StoreError> {
        let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {} LIMIT 1) AS first_row", table.name);
        let (rows,): (i64,) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&self.pool).await?;
        if rows == 0 { Ok(()) } else { Err(StoreError::NotEmpty(table.name.clone())) }
    }

    async fn run(&self, statement: &str) -> Result<(), StoreError> {
        sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&self.pool).await?;
        Ok(())
    }

    /// A connection that sees the database as it is now, whatever others write, and is never used for anything else.
    async fn snapshot(&self) -> Result<PoolConnection<Any>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        connection.close_on_drop();
        let statements: &[&'static str] = match self.dialect {
            // It sees what was there at the first read.
            Dialect::Sqlite => &["BEGIN", "SELECT COUNT(*) FROM _sqlx_migrations"],
            Dialect::Mysql => &[
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
                "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
            ],
        };
        for statement in statements {
            connection.execute(*statement).await?;
        }
        Ok(connection)
    }
}

async fn copy_table(from: &mut AnyConnection, to: &Store, table: &Table) -> Result<Content, StoreError> {
    let mut content = Content::default();
    let (mut batch, mut bytes, mut statements) = (Vec::new(), 0, 0);
    let mut writing = to.begin().await?;
    let mut rows = sqlx::query(AssertSqlSafe(table.select())).fetch(from);
    while let Some(row) = rows.try_next().await? {
        let values = table.values(&row)?;
        bytes += content.add(&values);
        batch.push(values);
        if batch.len() == ROWS_PER_STATEMENT || bytes >= BYTES_PER_STATEMENT {
            table.insert(&mut writing, std::mem::take(&mut batch)).await?;
            (bytes, statements) = (0, statements + 1);
            if statements == STATEMENTS_PER_COMMIT {
                writing.commit().await?;
                (writing, statements) = (to.begin().await?, 0);
            }
        }
    }
    table.insert(&mut writing, batch).await?;
    writing.commit().await?;
    Ok(content)
}

/// A table with its columns, which are the same in both databases.
struct Table {
    name: String,
    columns: Vec<(String, Kind)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Bytes,
}

enum Value {
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Table {
    fn select(&self) -> String {
        format!("SELECT {} FROM {}", self.names(), self.name)
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        names.join(", ")
    }

    fn values(&self, row: &AnyRow) -> Result<Vec<Value>, StoreError> {
        let value = |(at, (_, kind)): (usize, &(String, Kind))| {
            Ok(match kind {
                Kind::Number => Value::Number(row.try_get(at)?),
                Kind::Text => Value::Text(row.try_get(at)?),
                Kind::Bytes => Value::Bytes(row.try_get(at)?),
            })
        };
        self.columns.iter().enumerate().map(value).collect()
    }

    async fn insert(&self, writing: &mut Writing, rows: Vec<Vec<Value>>) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let binds = rows_of_binds(rows.len(), self.columns.len());
        let sql = format!("INSERT INTO {} ({}) VALUES {binds}", self.name, self.names());
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for value in rows.into_iter().flatten() {
            insert = match value {
                Value::Number(number) => insert.bind(number),
                Value::Text(text) => insert.bind(text),
                Value::Bytes(bytes) => insert.bind(bytes),
            };
        }
        insert.execute(writing.connection()).await?;
        Ok(())
    }
}

/// What a table holds, in whatever order it is read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Content {
    rows: u64,
    sum: [u64; 4],
}

impl Content {
    /// Counts a row in; its size in bytes.
    fn add(&mut self, row: &[Value]) -> usize {
        let mut bytes = Vec::new();
        for value in row {
            let (kind, value): (u8, &[u8]) = match value {
                Value::Number(number) => (0, &number.to_be_bytes()),
                Value::Text(text) => (1, text.as_bytes()),
                Value::Bytes(bytes) => (2, bytes),
            };
            bytes.push(kind);
            bytes.extend_from_slice(&value.len().to_be_bytes());
            bytes.extend_from_slice(value);
        }
        for (sum, part) in self.sum.iter_mut().zip(Hash::of(&bytes).as_bytes().as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_be_bytes(*part));
        }
        self.rows += 1;
        bytes.len()
    }
}

/// The tables that are in both; where one database has others besides, they are somebody else's.
async fn tables_of_both(
    from: &mut AnyConnection,
    of_from: Dialect,
    to: &mut AnyConnection,
    of_to: Dialect,
) -> Result<Vec<Table>, StoreError> {
    let (there, here) = (columns(from, of_from).await?, columns(to, of_to).await?);
    let mut tables = Vec::new();
    for (name, columns) in there {
        let Some(other) = here.get(&name) else { continue };
        if other.len() != columns.len() || columns.iter().any(|column| !other.contains(column)) {
            return Err(StoreError::Inconsistent(format!("table {name} has other columns in the copy")));
        }
        tables.push(Table { name, columns });
    }
    Ok(tables)
}

/// The columns of each table, but for those that keep the schema's own history.
async fn columns(
    connection: &mut AnyConnection,
    dialect: Dialect,
) -> Result<BTreeMap<String, Vec<(String, Kind)>>, StoreError> {
    let sql = match dialect {
        Dialect::Sqlite => {
            "SELECT tables.name, columns.name, columns.type FROM sqlite_master tables \
             JOIN pragma_table_info(tables.name) columns WHERE tables.type = 'table' ORDER BY tables.name, columns.cid"
        }
        Dialect::Mysql => {
            "SELECT table_name, column_name, CAST(data_type AS CHAR) FROM information_schema.columns \
             WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"
        }
    };
    let rows: Vec<(String, String, String)> = sqlx::query_as(sql).fetch_all(connection).await?;
    let mut tables: BTreeMap<String, Vec<(String, Kind)>> = BTreeMap::new();
    for (table, column, kind) in rows {
        if table == "_sqlx_migrations" || table.starts_with("sqlite_") {
            continue;
        }
        let kind = match kind.to_ascii_lowercase() {
            kind if kind.contains("int") => Kind::Number,
            kind if kind.contains("blob") => Kind::Bytes,
            _ => Kind::Text,
        };
        tables.entry(table).or_default().push((column, kind));
    }
    Ok(tables)
}
