//! Backups: an SQLite file with everything that the database held at one moment, which is a collector's database itself.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::store::{CopiedTable, Store, StoreError};

/// Writes everything into a file that is not there yet; it appears under its name when it is whole, on disk and read back.
/// Reports go on arriving meanwhile.
///
/// # Errors
/// [`BackupError`]; a part of the file may be left as `FILE.partial`.
pub async fn backup(store: &Store, file: &Path) -> Result<Vec<CopiedTable>, BackupError> {
    let version = store.schema_version().await?;
    let partial = with_suffix(file, ".partial");
    let exists = |file: &Path| BackupError::Exists(file.to_owned());
    if file.try_exists().map_err(|error| at(file, error))? {
        return Err(exists(file));
    }
    // What hosts run and the hashes of tokens are in it: nobody else reads it.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(&partial),
        _ => at(&partial, error),
    })?;
    let copy = Store::new_copy(name(&partial)?).await?;
    copy.migrate_to(version).await?;
    let tables = store.copy_into(&copy).await?;
    copy.close().await;
    sync(&partial)?;
    std::fs::rename(&partial, file).map_err(|error| at(file, error))?;
    // The name is on disk when its folder is.
    sync(file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    Ok(tables)
}

/// Fills an empty database of either kind from a backup, then brings the schema up to this program.
///
/// # Errors
/// [`BackupError`]; a database that was not filled to the end is refused by every later use.
pub async fn restore(file: &Path, store: &Store) -> Result<Vec<CopiedTable>, BackupError> {
    File::open(file).map_err(|error| at(file, error))?;
    let no_backup = |error| BackupError::NoBackup(file.to_owned(), error);
    let backup = Store::only_read(name(file)?).await.map_err(no_backup)?;
    let version = backup.schema_version().await.map_err(no_backup)?;
    backup.look_for_damage().await.map_err(no_backup)?;
    store.migrate_to(version).await?;
    let tables = backup.copy_into(store).await?;
    backup.close().await;
    store.migrate().await?;
    Ok(tables)
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn name(file: &Path) -> Result<&str, BackupError> {
    file.to_str().ok_or_else(|| BackupError::Name(file.to_owned()))
}

fn sync(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| at(path, error))
}

fn at(path: &Path, source: io::Error) -> BackupError {
    BackupError::File { path: path.to_owned(), source }
}

/// Why there is no backup, or nothing was restored from it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is something of that name.
    #[error("{0} exists already: choose another name, or remove it if it is of no use")]
    Exists(PathBuf),
    /// The name cannot be written in a database's address.
    #[error("the name {0:?} is not UTF-8: choose another one")]
    Name(PathBuf),
    /// The system would not.
    #[error("{path}: {source}")]
    File {
        /// Which file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{0} is no backup: {1}")]
    NoBackup(PathBuf, #[source] StoreError),
    /// One of the databases failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
