//! The reporter killed, started twice, out of room, cut off from its power and given a spool that is not its own: no report is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use report::compression;
use report::hash::Hash;
use report::sealed::{self, OpeningKey};
use wlcg_acceptance::fault_proxy::FaultProxy;
use wlcg_acceptance::ledger::{any_moment, kills, told};
use wlcg_acceptance::programs::{Collector, Deployment, eventually};

use crate::reporter::run;

const NOBODY: &str = "http://127.0.0.1:1";

/// Every report that was whole in the spool at some time.
#[derive(Default)]
struct Seen(BTreeMap<String, Vec<u8>>);

impl Seen {
    /// Looks into the spool; what is there under a report's name is that report. How many are new.
    fn look(&mut self, deployment: &Deployment) -> usize {
        let before = self.0.len();
        for name in deployment.spooled() {
            let bytes = std::fs::read(deployment.spool().join(&name)).unwrap();
            assert_eq!(format!("{}.p7m", Hash::of(&bytes)), name, "a spooled report is whole");
            self.0.insert(name.trim_end_matches(".p7m").to_owned(), bytes);
        }
        self.0.len() - before
    }

    /// The collector has each, bit for bit and once, and can open it.
    fn check(&self, deployment: &Deployment) {
        deployment.ask(&["open", "--once"]);
        let rows = deployment.rows(&["inbox", "list", "--limit", "1000000"]);
        let times = |hash: &String| rows.iter().filter(|row| row["report"] == hash.as_str()).count();
        for (hash, bytes) in &self.0 {
            assert_eq!(times(hash), 1, "{hash} was spooled");
            let shown = deployment.collector().args(["inbox", "show", hash]).output().unwrap();
            assert_eq!(shown.stdout, *bytes, "{hash} is not what was spooled");
        }
        assert!(rows.iter().all(|row| row["state"] == "opened"), "{rows:#?}");
        // One host whose packages stay as they are: its past has each second once that a report speaks of.
        let seconds: BTreeSet<String> =
            rows.iter().map(|row| collected(deployment, row["report"].as_str().unwrap())).collect();
        let past = deployment.rows(&["history", "wn1.example.org"]);
        let told: u64 = past.iter().map(|interval| interval["reports"].as_u64().unwrap()).sum();
        assert_eq!(told, seconds.len() as u64, "{past:#?}");
        assert_eq!(
            past.iter().map(|interval| interval["from"].as_str().unwrap()).min(),
            seconds.first().map(String::as_str)
        );
    }
}

/// When a report in the inbox was collected, by the officer's key alone.
fn collected(deployment: &Deployment, hash: &str) -> String {
    let sealed = deployment.collector().args(["inbox", "show", hash]).output().unwrap().stdout;
    let key = OpeningKey::from_pem(&std::fs::read(deployment.key("officer")).unwrap(), None).unwrap();
    let opened = sealed::open(&sealed, &[key]).unwrap();
    let content = sealed::unverified(&opened).map_or(opened, |(content, _)| content);
    let text = String::from_utf8(compression::expand(content).unwrap()).unwrap();
    text.lines().find_map(|line| line.strip_prefix("collected: ")).unwrap().to_owned()
}

#[test]
fn a_run_that_is_killed_at_any_moment() {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&["--no-open"]);
    let begin = Instant::now();
    assert!(deployment.reporter(&collector.url).output().unwrap().status.success());
    let length = begin.elapsed() * 2;
    let (mut seen, mut spooled, mut ended) = (Seen::default(), 0, 0);
    for kill in 0..kills() {
        let mut reporter = deployment.reporter(if kill % 2 == 0 { &collector.url } else { NOBODY }).spawn().unwrap();
        std::thread::sleep(any_moment(length));
        ended += usize::from(reporter.try_wait().unwrap().is_some());
        let _ = reporter.kill();
        let _ = reporter.wait();
        spooled += usize::from(seen.look(&deployment) > 0);
    }
    let output = deployment.reporter(&collector.url).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(deployment.spooled(), Vec::<String>::new());
    seen.check(&deployment);
    told(&format!(
        "{} kills of the reporter: {spooled} left a new report in the spool, {ended} came after its end; {} spooled, none lost, none twice",
        kills(),
        seen.0.len()
    ));
}

