//! Real package databases: rpm's made here with rpmbuild, dpkg's copied from this machine, both on one host.

use std::fs;
use std::path::Path;
use std::process::Command;

use report::package::Packager;
use wlcg_package_reporter::packages::{self, CollectError};

/// Name, epoch, version and release of the packages that are built and installed.
const BUILT: [(&str, u32, &str, &str); 3] = [
    ("xrootd-server", 1, "5.6.4~rc1", "1.el9"),
    ("zlib", 0, "1.2.11^git1", "40.el9"),
    ("kernel-core", 0, "5.14.0", "427.el9"),
];

#[test]
fn both_managers_of_a_host_are_reported() {
    let root = tempfile::tempdir().unwrap();
    let database = root.path().join("var/lib/rpm");
    fs::create_dir_all(&database).unwrap();
    install_rpms(root.path(), &database);
    let rpm_only = packages::collect(root.path(), &[]).unwrap();
    let expected = ["kernel-core 0:5.14.0-427.el9", "xrootd-server 1:5.6.4~rc1-1.el9", "zlib 0:1.2.11^git1-40.el9"];
    assert_eq!(rpm_only.packager, Packager::Rpm);
    assert_eq!(shown(&rpm_only), expected);

    fs::create_dir_all(root.path().join("var/lib/dpkg")).unwrap();
    fs::copy("/var/lib/dpkg/status", root.path().join("var/lib/dpkg/status")).unwrap();
    let both = packages::collect(root.path(), &["zlib".to_owned()]).unwrap();
    assert_eq!(both.packager, Packager::Dpkg, "the manager of most packages gives the report its name");
    assert_eq!(both.packages.iter().filter(|package| package.packager == Packager::Rpm).count(), 2, "one is skipped");
    assert!(both.packages.len() > 100);
}

#[test]
fn an_rpm_database_that_changes_while_it_is_read_is_read_whole_and_never_blocked() {
    let root = tempfile::tempdir().unwrap();
    let database = root.path().join("var/lib/rpm");
    fs::create_dir_all(&database).unwrap();
    install_rpms(root.path(), &database);
    let dbpath = format!("--dbpath={}", database.display());
    let built = fs::read_dir(root.path().join("build/RPMS/noarch")).unwrap().map(|entry| entry.unwrap().path());
    let zlib = built.into_iter().find(|file| file.to_string_lossy().contains("zlib")).unwrap();
    let writer = std::thread::spawn({
        let dbpath = dbpath.clone();
        move || {
            for _ in 0..15 {
                run(Command::new("rpm").args([&dbpath, "-e", "--justdb", "--nodeps", "--noscripts", "zlib"]));
                run(Command::new("rpm").args([&dbpath, "-i", "--justdb", "--nodeps", "--noscripts"]).arg(&zlib));
            }
        }
    });
    let mut lengths = std::collections::BTreeSet::new();
    let mut reads = 0;
    while !writer.is_finished() || reads == 0 {
        // A busy database is an error that the next run gets over; a list is whole.
        if let Ok(found) = packages::collect(root.path(), &[]) {
            lengths.insert(found.packages.len());
            reads += 1;
        }
    }
    writer.join().unwrap();
    assert!(lengths.iter().all(|length| [2, 3].contains(length)) && reads > 5, "{lengths:?} in {reads} reads");
    assert_eq!(packages::collect(root.path(), &[]).unwrap().packages.len(), 3);
    run(Command::new("rpm").args([&dbpath, "-qa"]));
}

#[test]
fn a_list_that_may_not_be_whole_is_never_given() {
    let root = tempfile::tempdir().unwrap();
    assert!(matches!(packages::collect(root.path(), &[]), Err(CollectError::NoManager { .. })));
    let dpkg = root.path().join("var/lib/dpkg");
    fs::create_dir_all(&dpkg).unwrap();
    fs::write(dpkg.join("status"), "").unwrap();
    assert!(matches!(packages::collect(root.path(), &[]), Err(CollectError::NoPackages)));
    fs::write(dpkg.join("status"), "Package: a\nStatus: install ok installed\nVersion: 1").unwrap();
    assert!(matches!(packages::collect(root.path(), &[]), Err(CollectError::Dpkg { .. })));
    fs::remove_dir_all(dpkg).unwrap();
    let rpm = root.path().join("var/lib/rpm");
    fs::create_dir_all(&rpm).unwrap();
    fs::write(rpm.join("rpmdb.sqlite"), vec![b'x'; 8192]).unwrap();
    let error = packages::collect(root.path(), &[]).unwrap_err();
    assert!(matches!(error, CollectError::Rpm { .. } | CollectError::NoPackages), "{error}");
}

fn shown(installed: &packages::Installed) -> Vec<String> {
    installed.packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect()
}

fn install_rpms(root: &Path, database: &Path) {
    let database = format!("--dbpath={}", database.display());
    for (name, epoch, version, release) in BUILT {
        let spec = root.join(format!("{name}.spec"));
        let text = format!(
            "Name: {name}\nEpoch: {epoch}\nVersion: {version}\nRelease: {release}\nSummary: x\nLicense: x\nBuildArch: noarch\n%description\nx\n%files\n"
        );
        let text = if epoch == 0 { text.replace("Epoch: 0\n", "") } else { text };
        fs::write(&spec, text).unwrap();
        let topdir = format!("_topdir {}", root.join("build").display());
        run(Command::new("rpmbuild").args(["-bb", "--define", &topdir, &database]).arg(&spec));
    }
    let built: Vec<_> =
        fs::read_dir(root.join("build/RPMS/noarch")).unwrap().map(|entry| entry.unwrap().path()).collect();
    run(Command::new("rpm")
        .args([&database, "-i", "--justdb", "--nodeps", "--noscripts", "--ignorearch", "--ignoreos"])
        .args(built));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; `make deps` installs it"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
