//! A whole report of a host, from its package database to the acknowledgement, beside the package manager's own list.

use std::path::Path;
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use wlcg_acceptance::programs::{Collector, Deployment};
use wlcg_acceptance::rpm_database::{REAL, as_ndb, with_packages};

use crate::cost;
use crate::section::{Row, Section, Target};
use crate::spread::Spread;

/// Runs of each program.
const RUNS: usize = 25;

/// Packages of the invented rpm host.
const PACKAGES: usize = 1_500;

/// The reporter may hold so much memory at any time.
const MOST_MIB: f64 = 12.0;

pub(crate) fn measure() -> Section {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&["--no-open", "--no-desk"]);
    let reporting = Reporting { deployment: &deployment, collector: &collector };
    let mut rows = reporting.dpkg_host();
    let rpm_rows = std::thread::scope(|scope| scope.spawn(|| reporting.rpm_hosts()).join().unwrap());
    rows.extend(rpm_rows);
    Section {
        title: "Reporter: what a host pays for a report",
        method: format!(
            "A whole `wlcg-package-reporter report`: collect, format, compress, sign, seal, spool with its syncs, post to a \
             collector on loopback that stores it durably, acknowledged. {RUNS} runs of each program in turn, whole \
             processes. The rpm host has {PACKAGES} packages of CentOS 5 to 8 with their real headers, put together in one \
             database; the dpkg host is the machine itself. OpenSSL is inside the program, as in the packages. Debian's rpm reads \
             no NDB: beside it stands rpm with the same headers in SQLite."
        ),
        rows,
        remarks: REMARKS.to_owned(),
        ..Section::default()
    }
}

/// What the profile (callgrind, perf) says of the rest.
const REMARKS: &str = "\
Of the report of a dpkg host some 45 % are the kernel: page faults (a quarter of all; 490 of them, 1,150 in `dpkg-query`), starting \
the program, two syncs of the spool and three renames, a connection. The rest is OpenSSL starting up (its configuration, its random \
generator, and the search through its decoders for each certificate: 9 of 29 million instructions), and some 5 million for finding \
and formatting the packages, 3 for signing and sealing, 1 for zstd. Before, the same report took 40 million instructions and 784 page \
faults: the status file was held whole (8 million), the host's key was found by OpenSSL's decoders (4 million), and OpenSSL was loaded \
as a library (80 page faults and 3 million instructions for its symbols). Of an rpm host's, what is added is reading one page in ten of \
the database: of each header only its front. BerkeleyDB has no index of headers worth the name: every page is read once, 26 MB of them \
here, and that is what its report costs.";

struct Reporting<'a> {
    deployment: &'a Deployment,
    collector: &'a Collector,
}

impl Reporting<'_> {
    fn report(&self) -> f64 {
        cost::of(self.deployment.reporter(&self.collector.url).arg("report"))
    }

    /// Our report and each peer in turn.
    fn beside<const N: usize>(&self, peers: &mut [Command; N]) -> (Vec<f64>, [Vec<f64>; N]) {
        // The first run makes the key, and all files are in memory then.
        self.report();
        let mut ours = Vec::with_capacity(RUNS);
        let mut theirs = [const { Vec::new() }; N];
        for _ in 0..RUNS {
            ours.push(self.report());
            for (peer, costs) in peers.iter_mut().zip(&mut theirs) {
                costs.push(cost::of(peer));
            }
        }
        (ours, theirs)
    }

    fn dpkg_host(&self) -> Vec<Row> {
        let status = std::fs::read_to_string("/var/lib/dpkg/status").unwrap_or_default();
        let packages = status.matches("Status: install ok installed").count();
        let (ours, [list]) = self.beside(&mut [command("dpkg-query", &["-W"])]);
        let what = format!("report of {packages} dpkg packages");
        vec![against(&what, &ours, "dpkg-query -W", &list, Target::AtMost(1.0)), self.peak(&what)]
    }

    /// Hosts whose database is put in place in a mount namespace of this thread's own.
    fn rpm_hosts(&self) -> Vec<Row> {
        if !nix::unistd::geteuid().is_root() {
            println!("skipped rpm hosts: only root can put another database in place");
            return Vec::new();
        }
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
        std::fs::create_dir_all("/var/lib/rpm").unwrap();
        let nothing = tempfile::tempdir().unwrap();
        bind(nothing.path(), "/var/lib/dpkg");
        let sqlite = with_packages(PACKAGES);
        let ndb = as_ndb(sqlite.path());
        let bdb = Path::new(REAL).join("centos8-modularitylabel");
        let aims = [Target::AtMost(0.125), Target::AtMost(0.5)];
        let what = |kind| format!("report of {PACKAGES} rpm packages ({kind})");
        let mut rows = self.rpm_host(&what("SQLite"), sqlite.path(), sqlite.path(), aims);
        // Debian's rpm reads no NDB: it reads the same headers in SQLite.
        rows.extend(self.rpm_host(&what("NDB"), ndb.path(), sqlite.path(), aims));
        // The largest of its kind that there is; nothing here writes one of as many packages as the targets are for.
        rows.extend(self.rpm_host("report of 518 rpm packages (BerkeleyDB)", &bdb, &bdb, [Target::None; 2]));
        rows
    }

    /// Of a run of its own, which must do without another process.
    fn peak(&self, what: &str) -> Row {
        let mut command = self.deployment.reporter(&self.collector.url);
        let (peak, had_children) = cost::at_its_last_word(command.arg("report"));
        assert!(!had_children, "a report starts no other process");
        let what = format!("{what}, peak memory, no child process");
        Row::figure(&what, peak, " MiB", String::new(), Target::AtMost(MOST_MIB))
    }

    fn rpm_host(&self, what: &str, database: &Path, peers: &Path, aims: [Target; 2]) -> Vec<Row> {
        bind(database, "/var/lib/rpm");
        let folder = peers.to_str().unwrap();
        let all = command("rpm", &["--dbpath", folder, "-qa"]);
        let unverified = command("rpm", &["--dbpath", folder, "-qa", "--nodigest", "--nosignature"]);
        let (ours, [all, unverified]) = self.beside(&mut [all, unverified]);
        vec![
            against(what, &ours, "rpm -qa", &all, aims[0]),
            against(what, &ours, "rpm -qa --nodigest --nosignature", &unverified, aims[1]),
            self.peak(what),
        ]
    }
}

fn against(what: &str, ours: &[f64], peer: &str, theirs: &[f64], target: Target) -> Row {
    let pairs: Vec<(f64, f64)> = ours.iter().copied().zip(theirs.iter().copied()).collect();
    let shown = Spread::of(pairs.iter().map(|pair| pair.0)).shown(" ms CPU");
    let peer = format!("`{peer}` {}", Spread::of(theirs.iter().copied()).shown(" ms CPU"));
    Row::ratio(what, shown, peer, Spread::of_ratios(&pairs), target)
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

fn bind(folder: &Path, place: &str) {
    mount(Some(folder), place, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
}
