//! Sealed reports on disk, `<hash>.p7m`: whole or not there at all, bounded, oldest first.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use report::hash::Hash;

/// Ending of a sealed report.
const SEALED: &str = ".p7m";

/// Bytes of the sealed report of a host with thousands of packages.
const LARGE_REPORT: usize = 64 * 1024;

/// Ending of a report that is being written.
const UNFINISHED: &str = ".tmp";

/// Folder of sealed reports of one user; changes to it are made under a lock.
#[derive(Debug, Clone)]
pub struct Spool {
    folder: PathBuf,
    refused: PathBuf,
}

/// A sealed report in the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spooled {
    /// What its bytes should hash to.
    pub hash: Hash,
    /// Size in bytes.
    pub size: u64,
    /// When it was written, seconds and nanoseconds: the order of delivery.
    pub written: (i64, i64),
}

impl Spooled {
    /// When it was written, to the second.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        Timestamp::from_second(self.written.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The spool while no other process changes it.
pub struct Locked<'a> {
    spool: &'a Spool,
    _lock: File,
}

impl Spool {
    /// A spool in `folder`; what the collector refuses goes to `refused`.
    #[must_use]
    pub fn new(folder: PathBuf, refused: PathBuf) -> Self {
        Spool { folder, refused }
    }

    /// Every report, oldest first.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn list(&self) -> Result<Vec<Spooled>, SpoolError> {
        let failed = |source| SpoolError::new("reading", &self.folder, source);
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut reports = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(hash) = name.to_str().and_then(|name| name.strip_suffix(SEALED)?.parse().ok()) else { continue };
            // A report that another run has just delivered is no longer ours to list.
            let Ok(found) = entry.metadata() else { continue };
            if found.is_file() {
                reports.push(Spooled { hash, size: found.size(), written: (found.mtime(), found.mtime_nsec()) });
            }
        }
        reports.sort_by_key(|report| (report.written, report.hash));
        Ok(reports)
    }

    /// The bytes of a report; `None` when another run has delivered it.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn read(&self, hash: Hash) -> Result<Option<Vec<u8>>, SpoolError> {
        let file = self.file(hash);
        match std::fs::read(&file) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SpoolError::new("reading", &file, error)),
        }
    }

    /// Waits until no other process changes the spool.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn lock(&self) -> Result<Locked<'_>, SpoolError> {
        let file = self.folder.join(".lock");
        let failed = |source| SpoolError::new("locking", &file, source);
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&file).map_err(failed)?;
        lock.lock().map_err(failed)?;
        Ok(Locked { spool: self, _lock: lock })
    }

    /// Tries whether a report could be written now; a folder that is not there yet is no failure.
    ///
    /// # Errors
    /// [`SpoolError`] with the system's reason: a full disk, a read-only file system, somebody else's folder.
    pub fn probe(&self) -> Result<(), SpoolError> {
        let file = self.folder.join(format!(".probe-{}{UNFINISHED}", std::process::id()));
        if !self.folder.is_dir() {
            return Ok(());
        }
        let written = write_durably(&file, &[0; LARGE_REPORT]);
        let _ = std::fs::remove_file(&file);
        written.map_err(|source| SpoolError::new("writing", &file, source))
    }

    fn file(&self, hash: Hash) -> PathBuf {
        self.folder.join(format!("{hash}{SEALED}"))
    }
}