#[test]
fn runs_at_once_on_one_spool() {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&["--no-open"]);
    let mut seen = Seen::default();
    for _ in 0..3 {
        assert_eq!(run(&deployment, NOBODY, &[]).status.code(), Some(75));
    }
    seen.look(&deployment);
    std::fs::write(deployment.spool().join(format!("{}.p7m", "0".repeat(64))), b"damaged").unwrap();
    // Answers that come late: all runs are at the same report.
    let proxy = FaultProxy::to_address(collector.url.strip_prefix("http://").unwrap());
    proxy.delay(Duration::from_millis(300));
    let url = format!("http://{}", proxy.address);
    let runs: Vec<_> = ["send", "report", "send", "report", "send", "report"]
        .iter()
        .map(|command| deployment.reporter(&url).arg(command).spawn().unwrap())
        .collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        // One of them has set the damaged one aside, and tells it.
        assert!([0, 65].contains(&output.status.code().unwrap()), "{}", said(&output));
    }
    assert_eq!(deployment.spooled(), Vec::<String>::new());
    assert_eq!(std::fs::read_dir(deployment.spool().join("refused")).unwrap().count(), 1);
    seen.check(&deployment);
    assert_eq!(deployment.inbox("opened"), 6, "three that waited and three new ones");
}

#[test]
fn spool_files_that_are_truncated_swapped_or_foreign() {
    let deployment = Deployment::new(None);
    let spool = deployment.spool();
    for _ in 0..6 {
        assert_eq!(run(&deployment, NOBODY, &[]).status.code(), Some(75));
    }
    let names = deployment.spooled();
    let bytes: Vec<Vec<u8>> = names.iter().map(|name| std::fs::read(spool.join(name)).unwrap()).collect();
    std::fs::write(spool.join(&names[0]), &bytes[0][..bytes[0].len() / 2]).unwrap();
    std::fs::write(spool.join(&names[1]), b"").unwrap();
    std::fs::write(spool.join(&names[2]), &bytes[3]).unwrap();
    std::fs::write(spool.join(&names[3]), &bytes[2]).unwrap();
    // What has a report's name and is none: never read, never followed, never touched.
    let foreign = |digit: &str| spool.join(format!("{}.p7m", digit.repeat(64)));
    std::fs::create_dir(foreign("1")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", foreign("2")).unwrap();
    assert!(Command::new("mkfifo").arg(foreign("3")).status().unwrap().success());
    std::fs::write(spool.join(std::ffi::OsStr::from_bytes(b"\xff\xfe.p7m")), b"x").unwrap();
    std::fs::write(spool.join("A.p7m"), b"x").unwrap();

    let collector = deployment.serve(&["--no-open"]);
    let sent = run(&deployment, &collector.url, &["send"]);
    assert_eq!(sent.status.code(), Some(65), "{}", said(&sent));
    assert!(said(&sent).contains("4 refused and kept aside") && said(&sent).contains("2 delivered"), "{}", said(&sent));
    let mut aside: Vec<Vec<u8>> = std::fs::read_dir(spool.join("refused"))
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    let mut expected = vec![bytes[0][..bytes[0].len() / 2].to_vec(), Vec::new(), bytes[3].clone(), bytes[2].clone()];
    aside.sort();
    expected.sort();
    assert_eq!(aside, expected, "kept as they were");
    assert!(foreign("1").is_dir() && foreign("2").is_symlink() && foreign("3").exists());
    let seen = Seen((4..6).map(|at| (names[at].trim_end_matches(".p7m").to_owned(), bytes[at].clone())).collect());
    seen.check(&deployment);
    assert_eq!(run(&deployment, &collector.url, &[]).status.code(), Some(0), "and it goes on");
}

/// Why calls to the system cannot be watched here.
fn no_tracing() -> Option<String> {
    match Command::new("strace").args(["-o", "/dev/null", "true"]).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(said(&output).trim().to_owned()),
        Err(error) => Some(format!("strace: {error}")),
    }
}

fn traced(deployment: &Deployment, url: &str, options: &[&str]) -> (Output, String) {
    let trace = deployment.folder.path().join("trace");
    let reporter = deployment.reporter(url);
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-o"]).arg(&trace).args(options).arg(reporter.get_program()).args(reporter.get_args());
    let output = command.stdin(Stdio::null()).output().unwrap();
    (output, String::from_utf8_lossy(&std::fs::read(&trace).unwrap()).into_owned())
}

