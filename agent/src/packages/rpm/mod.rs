//! rpm's list, from its database as it lies on disk, or from the rpm program where that cannot be read.

mod bdb;
mod header;
mod ndb;
pub mod program;
mod sqlite;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use report::package::Package;

use self::header::HeaderError;
use super::CollectError;

/// Folders that a distribution may keep its database in, the newer first.
const FOLDERS: [&str; 2] = ["usr/lib/sysimage/rpm", "var/lib/rpm"];

/// Files that make such a folder a database: SQLite, NDB, BerkeleyDB.
const DATABASES: [&str; 3] = ["rpmdb.sqlite", "Packages.db", "Packages"];

/// A transaction may be at work: it is waited for a little before the rpm program, which waits by itself, is asked.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(50);

/// The installed packages; `None` on a host without an rpm database.
///
/// # Errors
/// [`CollectError`] when there is a database and it cannot be read whole.
pub fn read(root: &Path) -> Result<Option<Vec<Package<'static>>>, CollectError> {
    let Some(folder) = find(root) else { return Ok(None) };
    match read_folder(&folder) {
        Ok(packages) => Ok(Some(packages)),
        Err(reason) => program::read(&folder, reason).map(Some),
    }
}

/// Reads the database in a folder without the rpm program.
///
/// # Errors
/// [`Unreadable`].
pub fn read_folder(folder: &Path) -> Result<Vec<Package<'static>>, Unreadable> {
    let read = || {
        for name in DATABASES {
            let file = folder.join(name);
            if file.is_file() {
                return match name {
                    "rpmdb.sqlite" => sqlite::read(&file),
                    "Packages.db" => ndb::read(&file),
                    _ => bdb::read(&file),
                };
            }
        }
        Err(Unreadable::damaged("it is gone"))
    };
    for _ in 1..TRIES {
        match read() {
            Err(Unreadable::Busy) => std::thread::sleep(PAUSE),
            decided => return decided,
        }
    }
    read()
}

/// The files of the database and the one that SQLite writes first, whether they are there or not.
#[must_use]
pub fn files(root: &Path) -> Vec<PathBuf> {
    let names = DATABASES.iter().chain(&["rpmdb.sqlite-wal"]);
    FOLDERS.iter().flat_map(|folder| names.clone().map(move |name| root.join(folder).join(name))).collect()
}

fn find(root: &Path) -> Option<PathBuf> {
    FOLDERS
        .iter()
        .map(|folder| root.join(folder))
        .find(|folder| DATABASES.iter().any(|database| folder.join(database).is_file()))
}

/// Why a database was not read directly.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Somebody writes.
    #[error("it is being written")]
    Busy,
    /// The system does not give it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not as it should be.
    #[error("{0}")]
    Damaged(String),
}

impl Unreadable {
    fn damaged(what: &str) -> Self {
        Unreadable::Damaged(what.to_owned())
    }
}

impl From<HeaderError> for Unreadable {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::Read(source) => Unreadable::Io(source),
            HeaderError::Damaged(_) => Unreadable::Damaged(error.to_string()),
        }
    }
}
