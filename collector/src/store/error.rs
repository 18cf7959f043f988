//! What can go wrong with the database, and whether trying again may help.

use std::path::PathBuf;

use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;

/// A failure of the database, or of what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, busy or full: the same request may succeed later.
    #[error("database unavailable: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// Another transaction was in the way: the same transaction may succeed at once.
    #[error("database conflict: {0}")]
    Conflict(#[source] sqlx::Error),
    /// The database was asked and says nothing: the same request may succeed later.
    #[error("the database has not answered for {seconds} seconds")]
    Silent {
        /// How long that was waited for.
        seconds: u64,
    },
    /// Another version of the same reference list was there first: a version after that one may succeed at once.
    #[error("another version of the reference list was stored at the same time: try again")]
    Overtaken,
    /// The database refuses the request itself.
    #[error("database: {0}")]
    Refused(#[source] sqlx::Error),
    /// The schema was made by a newer program.
    #[error(
        "the database schema is newer than this program (it knows migration {0}): install the newer wlcg-package-collector"
    )]
    NewerSchema(i64),
    /// No collector has used the database.
    #[error("the database has no schema of the collector: is it the right one?")]
    NoCollector,
    /// A copy was to be made into a database that has something already.
    #[error("the database is not empty (table {0} has rows): a copy is only made into a new one")]
    NotEmpty(String),
    /// A copy into the database was not finished.
    #[error("the database is an unfinished copy: delete it, make an empty one and restore into that again")]
    UnfinishedCopy,
    /// A migration could not be applied.
    #[error("migrating the database: {0}")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// What is stored contradicts itself.
    #[error("the database is inconsistent: {0}")]
    Inconsistent(String),
    /// The folder of the SQLite file cannot be made.
    #[error("making the database folder {folder}: {source}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Not a database we know.
    #[error("database URL begins with {0:?}: expected sqlite:PATH or mysql://USER:PASSWORD@HOST/DATABASE")]
    Scheme(String),
}

impl StoreError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, StoreError::Conflict(_) | StoreError::Unavailable(_) | StoreError::Silent { .. })
    }

    /// Whether the transaction lost against another one and should simply run again.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, StoreError::Conflict(_) | StoreError::Overtaken)
    }

    /// Whether the same request may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.is_conflict() || matches!(self, StoreError::Unavailable(_) | StoreError::Silent { .. })
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error::{
            ColumnDecode, ColumnIndexOutOfBounds, ColumnNotFound, Configuration, Database, Decode, Encode, RowNotFound,
            TypeNotFound,
        };
        match &error {
            Database(database) if database.is_unique_violation() => StoreError::Conflict(error),
            Database(database) if is_mysql_conflict(database.as_ref()) => StoreError::Conflict(error),
            Database(database) => match database.code().as_deref() {
                // SQLite: SQLITE_BUSY and its kinds.
                Some("5" | "261" | "517") => StoreError::Conflict(error),
                // SQLite: readonly, I/O, full, cannot open. MySQL: connections, shutdown, disk full, read-only, a Galera node
                // that is cut off from the others or still catching up (1047, 08S01).
                Some("8" | "10" | "13" | "14" | "778" | "1546" | "08S01" | "08004" | "HY000" | "70100") => {
                    StoreError::Unavailable(error)
                }
                _ => StoreError::Refused(error),
            },
            ColumnDecode { .. }
            | ColumnIndexOutOfBounds { .. }
            | ColumnNotFound(_)
            | Configuration(_)
            | Decode(_)
            | Encode(_)
            | RowNotFound
            | TypeNotFound { .. } => StoreError::Refused(error),
            _ => StoreError::Unavailable(error),
        }
    }
}

/// Whether MySQL or MariaDB took back what another transaction was in the way of.
///
/// Galera tells a transaction that lost against one of another node the same way, whatever statement it is at. Most of
/// these have no SQLSTATE of their own, so that their numbers count.
fn is_mysql_conflict(error: &dyn DatabaseError) -> bool {
    // ER_CHECKREAD, ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK, ER_QUERY_INTERRUPTED.
    const CONFLICTS: [u16; 4] = [1020, 1205, 1213, 1317];
    error.try_downcast_ref::<MySqlDatabaseError>().is_some_and(|error| CONFLICTS.contains(&error.number()))
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::VersionMissing(version) => StoreError::NewerSchema(version),
            sqlx::migrate::MigrateError::Execute(error) => StoreError::from(error),
            other => StoreError::Migration(other),
        }
    }
}