impl Locked<'_> {
    /// Adds a report; when this returns a power cut cannot take it away.
    ///
    /// # Errors
    /// [`SpoolError`]; nothing half-written stays under the report's name.
    pub fn put(&self, hash: Hash, sealed: &[u8]) -> Result<(), SpoolError> {
        self.remove_unfinished();
        let folder = &self.spool.folder;
        let unfinished = folder.join(format!(".{hash}{UNFINISHED}"));
        let written = write_durably(&unfinished, sealed)
            .and_then(|()| std::fs::rename(&unfinished, self.spool.file(hash)))
            .and_then(|()| sync_folder(folder));
        written.map_err(|source| {
            let _ = std::fs::remove_file(&unfinished);
            SpoolError::new("writing", &self.spool.file(hash), source)
        })
    }

    /// Takes away a report that was acknowledged or made way; one that is gone already is no failure.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn remove(&self, hash: Hash) -> Result<(), SpoolError> {
        let file = self.spool.file(hash);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(SpoolError::new("removing", &file, error))
            }
            _ => Ok(()),
        }
    }

    /// Moves a report to `refused/`: it is never sent again, and somebody can look at it. One that another run has moved is
    /// no failure.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn refuse(&self, hash: Hash) -> Result<(), SpoolError> {
        let (from, to) = (self.spool.file(hash), self.spool.refused.join(format!("{hash}{SEALED}")));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.spool.refused)
            .and_then(|()| match std::fs::rename(&from, &to) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                renamed => renamed,
            })
            .and_then(|()| sync_folder(&self.spool.refused))
            .map_err(|source| SpoolError::new("moving to refused", &from, source))
    }

    /// What runs that were killed while writing have left.
    fn remove_unfinished(&self) {
        let Ok(entries) = std::fs::read_dir(&self.spool.folder) else { return };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().ends_with(UNFINISHED) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// Writes a file that only this user reads, to the disk.
///
/// # Errors
/// The system's own.
pub fn write_durably(file: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    file.write_all(content)?;
    file.sync_all()
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Most that the spool may hold.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of all reports.
    pub bytes: u64,
    /// Number of reports.
    pub reports: usize,
    /// Seconds that a report may wait.
    pub age_seconds: i64,
}

/// Why a report made way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadeWay {
    /// A neighbour says the same.
    Identical,
    /// It was the oldest of a full spool.
    Oldest,
    /// It waited longer than any report may.
    Aged,
}

/// Which reports make way so that the rest fits: never the newest, and what says nothing of its own first.
///
/// `reports` are oldest first, each with what identifies its content when that is known.
#[must_use]
pub fn make_way(reports: &[(Spooled, Option<Hash>)], bounds: Bounds, now: Timestamp) -> Vec<(Hash, MadeWay)> {
    let mut kept: Vec<&(Spooled, Option<Hash>)> = reports.iter().collect();
    let aged =
        ages(reports, now).iter().take_while(|age| **age > bounds.age_seconds).count().min(kept.len().max(1) - 1);
    let mut gone: Vec<_> = kept.drain(..aged).map(|(report, _)| (report.hash, MadeWay::Aged)).collect();
    let too_much = |kept: &[&(Spooled, Option<Hash>)]| {
        kept.len() > bounds.reports.max(1) || kept.iter().map(|(report, _)| report.size).sum::<u64>() > bounds.bytes
    };
    while kept.len() > 1 && too_much(&kept) {
        let same = |left: usize, right: usize| match (kept.get(left), kept.get(right)) {
            (Some((_, Some(left))), Some((_, Some(right)))) => left == right,
            _ => false,
        };
        let candidates = 0..kept.len() - 1;
        let middle = candidates.clone().skip(1).find(|at| same(at - 1, *at) && same(*at, at + 1));
        let (at, why) = match middle.or_else(|| candidates.clone().find(|at| same(*at, at + 1))) {
            Some(at) => (at, MadeWay::Identical),
            None => (0, MadeWay::Oldest),
        };
        gone.push((kept.remove(at).0.hash, why));
    }
    gone
}

/// The longest time between two reports that makes what came before older, in seconds.
const LONGEST_STEP: i64 = 7 * 86_400;

/// How many seconds each report has waited, as far as the reports after it tell: a clock that leaps ahead by a year, and a host
/// that was off as long, make none of them older than a week more.
fn ages(reports: &[(Spooled, Option<Hash>)], now: Timestamp) -> Vec<i64> {
    let mut ages = Vec::with_capacity(reports.len());
    let (mut age, mut next) = (0_i64, now.as_second());
    for (report, _) in reports.iter().rev() {
        age += next.saturating_sub(report.written.0).clamp(0, LONGEST_STEP);
        next = report.written.0;
        ages.push(age);
    }
    ages.reverse();
    ages
}

/// What could not be done to the spool.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {file}: {source}")]
pub struct SpoolError {
    operation: &'static str,
    file: PathBuf,
    source: std::io::Error,
}

