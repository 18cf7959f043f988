//! What can go wrong with the database, and whether trying again may help.

use std::path::PathBuf;

/// A failure of the database, or of what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, busy or full: the same request may succeed later.
    #[error("database unavailable: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// Another transaction was in the way: the same transaction may succeed at once.
    #[error("database conflict: {0}")]
    Conflict(#[source] sqlx::Error),
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
        matches!(self, StoreError::Conflict(_) | StoreError::Unavailable(_))
    }

    /// Whether the transaction lost against another one and should simply run again.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, StoreError::Conflict(_) | StoreError::Overtaken)
    }

    /// Whether the same request may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.is_conflict() || matches!(self, StoreError::Unavailable(_))
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
            Database(database) => match database.code().as_deref() {
                // MySQL: deadlock, lock wait, record changed, Galera certification; SQLSTATE 40001 covers the first.
                Some("40001") => StoreError::Conflict(error),
                // SQLite: SQLITE_BUSY and its kinds.
                Some("5" | "261" | "517") => StoreError::Conflict(error),
                // SQLite: readonly, I/O, full, cannot open. MySQL: connections, shutdown, disk full, read-only.
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

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::VersionMissing(version) => StoreError::NewerSchema(version),
            sqlx::migrate::MigrateError::Execute(error) => StoreError::from(error),
            other => StoreError::Migration(other),
        }
    }
}
