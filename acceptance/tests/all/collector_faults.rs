//! The collector and its database killed, cut off, slow, read-only or out of room while reports come in: nothing acknowledged is lost.

use std::process::Command;
use std::time::{Duration, Instant};

use wlcg_acceptance::fault_proxy::FaultProxy;
use wlcg_acceptance::ledger::{Ledger, any_moment, kills, told};
use wlcg_acceptance::mariadb;
use wlcg_acceptance::programs::{Collector, Deployment, eventually, own_address, within};

on_both_databases!(a_collector_that_is_killed_at_any_moment);

fn a_collector_that_is_killed_at_any_moment(deployment: &Deployment) {
    deployment.ask(&["migrate"]);
    let (ledger, kills, begin) = (Ledger::new(deployment), kills(), Instant::now());
    // Reports go on being posted to where the killed one was: nobody else's collector may begin to listen there.
    let own = own_address();
    ledger.under_load(4, Duration::from_millis(25), || {
        for kill in 0..kills {
            if kill % 5 == 4 {
                // Before it listens, or soon after.
                let mut starting = deployment.collector();
                starting.args(["serve", "--listen", &own]).stdout(std::process::Stdio::null());
                let mut starting = starting.stderr(std::process::Stdio::null()).spawn().unwrap();
                std::thread::sleep(any_moment(Duration::from_millis(120)));
                let _ = starting.kill();
                let _ = starting.wait();
                continue;
            }
            let mut collector = deployment.serve_on(&own, &[]);
            ledger.is_at(&collector.url);
            std::thread::sleep(any_moment(Duration::from_millis(500)));
            collector.kill();
        }
    });
    let (figures, seconds) = (ledger.figures(), begin.elapsed().as_secs_f64());
    assert!(ledger.acknowledged() > 0 && figures.unanswered > 0, "{figures}");
    let collector = deployment.serve_on(&own, &[]);
    ledger.is_at(&collector.url);
    ledger.check(deployment);
    told(&format!("{kills} kills of the collector in {seconds:.0} s: {figures}; none lost"));
}

#[test]
fn a_database_that_fails_in_every_way() {
    let mut server = mariadb::Server::start();
    server.run("CREATE DATABASE c; CREATE USER collector@localhost; GRANT ALL ON c.* TO collector@localhost");
    let proxy = FaultProxy::to_socket(server.socket());
    let deployment = Deployment::new(Some(format!("mysql://collector@{}/c", proxy.address)));
    let collector = deployment.serve(&[]);
    let ledger = Ledger::new(&deployment);
    ledger.is_at(&collector.url);
    ledger.under_load(3, Duration::from_millis(25), || {
        ledger.goes_on(20, "reports are taken");
        for round in 0..3 {
            server.kill();
            away(&collector, &ledger, round);
            after(&ledger, "killed", || server.start_again());
        }
        server.stop();
        away(&collector, &ledger, 1);
        after(&ledger, "stopped", || server.start_again());

        let mut cut = 0;
        for _ in 0..10 {
            std::thread::sleep(any_moment(Duration::from_millis(600)));
            cut += proxy.cut();
        }
        assert!(cut >= 10, "{cut}");
        after(&ledger, "cut off ten times", || ());

        // Who may do everything is not kept from writing; the collector is none of those.
        server.run("SET GLOBAL read_only = 1");
        std::thread::sleep(Duration::from_secs(2));
        let stands = ledger.acknowledged();
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!((ledger.acknowledged(), collector.get("/readyz").0), (stands, 200), "read, and not written");
        after(&ledger, "read-only", || server.run("SET GLOBAL read_only = 0"));

        proxy.delay(Duration::from_secs(5));
        std::thread::sleep(Duration::from_secs(5));
        let begin = Instant::now();
        ledger.goes_on(60, "late, and acknowledged");
        assert_eq!(collector.get("/healthz").0, 200);
        told(&format!(
            "database slow by 5 s: the next report is acknowledged after {:.1} s",
            begin.elapsed().as_secs_f64()
        ));
        after(&ledger, "slow by 5 s", || proxy.delay(Duration::ZERO));
    });
    told(&format!("faults of MariaDB: {}", ledger.figures()));
    ledger.check(&deployment);
}

/// While the database is away: nothing is acknowledged, and whoever asks is told so at once.
fn away(collector: &Collector, ledger: &Ledger, seconds: u64) {
    std::thread::sleep(Duration::from_millis(300));
    let (stands, put_off) = (ledger.acknowledged(), ledger.figures().later);
    std::thread::sleep(Duration::from_secs(1 + seconds));
    assert_eq!(ledger.acknowledged(), stands);
    assert!(ledger.figures().later > put_off, "whoever reports is told to come back: {}", ledger.figures());
    let begin = Instant::now();
    assert_eq!((collector.get("/healthz").0, collector.get("/readyz").0), (200, 503));
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
}

fn after(ledger: &Ledger, fault: &str, mend: impl FnOnce()) {
    let (begin, stands) = (Instant::now(), ledger.acknowledged());
    mend();
    within(60, fault, || ledger.acknowledged() > stands);
    told(&format!("database {fault}: acknowledges again after {:.1} s", begin.elapsed().as_secs_f64()));
}

/// A small file system for one deployment, in a name space of its own that ends with the test.
struct SmallDisk {
    holder: std::process::Child,
    folder: std::path::PathBuf,
}

#[test]
fn a_disk_that_is_full() {
    if let Some(reason) = wlcg_acceptance::systemd_box::unavailable() {
        told(&format!("skipped {}: {reason}", module_path!()));
        return;
    }
    let mut deployment = Deployment::new(None);
    let mut disk = SmallDisk::mount(deployment.folder.path().join("disk"), "3m");
    deployment.database = format!("sqlite:{}", disk.folder.join("collector.sqlite").display());
    deployment.mounts = Some(disk.holder.id());
    let collector = deployment.serve(&[]);
    let ledger = Ledger::new(&deployment);
    ledger.is_at(&collector.url);
    ledger.under_load(3, Duration::from_millis(10), || {
        ledger.goes_on(20, "reports are taken");
        let folder = disk.folder.display().to_string();
        for _ in 0..3 {
            disk.run(&format!("head -c 99999999 /dev/zero > {folder}/filler 2> /dev/null || true"));
            put_off(&collector, &ledger);
            after(&ledger, "on a full disk", || {
                disk.run(&format!("rm {folder}/filler; mount -o remount,size=64m {folder}"))
            });
        }
    });
    told(&format!("full disk: {}", ledger.figures()));
    ledger.check(&deployment);
    drop(collector);
    let _ = disk.holder.kill();
    let _ = disk.holder.wait();
}

fn put_off(collector: &Collector, ledger: &Ledger) {
    let before = ledger.figures().later;
    eventually("whoever reports is told to come back", || ledger.figures().later > before + 5);
    assert_eq!(collector.get("/readyz").0, 200, "what is there can be read");
}

impl SmallDisk {
    fn mount(folder: std::path::PathBuf, size: &str) -> Self {
        std::fs::create_dir(&folder).unwrap();
        let script = format!("mount -t tmpfs -o size={size} tmpfs {}; echo; exec sleep infinity", folder.display());
        let mut holder = Command::new("unshare")
            .args(["--mount", "sh", "-c", &script])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0];
        std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut line).unwrap();
        SmallDisk { holder, folder }
    }

    fn run(&mut self, script: &str) {
        let holder = self.holder.id().to_string();
        let status = Command::new("nsenter").args(["--target", &holder, "--mount", "sh", "-c", script]).status();
        assert!(status.unwrap().success(), "{script}");
    }
}