#[test]
fn a_disk_that_is_full_or_broken_at_each_write() {
    if let Some(reason) = no_tracing() {
        told(&format!("skipped {}: {reason}", module_path!()));
        return;
    }
    let mut faults = BTreeMap::<&str, usize>::new();
    let calls =
        [("write", "ENOSPC"), ("fsync", "EIO"), ("rename", "ENOSPC"), ("renameat2", "ENOSPC"), ("mkdir", "ENOSPC")];
    for (call, error) in calls {
        let deployment = Deployment::new(None);
        let collector = deployment.serve(&["--no-open"]);
        let mut seen = Seen::default();
        for at in 1.. {
            let before = deployment.number("SELECT COUNT(*) FROM inbox");
            // From this call on none of the kind works any more.
            let inject = format!("inject={call}:error={error}:when={at}+");
            let (output, trace) = traced(&deployment, &collector.url, &["-e", &format!("trace={call}"), "-e", &inject]);
            let injected = trace.contains("INJECTED");
            seen.look(&deployment);
            let arrived = deployment.number("SELECT COUNT(*) FROM inbox") > before;
            let code = output.status.code().unwrap();
            // Words may be lost with the disk that they are written to; the exit code is not.
            match code {
                0 => assert!(arrived, "{call} {at}: {}", said(&output)),
                75 => assert!(!deployment.spooled().is_empty(), "{call} {at}: {}", said(&output)),
                _ => assert!(injected && code != 101, "{call} {at}: {code} {}", said(&output)),
            }
            if !injected {
                break;
            }
            *faults.entry(call).or_default() += 1;
            assert!(at < 100, "{call}: {trace}");
        }
        let output = deployment.reporter(&collector.url).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(deployment.spooled(), Vec::<String>::new());
        seen.check(&deployment);
    }
    told(&format!("a disk that fails at each call of a run: {faults:?}; none lost that was said to be kept"));
}

#[test]
fn what_is_spooled_outlives_a_power_cut() {
    if let Some(reason) = no_tracing() {
        told(&format!("skipped {}: {reason}", module_path!()));
        return;
    }
    told(
        "power cuts are not simulated (no device here drops what is not synced): the order of system calls is looked at instead",
    );
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&["--no-open"]);
    let calls = ["-e", "trace=mkdir,openat,write,fsync,rename,renameat2,connect,sendto,recvfrom,unlink"];
    let (output, trace) = traced(&deployment, &collector.url, &calls);
    assert!(output.status.success(), "{}", said(&output));
    let lines: Vec<&str> = trace.lines().collect();
    let spool = deployment.spool();
    let folder = spool.display();
    let parent = deployment.folder.path().display();
    in_order(
        &lines,
        &[
            &["mkdir(", &format!("\"{folder}\"")],
            &["fsync(", &format!("<{parent}>")],
            &["write(", &format!("<{folder}/."), ".tmp>"],
            &["fsync(", &format!("<{folder}/."), ".tmp>"],
            &["rename(", ".tmp\"", ".p7m\""],
            &["fsync(", &format!("<{folder}>")],
            &["connect("],
            &["sendto(", "POST /v1/reports"],
            &["recvfrom", "201 Created"],
            &["unlink(", ".p7m\""],
        ],
    );
}

#[test]
fn what_is_acknowledged_outlives_a_power_cut() {
    if let Some(reason) = no_tracing() {
        told(&format!("skipped {}: {reason}", module_path!()));
        return;
    }
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&["--no-open"]);
    let trace = deployment.folder.path().join("trace");
    let mut tracer = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=pwrite64,fsync,fdatasync,sendto,write,writev", "-o"])
        .arg(&trace)
        .args(["-p", &collector.process().to_string()])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("it is watched", || is_traced(&collector));
    assert!(run(&deployment, &collector.url, &[]).status.success());
    let _ = Command::new("kill").arg(tracer.id().to_string()).status();
    let _ = tracer.wait();
    let trace = std::fs::read_to_string(&trace).unwrap();
    let lines: Vec<&str> = trace.lines().collect();
    in_order(&lines, &[&["pwrite64(", "-wal>"], &["sync(", "-wal>"], &["201 Created"]]);
    let answered = lines.iter().position(|line| line.contains("201 Created")).unwrap();
    let after = |what: &str| lines[..answered].iter().rposition(|line| line.contains(what) && line.contains("-wal>"));
    assert!(after("sync(") > after("pwrite64("), "everything that is written is synced before the answer: {trace}");
}

fn is_traced(collector: &Collector) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", collector.process())).unwrap();
    status.lines().any(|line| line.strip_prefix("TracerPid:").is_some_and(|tracer| tracer.trim() != "0"))
}

/// Each step is a line with all of its words, somewhere after the step before it.
fn in_order(lines: &[&str], steps: &[&[&str]]) {
    let mut from = 0;
    for step in steps {
        let found = lines[from..].iter().position(|line| step.iter().all(|word| line.contains(word)));
        let found = found.unwrap_or_else(|| panic!("{step:?} does not come in its turn: {lines:#?}"));
        from += found + 1;
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
