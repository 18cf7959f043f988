//! Clocks that leap back and forth, of a host and of the collector: nothing grows old by it, and every past stays in order.

use std::process::{Command, Output};
use std::time::Duration;

use wlcg_acceptance::faketime;
use wlcg_acceptance::ledger::{Ledger, told};
use wlcg_acceptance::person::{Person, text_of};
use wlcg_acceptance::programs::{Deployment, eventually, program};

use crate::reporter::answering;

on_both_databases!(of_a_host, of_a_host_that_is_behind, of_a_collector);

/// Runs the reporter by a clock that is off by so much.
fn run(deployment: &Deployment, offset: &str, url: &str, command: &str) -> Output {
    let clock = deployment.folder.path().join("clock");
    std::fs::write(&clock, offset).unwrap();
    let mut reporter = Command::new(program("wlcg-package-reporter"));
    reporter.args(["--site", "CERN-PROD", "--host", "wn1.example.org", "--url", url, "--recipient"]);
    reporter.arg(deployment.certificate("officer")).arg("--spool").arg(deployment.spool()).arg(command);
    faketime::by_the_clock_of(&mut reporter, &clock);
    reporter.output().unwrap()
}

fn of_a_host_that_is_behind(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let officer = Person::signed_in(deployment, &collector, &["--name", "Olga"]);
    let told = |complains: bool| {
        let page = text_of(&officer.page("/hosts/CERN-PROD/wn1.example.org"));
        page.contains("the host says: at the last delivery its clock was more than 10 minutes behind") == complains
    };
    // A report that has only waited says nothing of a clock; what one delivery has shown, the next report tells.
    let runs = [("-2h", false), ("-1h", true), ("+0d", true), ("+1m", false)];
    for ((offset, complains), reports) in runs.into_iter().zip(1..) {
        let sent = run(deployment, offset, &collector.url, "report");
        assert!(sent.status.success(), "{offset}: {}", String::from_utf8_lossy(&sent.stderr));
        eventually("it is opened", || deployment.inbox("opened") == reports);
        assert!(told(complains), "{offset}");
    }
}

fn of_a_host(deployment: &Deployment) {
    let run = |offset: &str, url: &str, command: &str| run(deployment, offset, url, command);
    let busy = "503 Away\nretry-after: 3600\n\n";
    for (number, offset) in ["+0d", "+400d", "-400d", "+800d", "+1h"].into_iter().enumerate() {
        let put_off = run(offset, &answering(busy), "report");
        assert_eq!(put_off.status.code(), Some(75), "{offset}: {}", String::from_utf8_lossy(&put_off.stderr));
        assert_eq!(deployment.spooled().len(), number + 1, "{offset}: nothing has waited for half a year");
    }
    // An hour of silence was asked for: from a clock that was two years ahead as well.
    let collector = deployment.serve(&[]);
    let sent = run("+3h", &collector.url, "send");
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    assert_eq!(deployment.spooled().len(), 0);
    eventually("all are opened or held", || deployment.inbox("waiting") == 0);
    let held = deployment.rows(&["inbox", "list", "--state", "held"]);
    assert_eq!(held.len(), 2, "{held:?}");
    assert!(held.iter().all(|row| row["problem"] == "clock_ahead"), "{held:?}");
    // The same packages at three times: one state since the earliest of them, and the host is not stale.
    let history = deployment.rows(&["history", "wn1.example.org"]);
    assert_eq!(history.len(), 1, "{history:?}");
    assert_eq!(history[0]["reports"], 3, "{history:?}");
    let newest = history[0]["last_seen"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(jiff::Timestamp::now().duration_since(newest).as_hours().abs() < 3, "{history:?}");
}

fn of_a_collector(deployment: &Deployment) {
    let clock = deployment.folder.path().join("clock");
    let set = |offset: &str| {
        // Whoever reads it meanwhile finds the old one or the new one.
        let new = clock.with_extension("new");
        std::fs::write(&new, offset).unwrap();
        std::fs::rename(&new, &clock).unwrap();
    };
    let serve = |offset: &str| {
        set(offset);
        let mut command = deployment.collector();
        faketime::by_the_clock_of(&mut command, &clock);
        deployment.start(command, "127.0.0.1:0", &[])
    };
    let ledger = Ledger::new(deployment);
    {
        let collector = serve("+0d");
        ledger.is_at(&collector.url);
        ledger.under_load(3, Duration::from_millis(20), || ledger.goes_on(20, "reports are taken"));
        eventually("they are opened", || deployment.inbox("waiting") == 0);
    }
    {
        // All that is there was opened a year ago by this clock, and `keep_opened_reports_days` is 30.
        let collector = serve("+400d");
        ledger.is_at(&collector.url);
        ledger.under_load(3, Duration::from_millis(20), || {
            for offset in ["+400d", "-400d", "+30d", "-1d", "+4000d", "+0d"] {
                set(offset);
                ledger.goes_on(20, offset);
                std::thread::sleep(Duration::from_millis(300));
                ledger.goes_on(20, offset);
            }
        });
        eventually("the leap is told", || deployment.log().contains("the clock is ahead"));
    }
    let collector = serve("+0d");
    ledger.is_at(&collector.url);
    eventually("all are opened or held", || deployment.inbox("waiting") == 0);
    let held = deployment.inbox("held");
    deployment.ask(&["inbox", "retry"]);
    ledger.check(deployment);
    told(&format!("clock of the collector: {}; {held} held for it and opened since", ledger.figures()));
}
