//! SIGKILL at any point: nothing acknowledged is lost, nothing is left half-written.

use std::time::Duration;

use wlcg_acceptance::programs::{Deployment, eventually, own_address, post};

use super::{seal, text};

on_both_databases!(collector_killed);

fn collector_killed(deployment: &Deployment) {
    let certificate = deployment.certificate("officer");
    let reports: Vec<Vec<u8>> = (0..40)
        .map(|n| {
            let version = format!("0:{}-1", n / 3);
            seal(
                &certificate,
                &text(&format!("wn{}", n % 4), &format!("2026-01-01T00:00:{n:02}Z"), &[("bash", &version)]),
            )
        })
        .collect();
    let mut acknowledged: Vec<String> = Vec::new();
    // Posting goes on for a while after the kill: nobody else's collector may begin to listen there.
    let own = own_address();
    for round in 0..12_u64 {
        let mut collector = deployment.serve_on(&own, &[]);
        let url = collector.url.clone();
        let posting = std::thread::spawn({
            let reports = reports.clone();
            move || {
                let mut known = Vec::new();
                for sealed in &reports {
                    let Some((status, body)) = post(&url, "/v1/reports", &[], sealed) else { break };
                    if status == 200 || status == 201 {
                        let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
                        known.push(answer["report"].as_str().unwrap().to_owned());
                    }
                }
                known
            }
        });
        std::thread::sleep(Duration::from_millis(3 + round * round * 2));
        collector.kill();
        acknowledged.extend(posting.join().unwrap());
        let stored: Vec<String> =
            deployment.rows(&["inbox"]).iter().map(|row| row["report"].as_str().unwrap().to_owned()).collect();
        for hash in &acknowledged {
            assert!(stored.contains(hash), "round {round}: {hash} was acknowledged and is gone");
        }
    }
    assert!(!acknowledged.is_empty());
    let mut collector = deployment.serve(&[]);
    for sealed in &reports {
        assert!([200, 201].contains(&collector.report(sealed).0));
    }
    eventually("all are opened, each once", || deployment.inbox("opened") == reports.len());
    let seen: i64 = (0..4)
        .flat_map(|n| deployment.rows(&["history", &format!("wn{n}")]))
        .map(|row| row["reports"].as_i64().unwrap())
        .sum();
    assert_eq!(seen, 40, "each report is in the history once");
    assert!(collector.terminate().success(), "SIGTERM ends it cleanly");
}

#[test]
fn reporter_killed() {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&["--no-open"]);
    for round in 0..40_u64 {
        let mut reporter = deployment.reporter(&collector.url).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(round * 700));
        let _ = reporter.kill();
        let _ = reporter.wait();
        for name in deployment.spooled() {
            // The report may be delivered between the listing and the reading only by a run, and none runs.
            let bytes = std::fs::read(deployment.spool().join(&name)).unwrap();
            assert_eq!(format!("{}.p7m", report::hash::Hash::of(&bytes)), name, "a spooled report is whole");
        }
    }
    let last = deployment.reporter(&collector.url).output().unwrap();
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    assert_eq!(deployment.spooled(), Vec::<String>::new());
    let left: Vec<_> = std::fs::read_dir(deployment.spool()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".tmp")), "{left:?}");
    deployment.ask(&["open", "--once"]);
    assert_eq!(deployment.inbox("opened"), deployment.rows(&["inbox"]).len());
}
