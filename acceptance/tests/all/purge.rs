//! Opened reports are deleted once they were kept long enough; their history stays, and so does everything else.

use wlcg_acceptance::programs::{Deployment, eventually};

use super::{seal, text};

on_both_databases!(what_is_history_goes_the_rest_stays, serve_does_it_by_itself, the_space_is_used_again);

/// Makes every opened report look as if it had come forty days ago.
const LONG_AGO: &str = "UPDATE inbox SET received = received - 40 * 86400 WHERE state = 'opened'";

fn what_is_history_goes_the_rest_stays(deployment: &Deployment) {
    let certificate = deployment.certificate("officer");
    let report = |day: u32, version: &str| {
        seal(&certificate, &text("wn1", &format!("2026-01-{day:02}T00:00:00Z"), &[("bash", version)]))
    };
    let first = report(1, "0:5.1-1");
    {
        let collector = deployment.serve(&[]);
        assert_eq!(collector.report(&first).0, 201);
        assert_eq!(collector.report(&report(2, "0:5.2-1")).0, 201);
        deployment.new_key("other", "rsa2048");
        let unreadable = seal(&deployment.certificate("other"), &text("wn2", "2026-01-01T00:00:00Z", &[]));
        assert_eq!(collector.report(&unreadable).0, 201);
        let held = seal(&certificate, &text("wn3", "2026-01-01T00:00:00Z", &[]));
        assert_eq!(collector.report(&held).0, 201);
        eventually("two are opened", || deployment.inbox("opened") == 2 && deployment.inbox("waiting") == 0);
    }
    let history = || deployment.rows(&["history", "wn1"]);
    let before = history();
    assert_eq!(before.len(), 2, "{before:?}");
    assert_eq!(deployment.ask_text(&["purge"]), told(0));
    deployment.sql(LONG_AGO);
    let young = report(3, "0:5.3-1");
    {
        let collector = deployment.serve(&["--no-open"]);
        assert_eq!(collector.report(&young).0, 201);
        eventually("serve has deleted both by itself", || deployment.inbox("opened") == 0);
    }
    // What waits is not deleted either, however old.
    deployment.sql("UPDATE inbox SET received = received - 40 * 86400 WHERE state = 'waiting'");
    assert_eq!(deployment.ask_text(&["purge"]), told(0));
    assert_eq!(deployment.inbox("waiting"), 1);
    assert_eq!(deployment.inbox("held") + deployment.inbox("unreadable"), 2);
    assert_eq!(history(), before);

    // The same bytes again are opened again and change nothing.
    {
        let collector = deployment.serve(&[]);
        assert_eq!(collector.report(&first).0, 201);
        eventually("both are opened", || deployment.inbox("waiting") == 0);
    }
    let after = history();
    assert_eq!(after.len(), 3, "the young one came in: {after:?}");
    let (old, new) = (&before[0], &after[0]);
    assert_eq!(
        ["from", "last_seen", "until", "reports"].map(|key| &old[key]),
        ["from", "last_seen", "until", "reports"].map(|key| &new[key])
    );
    deployment.sql(LONG_AGO);
    assert_eq!(deployment.ask_text(&["purge"]), told(2));
    let audit = deployment.rows(&["audit", "--action", "purge"]);
    let by: Vec<_> =
        audit.iter().map(|line| (line["source"].as_str().unwrap(), line["role"].as_str().unwrap())).collect();
    assert!(by.contains(&("serve", "")) && by.contains(&("command line", "operator")), "{audit:?}");
    assert!(audit.iter().all(|line| line["object"].as_str().unwrap().starts_with("opened reports received before 20")));
}

fn told(number: usize) -> String {
    format!("deleted {number} opened reports that were received more than 30 days ago\n")
}

fn serve_does_it_by_itself(deployment: &Deployment) {
    let config = deployment.folder.path().join("config.toml");
    std::fs::write(&config, "keep_opened_reports_days = 50\n").unwrap();
    let certificate = deployment.certificate("officer");
    {
        let collector = deployment.serve(&[]);
        assert_eq!(
            collector.report(&seal(&certificate, &text("wn1", "2026-01-01T00:00:00Z", &[("bash", "0:5")]))).0,
            201
        );
        // One that is held, and so is there to say what time it is.
        assert_eq!(collector.report(&seal(&certificate, &text("wn2", "2026-01-01T00:00:00Z", &[]))).0, 201);
        eventually("it is opened", || deployment.inbox("opened") == 1 && deployment.inbox("held") == 1);
    }
    deployment.sql(LONG_AGO);
    let configured = ["--config", config.to_str().unwrap()];
    assert_eq!(
        deployment.ask_text(&[&configured[..], &["purge"]].concat()),
        "deleted 0 opened reports that were received more than 50 days ago\n"
    );
    let _collector = deployment.serve(&[]);
    eventually("it is deleted", || deployment.inbox("opened") == 0);
}

fn the_space_is_used_again(deployment: &Deployment) {
    if !deployment.database.starts_with("sqlite:") {
        // InnoDB tells the size of a table in whole extents only: SQLite's pages show it.
        deployment.ask(&["migrate"]);
        return;
    }
    let certificate = deployment.certificate("officer");
    let packages: Vec<(String, &str)> = (0..800).map(|number| (format!("package{number:03}"), "0:1-1")).collect();
    let packages: Vec<(&str, &str)> = packages.iter().map(|(name, version)| (name.as_str(), *version)).collect();
    let mut sizes = Vec::new();
    for round in 1..=4 {
        {
            let collector = deployment.serve(&[]);
            for host in 0..20 {
                let report = text(&format!("wn{host}"), &format!("2026-01-{round:02}T00:00:00Z"), &packages);
                assert_eq!(collector.report(&seal(&certificate, &report)).0, 201);
            }
            eventually("all are opened", || deployment.inbox("waiting") == 0);
        }
        deployment.sql(LONG_AGO);
        deployment.ask(&["purge"]);
        sizes.push(deployment.number("PRAGMA page_count"));
    }
    assert!(sizes[3] <= sizes[1] + 4, "pages after each round: {sizes:?}");
}
