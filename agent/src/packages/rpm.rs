//! rpm's list, asked of the rpm program, for the database in its old or new place (rpm(8), "QUERY OPTIONS").

use std::path::{Path, PathBuf};
use std::time::Duration;

use report::package::{Package, Packager};

use super::CollectError;
use crate::command;

/// Folders that a distribution may keep its database in, the newer first.
const FOLDERS: [&str; 2] = ["usr/lib/sysimage/rpm", "var/lib/rpm"];

/// Files that make such a folder a database: SQLite, NDB, BerkeleyDB.
const DATABASES: [&str; 3] = ["rpmdb.sqlite", "Packages.db", "Packages"];

/// EPOCHNUM is 0 where a package has no epoch.
const FORMAT: &str = "%{NAME}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{ARCH}\\n";

/// rpm hangs on the lock of a broken database: a report may wait, a host must not.
const PATIENCE: Duration = Duration::from_secs(120);

/// The installed packages; `None` on a host without an rpm database.
///
/// # Errors
/// [`CollectError`] when there is a database and it cannot be read whole.
pub fn read(root: &Path) -> Result<Option<Vec<Package<'static>>>, CollectError> {
    let Some(database) = find(root) else { return Ok(None) };
    let folder = database.to_string_lossy();
    let arguments = ["-qa", "--dbpath", &folder, "--qf", FORMAT];
    let answer = command::output("rpm", &arguments, PATIENCE).map_err(|source| {
        if source.is_missing() {
            CollectError::NoRpm(database.clone())
        } else {
            CollectError::Rpm { database: database.clone(), source }
        }
    })?;
    parse(&answer, &database).map(Some)
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

/// Reads rpm's answer; the keys that rpm keeps as packages are left out.
///
/// # Errors
/// [`CollectError::RpmAnswer`] with the line that is something else.
pub fn parse(answer: &[u8], database: &Path) -> Result<Vec<Package<'static>>, CollectError> {
    let mut packages = Vec::new();
    for (number, line) in answer.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let strange = || CollectError::RpmAnswer { database: database.to_owned(), line: number + 1 };
        let line = String::from_utf8_lossy(line.strip_suffix(b"\n").ok_or_else(strange)?);
        let mut fields = line.split('\t');
        let (Some(name), Some(version), Some(arch), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(strange());
        };
        if name.is_empty() || version.is_empty() {
            return Err(strange());
        }
        if name == "gpg-pubkey" {
            continue;
        }
        packages.push(Package {
            name: name.to_owned().into(),
            version: version.to_owned().into(),
            arch: arch.to_owned().into(),
            packager: Packager::Rpm,
        });
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_read_whole_or_refused() {
        let packages = parse(b"bash\t0:5.1.8-9.el9\tx86_64\ngpg-pubkey\t0:1-2\t(none)\n", Path::new("db")).unwrap();
        assert_eq!(packages.len(), 1);
        for answer in ["bash\t0:5.1.8-9.el9\tx86_64\nzl", "bash 1\n", "error: x\n", "\t1\tx\n"] {
            assert!(parse(answer.as_bytes(), Path::new("db")).is_err(), "{answer:?}");
        }
    }
}
