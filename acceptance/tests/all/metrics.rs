//! What Prometheus is told: true numbers, in a form that it takes, under every name that the dashboard and the alerts use.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wlcg_acceptance::programs::{Collector, Deployment, eventually};
use wlcg_acceptance::promtool;

use super::{seal, text};

on_both_databases!(numbers);

/// A product with a name that its label must escape.
const LIST: &str = r#"
name = "baseline"
[[reference]]
product = 'the "shell"'
package = "bash"
minimum = "0:6-1"
"#;

const PREFIX: &str = "wlcg_package_collector_";

fn numbers(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let list = deployment.folder.path().join("list.toml");
    std::fs::write(&list, LIST).unwrap();
    deployment.ask(&["reference", "import", list.to_str().unwrap()]);
    let certificate = deployment.certificate("officer");
    let now = jiff::Timestamp::now();
    let today = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let hostile = "wn\"}\\evil-host";
    let sealed: Vec<Vec<u8>> = [
        text(hostile, &today, &[("bash", "0:5.1.8-9.el9")]),
        text("old", "2026-01-03T04:00:00Z", &[("bash", "0:5.1.8-9.el9")]),
        text("none", &today, &[]),
    ]
    .iter()
    .map(|text| seal(&certificate, text))
    .collect();
    for (report, expected) in sealed.iter().chain([&sealed[0]]).zip([201, 201, 201, 200]) {
        assert_eq!(collector.report(report).0, expected);
    }
    assert_eq!(collector.report(b"no seal").0, 400);
    assert_eq!(collector.post("/feeder/", &[], b"#\nplain").0, 422);
    eventually("everything is opened or set aside", || deployment.inbox("waiting") == 0);

    let mut page = String::new();
    eventually("the figures are of now", || {
        page = metrics(&collector);
        page.contains("fresh_hosts 1") && page.contains("reports_opened_total 2")
    });
    for line in [
        "reports_received_total 3",
        "reports_duplicate_total 1",
        "reports_refused_total{reason=\"not_sealed\"} 1",
        "reports_refused_total{reason=\"plain_text\"} 1",
        "reports_refused_total{reason=\"too_large\"} 0",
        "reports_opened_total 2",
        "reports_set_aside_total{problem=\"no_packages\"} 1",
        "inbox_set_aside_reports{state=\"held\",problem=\"no_packages\"} 1",
        "inbox_waiting_reports 0",
        "inbox_oldest_waiting_seconds 0",
        "receive_duration_seconds_count 4",
        "opening_delay_seconds_count 2",
        "database_up 1",
        "hosts{state=\"behind\"} 1",
        "hosts{state=\"unknown\"} 1",
        "hosts{state=\"blocked\"} 0",
        r#"product_hosts{product="the \"shell\"",state="behind"} 1"#,
        "stale_hosts 1",
        "fresh_hosts 1",
    ] {
        assert!(page.lines().any(|found| found.strip_prefix(PREFIX) == Some(line)), "{line}:\n{page}");
    }
    assert_eq!(promtool::faults_of_metrics(&page), "");
    for secret in ["evil", "CERN-PROD", "bash", "127.0.0.1"] {
        assert!(!page.contains(secret), "{secret} of a host is in the metrics:\n{page}");
    }
    let end = page.lines().find_map(|line| line.strip_prefix("wlcg_package_collector_certificate_not_after_timestamp"));
    let end: i64 = end.and_then(|line| line.rsplit_once(' ')).unwrap().1.parse().unwrap();
    assert!((3649..=3650).contains(&((end - now.as_second()) / 86_400)), "{end}");

    // Every name in what we ship is one that is really told.
    let told: BTreeSet<&str> = page
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(['{', ' ']).next().unwrap_or_default())
        .collect();
    for file in ["grafana-dashboard.json", "prometheus-alerts.yml"] {
        let used = names_in(&std::fs::read_to_string(shipped(file)).unwrap());
        assert!(used.len() > 8, "{file}: {used:?}");
        for name in used {
            assert!(told.contains(name.as_str()), "{file} uses {name}, which is not told:\n{page}");
        }
    }
}

#[test]
fn an_opener_elsewhere_shows_in_the_inbox_and_a_database_that_is_away_is_told() {
    let deployment = Deployment::new(Some(wlcg_acceptance::mariadb::new_database_of("metrics", "of-the-test")));
    let deployment =
        Deployment { database: deployment.database.replace("metrics@", "metrics:of-the-test@"), ..deployment };
    let collector = deployment.serve(&["--no-open"]);
    let report = seal(&deployment.certificate("officer"), &text("wn1", "2026-01-03T04:00:00Z", &[("bash", "0:5-1")]));
    assert_eq!(collector.report(&report).0, 201);
    let has = |line: &str| metrics(&collector).lines().any(|found| found.strip_prefix(PREFIX) == Some(line));
    eventually("the waiting report is told", || has("inbox_waiting_reports 1"));
    eventually("its age grows", || !has("inbox_oldest_waiting_seconds 0"));
    deployment.ask(&["open", "--once"]);
    eventually("it is opened", || has("inbox_waiting_reports 0") && has("reports_opened_total 0"));

    wlcg_acceptance::mariadb::lock_out("metrics");
    eventually("the database is told to be away", || has("database_up 0"));
    let page = metrics(&collector);
    assert!(!page.contains("inbox_waiting_reports") && page.contains("reports_received_total 1"), "{page}");
    assert_eq!(promtool::faults_of_metrics(&page), "");
}

#[test]
fn the_alerts_say_what_they_must_and_nothing_else() {
    let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("prometheus/alerts.yml");
    promtool::try_rules(&shipped("prometheus-alerts.yml"), &story);
    // Each alert has a day on which it is silent and one on which it speaks.
    let rules = std::fs::read_to_string(shipped("prometheus-alerts.yml")).unwrap();
    let played = std::fs::read_to_string(story).unwrap();
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(played.contains(&format!("alertname: {alert}, exp_alerts: []")), "{alert} is never silent");
        assert!(played.contains(&format!("alertname: {alert}\n")), "{alert} never speaks");
    }
}

#[test]
fn the_dashboard_is_whole() {
    let text = std::fs::read_to_string(shipped("grafana-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
    assert!(ids.len() == panels.len() && panels.len() > 10);
    let mut taken = BTreeSet::new();
    for panel in panels {
        let place = |key: &str| panel["gridPos"][key].as_i64().unwrap();
        assert!(place("x") + place("w") <= 24, "{panel}");
        for (x, y) in (0..place("w")).flat_map(|x| (0..place("h")).map(move |y| (x, y))) {
            assert!(taken.insert((place("x") + x, place("y") + y)), "{} lies on another panel", panel["title"]);
        }
        for target in panel["targets"].as_array().unwrap() {
            let asked = target["expr"].as_str().unwrap();
            assert!(!names_in(asked).is_empty() && asked.contains("job=\"$job\""), "{asked}");
        }
    }
}

fn metrics(collector: &Collector) -> String {
    let (status, page) = collector.get("/metrics");
    assert_eq!(status, 200, "{page}");
    page
}

fn shipped(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config").join(file)
}

fn names_in(text: &str) -> BTreeSet<String> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    text.split(|character| !is_name(character)).filter(|word| word.starts_with(PREFIX)).map(str::to_owned).collect()
}
