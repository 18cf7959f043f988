//! rpm databases of real distributions, in each of the three formats: our list is rpm's own, or there is none.

use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use rusqlite::Connection;
use wlcg_acceptance::rpm_database::{REAL, as_ndb, as_sqlite, copied, real};
use wlcg_package_reporter::packages::rpm::{Unreadable, read_folder};

fn rpm(database: &Path, arguments: &[&str]) -> String {
    let output = Command::new("rpm").arg("--dbpath").arg(database).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// rpm's own list.
fn by_rpm(database: &Path) -> Vec<String> {
    let format = "%{NAME}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{ARCH}\\n";
    let answer = rpm(database, &["-qa", "--qf", format]);
    let mut lines: Vec<String> =
        answer.lines().filter(|line| !line.starts_with("gpg-pubkey\t")).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn by_us(database: &Path) -> Result<Vec<String>, Unreadable> {
    let packages = read_folder(database)?;
    let mut lines: Vec<String> =
        packages.iter().map(|package| format!("{}\t{}\t{}", package.name, package.version, package.arch)).collect();
    lines.sort();
    Ok(lines)
}

#[test]
fn the_list_is_rpms_own_in_every_format() {
    for folder in real() {
        let copy = copied(&folder);
        let expected = by_rpm(copy.path());
        assert!(expected.len() > 100, "{}", folder.display());
        assert_eq!(by_us(&folder).unwrap(), expected, "BerkeleyDB: {}", folder.display());
    }
    // One of them in the other formats.
    let folder = Path::new(REAL).join("centos8-modularitylabel");
    let sqlite = as_sqlite(&folder);
    let expected = by_rpm(sqlite.path());
    assert_eq!(by_us(sqlite.path()).unwrap(), expected, "SQLite");
    assert_eq!(by_us(as_ndb(sqlite.path()).path()).unwrap(), expected, "NDB");
    // SUSE's own, where it is at hand.
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/rpmdbs/sle15-bci");
    if shared.is_dir() {
        assert_eq!(by_us(&shared).unwrap().len(), 35);
    }
}

#[test]
fn nothing_is_written_beside_the_database_and_the_log_is_not_overlooked() {
    let database = as_sqlite(&Path::new(REAL).join("centos7-plain"));
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(database.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let expected = by_rpm(database.path());
    let before = names();
    assert_eq!(by_us(database.path()).unwrap(), expected);
    assert_eq!(names(), before);

    // A writer with a log of changes that the file lacks: not read as it lies, and rpm knows better.
    let writer = Connection::open(database.path().join("rpmdb.sqlite")).unwrap();
    let mode: String = writer.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    writer.pragma_update(None, "foreign_keys", false).unwrap();
    writer.execute("DELETE FROM Packages WHERE hnum = (SELECT max(hnum) FROM Packages)", []).unwrap();
    assert!(matches!(by_us(database.path()), Err(Unreadable::Busy)), "the file alone is out of date");
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("var/lib")).unwrap();
    std::os::unix::fs::symlink(database.path(), root.path().join("var/lib/rpm")).unwrap();
    let found = wlcg_package_reporter::packages::collect(root.path(), &[]).unwrap();
    assert_eq!(found.packages.len(), expected.len() - 1, "asked of rpm itself");
    drop(writer);
    assert_eq!(by_us(database.path()).unwrap().len(), expected.len() - 1, "the log is folded in: read directly again");
}

#[test]
fn a_user_without_rights_reads_roots_database() {
    if let Some(reason) = wlcg_acceptance::systemd_box::unavailable() {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "skipped a database of root's: {reason}");
        return;
    }
    let database = as_sqlite(&Path::new(REAL).join("centos7-plain"));
    let expected = by_rpm(database.path());
    let writer = Connection::open(database.path().join("rpmdb.sqlite")).unwrap();
    let _: String = writer.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0)).unwrap();
    drop(writer);
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("var/lib")).unwrap();
    let program = root.path().join("reporter");
    fs::copy(wlcg_acceptance::programs::program("wlcg-package-reporter"), &program).unwrap();
    fs::rename(database.path(), root.path().join("var/lib/rpm")).unwrap();
    // The reporter below another root, without rpm, shell or libraries of that root: as nobody, in a mount namespace.
    let script = "mount --bind \"$1/var/lib/rpm\" /var/lib/rpm && cp \"$1/reporter\" /run/reporter && chmod -R a+rX /var/lib/rpm \
        && exec setpriv --reuid nobody --regid nogroup --clear-groups env HOME=/nonexistent PATH=/nonexistent /run/reporter --site CERN-PROD show";
    fs::create_dir_all("/var/lib/rpm").unwrap();
    let shown = Command::new("unshare").args(["--mount", "sh", "-c", script, "sh"]).arg(root.path()).output().unwrap();
    let _ = fs::remove_file("/run/reporter");
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    let text = String::from_utf8(shown.stdout).unwrap();
    let found = text.lines().filter(|line| line.ends_with("\trpm")).count();
    assert_eq!(found, expected.len(), "no rpm program was there to ask");
}

