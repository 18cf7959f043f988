//! Opening: what `open --once` spends on a report of each kind, beside a bare RSA operation with the same kind of key.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use report::compression;
use report::sealed::{self, ContentEncryption, Recipient, SigningKey};
use wlcg_acceptance::load::{self, Plan};
use wlcg_acceptance::mariadb;
use wlcg_acceptance::programs::{Collector, Deployment};

use crate::cost;
use crate::section::{Row, Section, Target, rounded};
use crate::spread::Spread;

/// Rounds; in each every kind of report is opened once.
const ROUNDS: usize = 7;

/// Hosts that report in a round.
const HOSTS: usize = 1_000;

/// Packages of a host.
const PACKAGES: usize = 1_500;

/// Packages in which a host's list differs from those of its farm, of versions that other hosts have too.
const OWN: usize = 60;

/// Packages that an update changes.
const UPDATED: usize = 10;

/// Takes the processor's AVX-512 IFMA away from OpenSSL, ours and the limit's: RSA then costs what it does on processors without.
const WITHOUT_IFMA: (&str, &str) = ("OPENSSL_ia32cap", ":~0x200000");

pub(crate) fn measure() -> Section {
    let mut rows = Vec::new();
    for kind in ["SQLite", "MariaDB"] {
        let deployment = Deployment::new((kind == "MariaDB").then(mariadb::new_database));
        rows.extend(Opening::new(&deployment).rows(kind, if kind == "SQLite" { 1.0 } else { 0.5 }));
    }
    Section {
        title: "Opening: from sealed bytes to history",
        method: format!(
            "CPU (user and system, all threads) of one `open --once` for {HOSTS} waiting reports of {PACKAGES} packages, compressed \
             and sealed for an RSA-2048 key as hosts do, less that of an `open --once` that finds none; MariaDB's own CPU is not in \
             it. {ROUNDS} rounds. The limit is what `openssl speed rsa2048` spends on a private-key operation just before. First \
             reports: each host's list is its own, {OWN} packages away from its farm's, of versions that other hosts have. Changed: \
             {UPDATED} packages. Known list: hosts never seen before whose list another host has. Signed reports add a \
             verification (EC P-256) and the reading of the signer's certificate. Where a processor has AVX-512 IFMA, unchanged reports are opened \
             without it as well (`{}={}` for ours and for the limit): RSA then costs what it does on other processors.",
            WITHOUT_IFMA.0, WITHOUT_IFMA.1
        ),
        rows,
        remarks: REMARKS.to_owned(),
        ..Section::default()
    }
}

/// What the profile (perf, callgrind) says of the rest.
const REMARKS: &str = "\
The limit of an unchanged report is the RSA operation; its list is hashed and not parsed. Where OpenSSL has no AVX-512 IFMA, RSA takes \
0.45 ms on this processor, and on two others 0.60 (an Intel Xeon, its IFMA taken away; 0.715 of it) and 0.66 (an AMD EPYC that has \
none; 0.703). With IFMA it takes 0.21 ms and the rest what it took before, and 0.70 is out of reach. The profile (perf) of an unchanged \
report on SQLite, 0.356 ms: RSA 205 µs, the SHA-256 of its package lines 29, zstd 16, the CMS around the key and all else of the \
threads that unseal 29; SQLite's thread 46, half of them the kernel's, for waking whoever waits for a row and for files; the thread \
that stores, 30. 0.70 would be 293 µs, and what opens a report before anything of it is stored takes 279. On MariaDB, whose own CPU is \
not counted, it is at 0.642. What is known to be left: SQLite writes the sealed body once more with its row's state (9 µs with a body of \
6 kB; a table of its own for bodies would cost the front door a second insert), and rows wake a thread one by one (some 20 µs). \
A signature adds the reading of the signer's certificate, \
which OpenSSL 3 does by trying its decoders one after the other, and the verification: 0.04 ms of the difference. The number of SQL \
statements does not grow with the reports of a batch, whether they are of new hosts, changed or not. The lines of a changed report are \
looked up by a keyed hash and parsed only when they are new, and the newest list of a lineage is kept at hand: before that, each line was \
parsed, hashed twice with SHA-256 and its lineage read anew, and 286 to 350 changed reports a second were opened.";

/// Milliseconds of CPU a report, by what was opened, and those of a bare RSA operation, round by round.
#[derive(Default)]
struct Figures {
    first: Vec<(f64, f64)>,
    unchanged: Vec<(f64, f64)>,
    without_ifma: Vec<(f64, f64)>,
    signed: Vec<(f64, f64)>,
    known_list: Vec<(f64, f64)>,
    changed: Vec<(f64, f64)>,
    changed_signed: Vec<(f64, f64)>,
}

