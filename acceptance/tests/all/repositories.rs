//! Minimum versions out of real repository metadata: made by createrepo_c of rpms, by dpkg-scanpackages and apt-ftparchive of debs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use wlcg_acceptance::programs::{Deployment, program};

use super::{seal, text};

on_both_databases!(becomes_what_hosts_are_held_against);

/// Name, epoch, version and release; of each name the newest is neither the first nor the last.
const RPMS: [(&str, u32, &str, &str); 6] = [
    ("xrootd-server", 1, "5.6.9", "1.el9"),
    ("xrootd-server", 1, "5.6.10", "1.el9"),
    ("xrootd-server", 0, "9.9", "1.el9"),
    ("xrootd-client", 1, "5.6.10~rc1", "1.el9"),
    ("xrootd-client", 1, "5.6.10", "2.el9_4"),
    ("dcache", 0, "9.2.1", "1"),
];

const DEBS: [(&str, &str); 4] = [
    ("xrootd-server", "5.6.9-1"),
    ("xrootd-server", "5.6.10-1+deb12u1"),
    ("xrootd-server", "5.6.10~rc1-1"),
    ("dcache", "2:9.2.1"),
];

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; `make deps` installs it"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A repository of binary and source packages, with the metadata that createrepo_c makes of it.
fn rpm_repository(root: &Path) -> PathBuf {
    let repository = root.join("repository");
    fs::create_dir_all(&repository).unwrap();
    for (at, (name, epoch, version, release)) in RPMS.iter().enumerate() {
        let spec = root.join(format!("{at}.spec"));
        let text = format!(
            "Name: {name}\nEpoch: {epoch}\nVersion: {version}\nRelease: {release}\nSummary: <x> & \"y\"\nLicense: x\nBuildArch: noarch\n%description\nx\n%files\n"
        );
        fs::write(&spec, if *epoch == 0 { text.replace("Epoch: 0\n", "") } else { text }).unwrap();
        let topdir = format!("_topdir {}", root.join("build").display());
        run(Command::new("rpmbuild").args(["-ba", "--quiet", "--define", &topdir]).arg(&spec));
    }
    // A source package that is newer than every binary one, as while a build fails.
    let spec = root.join("source.spec");
    fs::write(
        &spec,
        "Name: xrootd-server\nEpoch: 2\nVersion: 6\nRelease: 1\nSummary: x\nLicense: x\n%description\nx\n%files\n",
    )
    .unwrap();
    let topdir = format!("_topdir {}", root.join("build").display());
    run(Command::new("rpmbuild").args(["-bs", "--quiet", "--define", &topdir]).arg(&spec));
    for folder in ["build/RPMS/noarch", "build/SRPMS"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), repository.join(entry.file_name())).unwrap();
        }
    }
    run(Command::new("createrepo_c").arg("--quiet").arg(&repository));
    repository
}

fn primary(repository: &Path) -> PathBuf {
    let mut files = fs::read_dir(repository.join("repodata")).unwrap().map(|entry| entry.unwrap().path());
    files.find(|file| file.to_string_lossy().contains("-primary.xml")).unwrap()
}

