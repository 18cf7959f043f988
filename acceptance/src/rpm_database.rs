//! rpm databases of real distributions, and the same headers in the formats that no real one is at hand for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;

/// Databases of CentOS 5 to 8, from a Debian package that `make deps` installs.
pub const REAL: &str = "/usr/share/gocode/src/github.com/knqyf263/go-rpmdb/pkg/testdata";

/// Real databases with the name of their folder.
#[must_use]
pub fn real() -> Vec<PathBuf> {
    let entries = fs::read_dir(REAL).unwrap_or_else(|error| panic!("{REAL}: {error}; `make deps` installs it"));
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.join("Packages").is_file());
    folders.sort();
    assert!(folders.len() >= 10, "{folders:?}");
    folders
}

/// A copy that rpm may leave its own files beside.
#[must_use]
pub fn copied(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        fs::write(copy.path().join(entry.file_name()), fs::read(entry.path()).unwrap()).unwrap();
    }
    copy
}

/// The same database as SQLite, which rpm itself makes of it.
#[must_use]
pub fn as_sqlite(folder: &Path) -> tempfile::TempDir {
    let copy = copied(folder);
    rebuild(copy.path());
    assert!(copy.path().join("rpmdb.sqlite").is_file());
    copy
}

/// The headers of a SQLite database as SUSE's rpm keeps them, which no rpm of Debian writes (rpm, lib/backend/ndb).
#[must_use]
pub fn as_ndb(sqlite: &Path) -> tempfile::TempDir {
    let database = Connection::open(sqlite.join("rpmdb.sqlite")).unwrap();
    let mut rows = database.prepare("SELECT hnum, blob FROM Packages").unwrap();
    let headers = rows.query_map([], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap();
    let headers: Vec<(u32, Vec<u8>)> = headers.map(Result::unwrap).collect();
    let pages = (32 + headers.len() * 16).div_ceil(4096);
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let mark = |text: &[u8; 4]| u32::from_le_bytes(*text);
    let mut slots = words(&[mark(b"RpmP"), 0, 1, u32::try_from(pages).unwrap(), 9_999, 0, 0, 0]);
    let mut blobs = Vec::new();
    for (number, header) in headers {
        let length = u32::try_from(header.len()).unwrap();
        let place = u32::try_from((pages * 4096 + blobs.len()) / 16).unwrap();
        let begin = blobs.len();
        blobs.extend(words(&[mark(b"BlbS"), number, 1, length]));
        blobs.extend(&header);
        blobs.resize((blobs.len() + 12).div_ceil(16) * 16 - 12, 0);
        blobs.extend(words(&[0, length, mark(b"BlbE")]));
        let blocks = u32::try_from((blobs.len() - begin) / 16).unwrap();
        slots.extend(words(&[mark(b"Slot"), number, place, blocks]));
    }
    while slots.len() < pages * 4096 {
        slots.extend(words(&[mark(b"Slot"), 0, 0, 0]));
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Packages.db"), [slots, blobs].concat()).unwrap();
    folder
}

/// Packages of several distributions in one SQLite database: a host of so many packages with headers of real size.
#[must_use]
pub fn with_packages(number: usize) -> tempfile::TempDir {
    let mut folders = real();
    let host = as_sqlite(&folders.pop().unwrap());
    let database = Connection::open(host.path().join("rpmdb.sqlite")).unwrap();
    let mut known: BTreeSet<String> = identities(host.path()).into_iter().map(|(_, identity)| identity).collect();
    while known.len() < number {
        let other = as_sqlite(&folders.pop().expect("enough packages in all databases"));
        database.execute("ATTACH ? AS other", [other.path().join("rpmdb.sqlite").to_str().unwrap()]).unwrap();
        for (instance, identity) in identities(other.path()) {
            if known.len() < number && known.insert(identity) {
                let copy = "INSERT INTO Packages (blob) SELECT blob FROM other.Packages WHERE hnum = ?";
                database.execute(copy, [instance]).unwrap();
            }
        }
        database.execute("DETACH other", []).unwrap();
    }
    drop(database);
    rebuild(host.path());
    host
}

/// Number of each header in the database, and the package it is of.
fn identities(folder: &Path) -> Vec<(i64, String)> {
    let format = "%{DBINSTANCE} %{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH}\\n";
    let output = Command::new("rpm").arg("--dbpath").arg(folder).args(["-qa", "--qf", format]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let packages = lines.lines().filter(|line| !line.contains(" gpg-pubkey "));
    packages.map(|line| line.split_once(' ').unwrap()).map(|(id, of)| (id.parse().unwrap(), of.to_owned())).collect()
}

fn rebuild(folder: &Path) {
    let rebuilt = Command::new("rpmdb").arg("--dbpath").arg(folder).arg("--rebuilddb").output().unwrap();
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
}