struct Opening<'a> {
    deployment: &'a Deployment,
    collector: Collector,
    recipient: Recipient,
    signer: SigningKey,
    day: i64,
}

impl<'a> Opening<'a> {
    fn new(deployment: &'a Deployment) -> Self {
        let pem = std::fs::read(deployment.certificate("officer")).unwrap();
        let begin = Timestamp::from_second(1_700_000_000).unwrap();
        Opening {
            deployment,
            collector: deployment.serve(&["--no-open", "--no-desk"]),
            recipient: Recipient::from_pem(&pem).unwrap().remove(0),
            signer: SigningKey::generate("farm", begin).unwrap(),
            day: 0,
        }
    }

    fn rows(&mut self, kind: &str, share: f64) -> Vec<Row> {
        let mut figures = Figures::default();
        // Versions that hosts may have are known, as they are after the first days of a grid.
        let all: Vec<String> = (0..HOSTS).map(|host| self.text("seen", host, &versions(host, 99))).collect();
        self.open(&all, None);
        for round in 0..ROUNDS {
            let lists: Vec<Vec<usize>> = (0..HOSTS).map(|host| versions(host, round)).collect();
            let hosts = format!("wn{round}");
            let texts = |this: &Self, hosts: &str, lists: &[Vec<usize>]| -> Vec<String> {
                lists.iter().enumerate().map(|(host, list)| this.text(hosts, host, list)).collect()
            };
            figures.first.push(self.open(&texts(self, &hosts, &lists), None));
            figures.unchanged.push(self.open(&texts(self, &hosts, &lists), None));
            if has_ifma() {
                figures.without_ifma.push(self.open_with(&[WITHOUT_IFMA], &texts(self, &hosts, &lists), None));
            }
            let clones = format!("clone{round}");
            figures.known_list.push(self.open(&texts(self, &clones, &lists), None));
            let changed: Vec<Vec<usize>> = lists.iter().enumerate().map(|(host, list)| update(list, host)).collect();
            figures.changed.push(self.open(&texts(self, &clones, &changed), None));
            let signer = self.signer.clone();
            // Their first signature pins the key.
            self.open(&texts(self, &hosts, &lists), Some(&signer));
            figures.signed.push(self.open(&texts(self, &hosts, &lists), Some(&signer)));
            let again: Vec<Vec<usize>> =
                changed.iter().enumerate().map(|(host, list)| update(list, host + 7)).collect();
            figures.changed_signed.push(self.open(&texts(self, &hosts, &again), Some(&signer)));
        }
        self.told(kind, share, &figures)
    }

    fn told(&self, kind: &str, share: f64, figures: &Figures) -> Vec<Row> {
        let against = |what: &str, pairs: &[(f64, f64)], target: Target| {
            let limit = format!("RSA-2048 {} ms", rounded(Spread::of(pairs.iter().map(|pair| pair.1)).median));
            let shown = Spread::of(pairs.iter().map(|pair| pair.0)).shown(" ms CPU");
            // Reports a second to RSA operations a second.
            let ratio = Spread::of(pairs.iter().map(|(ours, bare)| bare / ours));
            Row::ratio(&format!("{kind}: {what}"), shown, limit, ratio, target)
        };
        let rate = |what: &str, pairs: &[(f64, f64)], target: Target| {
            let each = Spread::of(pairs.iter().map(|pair| pair.0));
            let shown = format!("{} ms CPU", each.shown(""));
            Row::figure(&format!("{kind}: {what}"), 1_000.0 / each.median, " /s a core", shown, target)
        };
        let to_unchanged: Vec<(f64, f64)> = figures
            .known_list
            .iter()
            .zip(&figures.unchanged)
            .map(|(known, unchanged)| (known.0, unchanged.0))
            .collect();
        let mut rows = vec![against("unchanged, not signed", &figures.unchanged, Target::AtLeast(0.7 * share))];
        if !figures.without_ifma.is_empty() {
            let target = Target::AtLeast(0.7 * share);
            rows.push(against("unchanged, not signed, RSA without IFMA", &figures.without_ifma, target));
        }
        rows.extend([
            against("unchanged, signed", &figures.signed, Target::None),
            rate("changed, not signed", &figures.changed, Target::AtLeast(600.0 * share)),
            rate("changed, signed", &figures.changed_signed, Target::None),
            rate("first, not signed", &figures.first, Target::AtLeast(250.0 * share)),
            Row::ratio(
                &format!("{kind}: first, of a known list"),
                Spread::of(figures.known_list.iter().map(|pair| pair.0)).shown(" ms CPU"),
                "unchanged".to_owned(),
                Spread::of_ratios(&to_unchanged),
                Target::AtMost(1.1),
            ),
        ]);
        rows
    }