/// The arguments that ask a repository for packages of xrootd.
fn asking<'a>(file: &'a Path, packages: &[&'a str]) -> Vec<&'a str> {
    let mut arguments =
        vec!["reference", "from-repository", file.to_str().unwrap(), "--name", "Baseline", "--product", "xrootd"];
    arguments.extend(packages.iter().flat_map(|package| ["--package", package]));
    arguments
}

/// Package, system and minimum of each reference in a printed list.
fn minimums(list: &str) -> Vec<(String, Option<String>, String)> {
    let list = wlcg_package_collector::reference::ReferenceList::from_toml(list).unwrap();
    assert_eq!(list.name, "Baseline");
    list.references.into_iter().map(|reference| (reference.package, reference.os, reference.minimum.unwrap())).collect()
}

fn of(package: &str, os: Option<&str>, minimum: &str) -> (String, Option<String>, String) {
    (package.to_owned(), os.map(str::to_owned), minimum.to_owned())
}

/// The same file in every packing.
fn packed(plain: &Path) -> Vec<PathBuf> {
    for (tool, arguments) in
        [("gzip", vec!["-k", "-f", "-9"]), ("xz", vec!["-k", "-f", "-9"]), ("zstd", vec!["-k", "-f", "-q", "-19"])]
    {
        run(Command::new(tool).args(arguments).arg(plain));
    }
    let with = |end: &str| PathBuf::from(format!("{}{end}", plain.display()));
    vec![plain.to_owned(), with(".gz"), with(".xz"), with(".zst")]
}

fn becomes_what_hosts_are_held_against(deployment: &Deployment) {
    let root = tempfile::tempdir().unwrap();
    let repository = rpm_repository(root.path());
    let expected =
        [of("xrootd-client", Some("el9"), "1:5.6.10-2.el9_4"), of("xrootd-server", Some("el9"), "1:5.6.10-1.el9")];
    let packed_primary = primary(&repository);
    let plain = root.path().join("primary.xml");
    fs::write(&plain, run(Command::new("gzip").arg("-dc").arg(&packed_primary))).unwrap();
    let mut forms = packed(&plain);
    forms.extend([
        repository.clone(),
        repository.join("repodata"),
        repository.join("repodata/repomd.xml"),
        packed_primary.clone(),
    ]);
    for file in &forms {
        let printed = deployment.ask_text(&[&asking(file, &["xrootd-*"])[..], &["--os", "el9"]].concat());
        assert_eq!(minimums(&printed), expected, "{}", file.display());
    }
    assert!(deployment.rows(&["reference", "list"]).is_empty(), "printing stores nothing");

    let debs = deb_repository(root.path());
    let import =
        [&asking(&repository, &["xrootd-*"])[..], &["--os", "el9", "--import", "--note", "the autumn's packages"]]
            .concat();
    deployment.ask(&import);
    deployment.ask(&[&asking(&debs, &["xrootd-server"])[..], &["--os", "debian12", "--import"]].concat());
    deployment.ask(&import);
    let versions = deployment.rows(&["reference", "list"]);
    assert_eq!(versions.len(), 2, "what changes nothing is no new version: {versions:?}");
    assert!(versions.iter().any(|version| version["note"] == "the autumn's packages"), "{versions:?}");
    let exported = deployment.ask_text(&["reference", "export", "Baseline"]);
    assert_eq!(
        minimums(&exported),
        [&expected[..], &[of("xrootd-server", Some("debian12"), "5.6.10-1+deb12u1")]].concat()
    );

    let collector = deployment.serve(&["--no-open"]);
    for (host, version) in [("wn1", "1:5.6.10-1.el9"), ("wn2", "1:5.6.9-1.el9")] {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let report = text(host, &now, &[("xrootd-server", version)]);
        assert_eq!(collector.report(&seal(&deployment.certificate("officer"), &report)).0, 201);
    }
    deployment.ask(&["open", "--once"]);
    let compared = deployment.rows(&["compare", "--product", "xrootd"]);
    let state = |host: &str| compared.iter().find(|row| row["host"] == host).map(|row| row["state"].clone());
    assert_eq!((state("wn1"), state("wn2")), (Some(Value::from("compliant")), Some("behind".into())), "{compared:?}");
}

/// A folder with debs, and the Packages that dpkg-scanpackages makes of it.
fn deb_repository(root: &Path) -> PathBuf {
    let pool = root.join("pool");
    fs::create_dir_all(&pool).unwrap();
    for (name, version) in DEBS {
        let tree = root.join(format!("{name}-{version}"));
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: André <a@example.org>\nDescription: x: y\n more\n .\n more\n"
        );
        fs::write(tree.join("DEBIAN/control"), control).unwrap();
        run(Command::new("dpkg-deb").args(["--root-owner-group", "-b"]).args([&tree, &pool]));
    }
    let packages = root.join("Packages");
    fs::write(&packages, run(Command::new("dpkg-scanpackages").args(["--multiversion", "pool"]).current_dir(root)))
        .unwrap();
    packages
}

