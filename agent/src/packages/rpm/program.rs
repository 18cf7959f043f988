//! rpm's list, asked of the rpm program (rpm(8), "QUERY OPTIONS"): the way out when the database cannot be read as it lies.

use std::path::Path;
use std::time::Duration;

use report::package::{Package, Packager};

use super::Unreadable;
use crate::command;
use crate::packages::CollectError;

/// EPOCHNUM is 0 where a package has no epoch.
const FORMAT: &str = "%{NAME}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{ARCH}\\n";

/// rpm hangs on the lock of a broken database: a report may wait, a host must not.
const PATIENCE: Duration = Duration::from_secs(120);

/// The installed packages, after the database could not be read for `reason`.
///
/// # Errors
/// [`CollectError`] with both reasons when rpm cannot read it either, or says that there is nothing in it.
pub fn read(database: &Path, reason: Unreadable) -> Result<Vec<Package<'static>>, CollectError> {
    let folder = database.to_string_lossy();
    let arguments = ["-qa", "--dbpath", &folder, "--qf", FORMAT];
    let answer = command::output("rpm", &arguments, PATIENCE).map_err(|source| {
        let database = database.to_owned();
        if source.is_missing() {
            CollectError::NoRpm { database, reason }
        } else {
            CollectError::Rpm { database, reason, source }
        }
    })?;
    let packages = parse(&answer, database)?;
    // An rpm that was built without this kind of database says nothing, and that successfully.
    if packages.is_empty() { Err(CollectError::RpmSilent(database.to_owned())) } else { Ok(packages) }
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
