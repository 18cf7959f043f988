//! The collector and its database killed, cut off, slow, read-only or out of room while reports come in: nothing acknowledged is lost.

use std::time::{Duration, Instant};

use wlcg_acceptance::fault_proxy::FaultProxy;
use wlcg_acceptance::ledger::{Ledger, any_moment, kills, told};
use wlcg_acceptance::mariadb;
use wlcg_acceptance::programs::{Collector, Deployment, eventually, own_address, within};
use wlcg_acceptance::small_disk::SmallDisk;

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

#[test]
fn a_disk_that_is_full() {
    if let Some(reason) = wlcg_acceptance::systemd_box::unavailable() {
        told(&format!("skipped {}: {reason}", module_path!()));
        return;
    }
    let mut deployment = Deployment::new(None);
    let disk = on_a_disk_of_its_own(&mut deployment, "3m");
    let collector = deployment.serve(&[]);
    let ledger = Ledger::new(&deployment);
    ledger.is_at(&collector.url);
    ledger.under_load(3, Duration::from_millis(10), || {
        ledger.goes_on(20, "reports are taken");
        for _ in 0..3 {
            disk.fill();
            is_put_off(&ledger);
            eventually("what is there can be read", || collector.get("/readyz").0 == 200);
            after(&ledger, "on a full disk", || disk.make_room("64m"));
        }
    });
    told(&format!("full disk: {}", ledger.figures()));
    ledger.check(&deployment);
}

#[test]
fn a_disk_that_is_full_under_mariadb() {
    if let Some(reason) = wlcg_acceptance::systemd_box::unavailable() {
        told(&format!("skipped {}: {reason}", module_path!()));
        return;
    }
    let (mut server, disk) = mariadb::Server::start_on_disk("160m");
    server.run("CREATE DATABASE c");
    let deployment = Deployment::new(Some(format!("mysql://root@localhost/c?socket={}", server.socket().display())));
    let collector = deployment.serve(&[]);
    let ledger = Ledger::new(&deployment);
    ledger.is_at(&collector.url);
    ledger.under_load(4, Duration::from_millis(2), || {
        ledger.goes_on(20, "reports are taken");
        let (mut room, mut ended, begin) = (160, 0, Instant::now());
        for round in 0..3 {
            disk.fill();
            is_put_off(&ledger);
            // InnoDB ends its server where it has not even the room to undo what a full disk broke off.
            eventually("what is there can be read", || collector.get("/readyz").0 == 200 || server.has_ended());
            // It does so once in a hundred times by itself: in the last round it is made to.
            if round == 2 && !server.has_ended() {
                server.abort();
                eventually("it ends", || server.has_ended());
            }
            room += 60;
            disk.make_room(&format!("{room}m"));
            let stands = ledger.acknowledged();
            within(60, "taken again when there is room", || {
                // As its unit does.
                if server.has_ended() {
                    ended += 1;
                    server.kill();
                    server.start_again();
                }
                ledger.acknowledged() > stands
            });
        }
        let seconds = begin.elapsed().as_secs_f64();
        assert!(ended > 0, "it was started again");
        told(&format!("MariaDB's disk was full three times in {seconds:.0} s, and it ended {ended} times over it"));
    });
    told(&format!("full disk under MariaDB: {}", ledger.figures()));
    ledger.check(&deployment);
}

#[test]
fn a_file_that_may_only_be_read() {
    if let Some(reason) = wlcg_acceptance::systemd_box::unavailable() {
        told(&format!("skipped {}: {reason}", module_path!()));
        return;
    }
    let mut deployment = Deployment::new(None);
    let disk = on_a_disk_of_its_own(&mut deployment, "64m");
    let ledger = Ledger::new(&deployment);
    let serve = || {
        let collector = deployment.serve(&[]);
        ledger.is_at(&collector.url);
        collector
    };
    let collector = serve();
    ledger.under_load(2, Duration::from_millis(20), || within(20, "reports are taken", || ledger.acknowledged() >= 30));
    drop(collector);
    let remount = |how: &str| disk.run(&format!("mount -o remount,{how} {}", disk.folder.display()));
    remount("ro");
    let refused = deployment.collector().args(["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("database"), "it does not begin to take reports: {said}");
    told(&format!("SQLite that may only be read: {}", said.trim()));
    remount("rw");
    let _collector = serve();
    ledger.under_load(2, Duration::from_millis(20), || ledger.goes_on(20, "reports are taken again"));
    ledger.check(&deployment);
}

/// Puts the database of a deployment on a disk of such a size.
fn on_a_disk_of_its_own(deployment: &mut Deployment, size: &str) -> SmallDisk {
    let disk = SmallDisk::mount(deployment.folder.path().join("disk"), size);
    deployment.database = format!("sqlite:{}", disk.folder.join("collector.sqlite").display());
    deployment.mounts = Some(disk.holder());
    disk
}

fn is_put_off(ledger: &Ledger) {
    let before = ledger.figures().later;
    eventually("whoever reports is told to come back", || ledger.figures().later > before + 5);
}