#[test]
fn a_page_that_sqlites_tree_leads_to_twice_is_noticed() {
    let database = as_sqlite(&Path::new(REAL).join("centos7-plain"));
    let file = database.path().join("rpmdb.sqlite");
    let opened = Connection::open(&file).unwrap();
    let number = |sql: &str| usize::try_from(opened.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()).unwrap();
    let root = number("SELECT rootpage FROM sqlite_schema WHERE name = 'Packages'") - 1;
    let root = root * number("PRAGMA page_size");
    drop(opened);
    let mut bytes = fs::read(&file).unwrap();
    // SQLite's documentation, "Database File Format", section 1.6: a page within a table's tree has twelve bytes of header, then the
    // places of its cells, each of which begins with the number of a page.
    assert_eq!(bytes[root], 5, "it leads to other pages");
    let cell =
        |at: usize| root + usize::from(u16::from_be_bytes([bytes[root + 12 + 2 * at], bytes[root + 13 + 2 * at]]));
    let (first, second) = (cell(0), cell(1));
    bytes.copy_within(second..second + 4, first);
    fs::write(&file, bytes).unwrap();
    let refused = by_us(database.path()).unwrap_err().to_string();
    assert!(refused.contains("not in order"), "{refused}");
}

/// The whole list, or an error, and never less.
fn damaged(file: &Path, expected: &[String], at: usize, byte: u8, cut: bool) {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = fs::read(file).unwrap();
    let at = at % bytes.len();
    if cut {
        bytes.truncate(at);
    } else {
        bytes[at] ^= byte;
    }
    fs::write(folder.path().join(file.file_name().unwrap()), bytes).unwrap();
    match by_us(folder.path()) {
        Err(_) => {}
        Ok(found) if cut => assert_eq!(found, expected, "cut at {at}"),
        Ok(found) => {
            // A changed name may make a package of rpm's key. SQLite's pages say nothing that tells a row that is gone.
            let least = if file.ends_with("rpmdb.sqlite") { 0 } else { expected.len() };
            let packages = least..=expected.len() + 1;
            assert!(packages.contains(&found.len()), "{}, byte {at}: {} packages", file.display(), found.len());
        }
    }
}

fn cut_is_refused(file: &Path, length: usize) -> bool {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(file.file_name().unwrap()), &fs::read(file).unwrap()[..length]).unwrap();
    by_us(folder.path()).is_err()
}

#[test]
fn damage_is_noticed_or_harmless() {
    let real = Path::new(REAL).join("centos5-plain");
    let sqlite = as_sqlite(&real);
    let expected = by_rpm(sqlite.path());
    let ndb = as_ndb(sqlite.path());
    let files = [real.join("Packages"), sqlite.path().join("rpmdb.sqlite"), ndb.path().join("Packages.db")];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(60));
    runner
        .run(&(0_usize..3, any::<usize>(), 1_u8.., any::<bool>()), |(file, at, byte, cut)| {
            damaged(&files[file], &expected, at, byte, cut);
            Ok(())
        })
        .unwrap();
    // The front, of the file and of the first page behind it, holds what all else hangs on.
    for file in &files {
        for at in (0..512).step_by(3).chain(4096..4160) {
            damaged(file, &expected, at, 0xff, false);
        }
        let length = usize::try_from(fs::metadata(file).unwrap().len()).unwrap();
        for less in [1, 16, 4096] {
            assert!(cut_is_refused(file, length - less), "{} without its last {less} bytes", file.display());
        }
    }
    // What each of them says how much there is: kind of a page, its entries, last page, entries in all; slot pages, a slot.
    for (file, at, byte) in [(0, 4121, 2), (0, 4116, 1), (0, 32, 1), (0, 88, 1), (2, 12, 3), (2, 40, 1)] {
        damaged(&files[file], &expected, at, byte, false);
    }
}