impl SpoolError {
    fn new(operation: &'static str, file: &Path, source: std::io::Error) -> Self {
        SpoolError { operation, file: file.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reports(contents: &[u8]) -> Vec<(Spooled, Option<Hash>)> {
        let report = |(at, content): (usize, &u8)| {
            let spooled = Spooled { hash: Hash::of(&at.to_le_bytes()), size: 10, written: (at as i64, 0) };
            (spooled, (*content != b'?').then(|| Hash::of(&[*content])))
        };
        contents.iter().enumerate().map(report).collect()
    }

    /// The contents that stay, in order.
    fn kept(contents: &[u8], bounds: Bounds, now: i64) -> String {
        let all = reports(contents);
        let gone = make_way(&all, bounds, Timestamp::from_second(now).unwrap());
        let stays =
            |(_, (report, _)): &(usize, &(Spooled, Option<Hash>))| !gone.iter().any(|(hash, _)| *hash == report.hash);
        all.iter().enumerate().filter(stays).map(|(at, _)| char::from(contents[at])).collect()
    }

    #[test]
    fn what_says_nothing_of_its_own_goes_first_and_the_newest_never() {
        let bounds = |reports| Bounds { bytes: 1_000, reports, age_seconds: 1_000 };
        assert_eq!(kept(b"aaaabbc", bounds(5), 0), "aabbc");
        assert_eq!(kept(b"aaaabbc", bounds(3), 0), "abc");
        assert_eq!(kept(b"abcc", bounds(3), 0), "abc");
        assert_eq!(kept(b"abcd", bounds(2), 0), "cd");
        assert_eq!(kept(b"????", bounds(2), 0), "??");
        assert_eq!(kept(b"ab", Bounds { bytes: 1, reports: 0, age_seconds: 0 }, 9_999), "b");
        assert_eq!(kept(b"abcdef", Bounds { bytes: 40, reports: 9, age_seconds: 1_000 }, 0), "cdef");
        assert_eq!(kept(b"abc", Bounds { bytes: 40, reports: 9, age_seconds: 10 }, 11), "bc");
    }

    #[test]
    fn a_clock_that_leaps_ages_nothing_by_more_than_a_week() {
        let bounds = Bounds { bytes: 100_000, reports: 999, age_seconds: 180 * 86_400 };
        let leap = 400 * 86_400;
        assert_eq!(kept(b"abcdef", bounds, leap), "abcdef");
        assert_eq!(kept(b"abcdef", bounds, -leap), "abcdef");
        let days = |days: &[i64]| -> Vec<(Spooled, Option<Hash>)> {
            let report =
                |day: &i64| Spooled { hash: Hash::of(&day.to_le_bytes()), size: 10, written: (day * 86_400, 0) };
            days.iter().map(|day| (report(day), None)).collect()
        };
        let gone =
            |reports: &[_], now: i64| make_way(reports, bounds, Timestamp::from_second(now * 86_400).unwrap()).len();
        // A report a day: those of half a year ago have waited as long.
        let daily = days(&(0..190).collect::<Vec<_>>());
        assert_eq!(gone(&daily, 189), 9);
        // The clock was a year ahead for two of them.
        let leapt = days(&[&(0..100).collect::<Vec<_>>()[..], &[465, 466]].concat());
        assert_eq!((gone(&leapt, 466), gone(&leapt, 101)), (0, 0));
    }

    proptest! {
        #[test]
        fn the_rest_fits_and_no_content_is_lost_while_a_copy_could_go(contents in "[a-c]{1,20}", most in 1_usize..20) {
            let bounds = Bounds { bytes: u64::MAX, reports: most, age_seconds: i64::MAX };
            let rest = kept(contents.as_bytes(), bounds, 0);
            prop_assert!(rest.len() <= most && rest.ends_with(&contents[contents.len() - 1..]));
            let runs = |text: &str| { let mut runs = text.as_bytes().to_vec(); runs.dedup(); runs };
            if runs(&contents).len() <= most {
                prop_assert_eq!(runs(&rest), runs(&contents));
            }
        }
    }

    #[test]
    fn a_report_is_there_whole_and_a_killed_write_is_swept_up() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path().to_owned(), folder.path().join("refused"));
        std::fs::write(folder.path().join(".half.tmp"), b"half").unwrap();
        std::fs::write(folder.path().join("foreign.txt"), b"x").unwrap();
        let locked = spool.lock().unwrap();
        locked.put(Hash::of(b"a"), b"a").unwrap();
        assert_eq!(spool.list().unwrap().len(), 1);
        assert_eq!(spool.read(Hash::of(b"a")).unwrap().unwrap(), b"a");
        assert!(!folder.path().join(".half.tmp").exists());
        locked.refuse(Hash::of(b"a")).unwrap();
        locked.refuse(Hash::of(b"a")).unwrap();
        assert_eq!(spool.list().unwrap(), []);
        locked.remove(Hash::of(b"a")).unwrap();
        assert_eq!(std::fs::metadata(folder.path().join("refused")).unwrap().mode() & 0o777, 0o700);
    }
}