#[test]
fn debian_indices_in_every_packing() {
    let deployment = Deployment::new(None);
    let root = tempfile::tempdir().unwrap();
    let scanned = deb_repository(root.path());
    let by_apt = root.path().join("by-apt");
    fs::write(&by_apt, run(Command::new("apt-ftparchive").args(["packages", "pool"]).current_dir(root.path())))
        .unwrap();
    for file in packed(&scanned).into_iter().chain(packed(&by_apt)) {
        let printed = deployment.ask_text(&asking(&file, &["*"]));
        let expected = [of("dcache", None, "2:9.2.1"), of("xrootd-server", None, "5.6.10-1+deb12u1")];
        assert_eq!(minimums(&printed), expected, "{}", file.display());
    }
}

#[test]
fn what_is_not_whole_or_not_there_is_told() {
    let deployment = Deployment::new(None);
    let root = tempfile::tempdir().unwrap();
    let repository = rpm_repository(root.path());
    let refused = |file: &Path, packages: &[&str]| {
        let output = deployment.collector().args(asking(file, packages)).output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{}", file.display());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(file.file_name().unwrap().to_str().unwrap()), "{error}");
        error
    };
    assert!(refused(&repository, &["xrootd-*", "xrotd"]).contains("\"xrotd\""));
    assert!(refused(&repository, &["xrootd < 5"]).contains("expected a name"));
    assert!(refused(root.path(), &["*"]).contains("repodata/repomd.xml"));
    assert!(refused(&root.path().join("nowhere"), &["*"]).contains("No such file"));
    let file = primary(&repository);
    let bytes = fs::read(&file).unwrap();
    let half = root.path().join("half.xml.gz");
    fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    assert!(refused(&half, &["*"]).contains("half.xml.gz"));
    // Another day's primary under the name of today's.
    let mut changed = bytes.clone();
    changed.extend_from_slice(&bytes);
    fs::write(&file, changed).unwrap();
    assert!(refused(&file, &["*"]).contains("second document"));
    let error = deployment.collector().args(asking(&repository, &["*"])).output().unwrap().stderr;
    assert!(String::from_utf8(error).unwrap().contains("checksum"));
}

#[test]
fn large_metadata_is_streamed() {
    let deployment = Deployment::new(None);
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("primary.xml");
    let entry = "<rpm:entry name=\"libexample.so.6(GLIBC_2.34)(64bit)\" flags=\"EQ\" epoch=\"0\" ver=\"1\" rel=\"1\"/>"
        .repeat(20);
    let package = |number: usize| {
        format!(
            "<package type=\"rpm\"><name>package-{number}</name><arch>x86_64</arch><version epoch=\"0\" ver=\"1.{number}\" rel=\"1.el9\"/><format><rpm:requires>{entry}</rpm:requires></format></package>\n"
        )
    };
    let of_size = |packages: usize| {
        let mut text = format!("<metadata xmlns=\"http://linux.duke.edu/metadata/common\" packages=\"{packages}\">\n");
        (0..packages).for_each(|number| text += &package(number));
        fs::write(&file, text + "</metadata>\n").unwrap();
        run(Command::new("gzip").args(["-k", "-f", "-1"]).arg(&file));
        let packed = root.path().join("primary.xml.gz");
        // Python knows the most memory that a child has had.
        let script = "import resource, subprocess, sys\nsubprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\nprint(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
        let mut python = Command::new("python3");
        python.args(["-c", script]).arg(program("wlcg-package-collector")).args(["--database", &deployment.database]);
        let kibibytes: u64 = run(python.args(asking(&packed, &["package-1", "package-77?"]))).trim().parse().unwrap();
        (fs::metadata(&file).unwrap().len() / 1024, kibibytes)
    };
    let (_, of_few) = of_size(1_000);
    let (size, of_many) = of_size(30_000);
    assert!(size > 50_000, "{size} KiB of metadata");
    assert!(
        of_many < of_few + 8_192,
        "{of_many} KiB of memory for {size} KiB of metadata, {of_few} KiB for a thirtieth of it"
    );
}
