//! rpm's SQLite database (EL9 and later, `rpmdb.sqlite`), read without a lock: the only door to rusqlite in the reporter.
//!
//! Most of a header is file lists: SQLite's blob access reads only the pages that hold what is asked for.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use report::package::Package;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::Unreadable;
use super::header::Header;

/// SQLite's cache of pages, negative for KiB as SQLite wants it: the inner pages of one table.
const CACHE_KIB: i32 = -128;

/// Reads every package.
///
/// # Errors
/// [`Unreadable::Busy`] while somebody writes, [`Unreadable::Damaged`] for good.
pub(super) fn read(file: &Path) -> Result<Vec<Package<'static>>, Unreadable> {
    let before = quiet(file)?;
    let packages = read_unchanging(file, before.size())?;
    // Without a lock nothing stopped a writer but luck: what was read counts only if the file stayed as it was.
    let after = quiet(file)?;
    let identity = |found: &Metadata| (found.ino(), found.size(), found.mtime(), found.mtime_nsec());
    if identity(&before) != identity(&after) { Err(Unreadable::Busy) } else { Ok(packages) }
}

/// The file while no log lies beside it whose changes it lacks (SQLite's documentation, "Write-Ahead Logging").
fn quiet(file: &Path) -> Result<Metadata, Unreadable> {
    for log in ["-wal", "-journal"] {
        let mut name = file.as_os_str().to_owned();
        name.push(log);
        match std::fs::metadata(PathBuf::from(name)) {
            Ok(found) if found.size() > 0 => return Err(Unreadable::Busy),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(std::fs::metadata(file)?)
}

fn read_unchanging(file: &Path, size: u64) -> Result<Vec<Package<'static>>, Unreadable> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let path: String = file.to_string_lossy().chars().map(escape).collect();
    let database = Connection::open_with_flags(format!("file:{path}?immutable=1"), flags)?;
    // Each page is read once: there is nothing to keep of a database of a hundred megabytes.
    database.pragma_update(None, "cache_size", CACHE_KIB)?;
    let mut rows = database.prepare("SELECT hnum FROM Packages ORDER BY hnum")?;
    let numbers = rows.query_map([], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    // SQLite goes through a table as its tree says, which is in order; where a damaged tree leads to a page twice, it goes twice.
    if !numbers.is_sorted_by(|number, next| number < next) {
        return Err(Unreadable::damaged("its headers are not in order, each once"));
    }
    // SQLite takes zeros for what a last page lacks.
    let page_size = database.pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))?;
    if !size.is_multiple_of(u64::from(page_size)) {
        return Err(Unreadable::damaged("it is cut short"));
    }
    let mut packages = Vec::with_capacity(numbers.len());
    let Some(first) = numbers.first() else { return Ok(packages) };
    let mut blob = database.blob_open(MAIN_DB, "Packages", "blob", *first, true)?;
    for number in numbers {
        blob.reopen(number)?;
        let read = |place: usize, bytes: &mut [u8]| blob.read_at_exact(bytes, place).map_err(io::Error::other);
        packages.extend(Header::open(blob.len(), read)?.package()?);
    }
    Ok(packages)
}

fn escape(c: char) -> String {
    match c {
        '%' => "%25".to_owned(),
        '?' => "%3f".to_owned(),
        '#' => "%23".to_owned(),
        c => c.to_string(),
    }
}

impl From<rusqlite::Error> for Unreadable {
    fn from(error: rusqlite::Error) -> Self {
        Unreadable::Damaged(error.to_string())
    }
}
