//! The installed packages of every manager on the host, whole or not at all.

pub mod dpkg;
pub mod rpm;

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use report::package::{Package, Packager};

use crate::command::CommandError;

/// The packages of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The manager that most packages belong to: the report's own.
    pub packager: Packager,
    /// Every package of every manager.
    pub packages: Vec<Package<'static>>,
    /// Names whose texts held what a report cannot carry, replaced by U+FFFD.
    pub mended: usize,
}

/// Reads the packages below `root`, without those that the administrator names in `skip`.
///
/// # Errors
/// [`CollectError`]: a list that may not be whole is never given.
pub fn collect(root: &Path, skip: &[String]) -> Result<Installed, CollectError> {
    let dpkg = dpkg::read(root)?;
    let rpm = rpm::read(root)?;
    if dpkg.is_none() && rpm.is_none() {
        return Err(CollectError::NoManager { root: root.to_owned() });
    }
    let (dpkg, rpm) = (dpkg.unwrap_or_default(), rpm.unwrap_or_default());
    let packager = if rpm.len() > dpkg.len() { Packager::Rpm } else { Packager::Dpkg };
    let mut packages: Vec<Package<'static>> = dpkg.into_iter().chain(rpm).collect();
    if packages.is_empty() {
        return Err(CollectError::NoPackages);
    }
    packages.retain(|package| !skip.iter().any(|name| *name == package.name));
    let mended = packages.iter_mut().map(mend).filter(|mended| *mended).count();
    packages.sort();
    packages.dedup();
    Ok(Installed { packager, packages, mended })
}

/// When a package database below `root` was last written; `None` without one.
#[must_use]
pub fn last_change(root: &Path) -> Option<Timestamp> {
    let files = rpm::files(root).into_iter().chain([dpkg::file(root)]);
    let changed = |file: PathBuf| std::fs::metadata(file).ok().map(|found| found.mtime());
    files.filter_map(changed).max().and_then(|second| Timestamp::from_second(second).ok())
}

/// Replaces characters that would end a line or a field: a host with one odd package is still reported.
fn mend(package: &mut Package<'static>) -> bool {
    let mut mended = false;
    for field in [&mut package.name, &mut package.version, &mut package.arch] {
        if field.chars().any(char::is_control) {
            let replace = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
            *field = field.chars().map(replace).collect::<String>().into();
            mended = true;
        }
    }
    mended
}

/// Why there is no list that can be sent as whole.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// Neither dpkg nor rpm.
    #[error("no package database below {root}: neither a dpkg status file nor an rpm database was found")]
    NoManager {
        /// Where it was looked for.
        root: PathBuf,
    },
    /// Databases without packages.
    #[error("the package databases are empty: nothing is reported rather than an empty host")]
    NoPackages,
    /// A file.
    #[error("reading {file}: {source}")]
    Read {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file went on changing.
    #[error("{0} changed at every try: packages are being installed, the next run will report them")]
    Changing(PathBuf),
    /// The dpkg database.
    #[error("{file}, line {line}: {what}")]
    Dpkg {
        /// The file.
        file: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// There is an rpm database that cannot be read, and no program that could.
    #[error(
        "the rpm database {database} cannot be read ({reason}), and the rpm program is not here to try: install it"
    )]
    NoRpm {
        /// The folder of the database.
        database: PathBuf,
        /// Why it cannot be read as it lies.
        reason: rpm::Unreadable,
    },
    /// The rpm program cannot read it either.
    #[error("reading the rpm database {database}: {reason}; {source}")]
    Rpm {
        /// The folder of the database.
        database: PathBuf,
        /// Why it cannot be read as it lies.
        reason: rpm::Unreadable,
        /// What happened to the program.
        source: CommandError,
    },
    /// The rpm program sees nothing in a database that cannot be read otherwise.
    #[error("the rpm database {0} cannot be read, and the rpm program finds no package in it")]
    RpmSilent(PathBuf),
    /// The rpm program said something else.
    #[error("reading the rpm database {database}: line {line} of rpm's answer is not name, version and architecture")]
    RpmAnswer {
        /// The folder of the database.
        database: PathBuf,
        /// Line number, from 1.
        line: usize,
    },
}