    /// Posts the texts as reports of the next day and opens them: CPU of each, and of a bare RSA operation, milliseconds.
    fn open(&mut self, texts: &[String], signer: Option<&SigningKey>) -> (f64, f64) {
        self.open_with(&[], texts, signer)
    }

    /// The same, with something in the environment of what opens them, and of the bare operation.
    fn open_with(&mut self, environment: &[(&str, &str)], texts: &[String], signer: Option<&SigningKey>) -> (f64, f64) {
        self.day += 1;
        let seal = |text: &String| {
            let content = compression::compress(text.as_bytes()).unwrap();
            let content = signer.map_or_else(|| content.clone(), |signer| signer.sign(&content).unwrap());
            sealed::seal(&content, std::slice::from_ref(&self.recipient), ContentEncryption::default()).unwrap()
        };
        let reports: Vec<Vec<u8>> = texts.iter().map(seal).collect();
        let nothing = self.opened(0, environment);
        let plan =
            Plan { url: self.collector.url.clone(), connections: 16, rate: None, longest: Duration::from_secs(60) };
        let posted = load::post(&plan, &reports);
        assert_eq!(posted.answers.get("201"), Some(&reports.len()), "{posted}");
        let bare = bare_rsa_with(environment);
        ((self.opened(reports.len(), environment) - nothing) / reports.len() as f64, bare)
    }

    /// CPU of one `open --once` that opens so many.
    fn opened(&self, expected: usize, environment: &[(&str, &str)]) -> f64 {
        let mut command = self.deployment.collector();
        command.envs(environment.iter().copied());
        let mut child = command.args(["open", "--once"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let said = std::io::read_to_string(child.stdout.take().unwrap()).unwrap();
        assert!(said.contains(&format!("opened {expected}, set aside 0")), "{said}");
        cost::ended(&mut child)
    }

    fn text(&self, hosts: &str, host: usize, list: &[usize]) -> String {
        let collected = Timestamp::from_second(1_770_000_000 + self.day * 86_400).unwrap();
        let mut text = format!(
            "#\narch: x86_64\ncollected: {}\nhost: {hosts}-{host}.example.org\nkernel: 5.14.0-427.el9.x86_64\npackager: rpm\n\
             site: CERN-PROD\nsystem: AlmaLinux release 9.4 (Seafoam Ocelot)\nversion: 1\n#\n",
            collected.strftime("%Y-%m-%dT%H:%M:%SZ")
        );
        for (package, version) in list.iter().enumerate() {
            let _ = writeln!(text, "some-package-{package:04}\t0:1.{version}.0-1.el9\tx86_64");
        }
        text + "#\n"
    }
}

/// Each package's version on a host: that of the farm but for some.
fn versions(host: usize, round: usize) -> Vec<usize> {
    let mut versions = vec![0; PACKAGES];
    for own in 0..OWN {
        versions[(host * 37 + own * 23 + round * 11) % PACKAGES] = 1 + (host + own + round) % 4;
    }
    versions
}

fn update(versions: &[usize], host: usize) -> Vec<usize> {
    let mut updated = versions.to_vec();
    for package in 0..UPDATED {
        let at = (host * 13 + package * 131) % PACKAGES;
        updated[at] = (updated[at] + 1) % 5;
    }
    updated
}

/// Milliseconds of CPU that OpenSSL spends on one RSA-2048 private-key operation.
pub(crate) fn bare_rsa() -> f64 {
    bare_rsa_with(&[])
}

fn bare_rsa_with(environment: &[(&str, &str)]) -> f64 {
    let mut command = Command::new("openssl");
    command.envs(environment.iter().copied());
    let output = command.args(["speed", "-mr", "-seconds", "1", "rsa2048"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // +F2:number:bits:signatures a second:verifications a second
    let line = said.lines().find(|line| line.starts_with("+F2:")).unwrap_or_else(|| panic!("{said}"));
    1_000.0 / line.split(':').nth(3).unwrap().parse::<f64>().unwrap()
}

/// Whether OpenSSL has a faster RSA on this processor than on most.
fn has_ifma() -> bool {
    std::fs::read_to_string("/proc/cpuinfo").unwrap().contains(" avx512ifma")
}
