//! Bounds of the front door: on an address, on a site, and on what lies unopened; whoever is turned away keeps the report.

use serde_json::Value;
use wlcg_acceptance::programs::{Answer, Collector, Deployment, eventually};

use super::{seal, text};

on_both_databases!(addresses_and_sites_have_bounds, a_full_inbox_takes_nothing_and_loses_nothing);

const SITES: &str = r#"<results>
  <SITE NAME="CERN-PROD"><SHORT_NAME>CERN-PROD</SHORT_NAME><SITE_IP>192.0.2.0/255.255.255.0</SITE_IP></SITE>
</results>"#;

fn addresses_and_sites_have_bounds(deployment: &Deployment) {
    let registry = deployment.folder.path().join("sites.xml");
    std::fs::write(&registry, SITES).unwrap();
    deployment.ask(&["registry", "import", registry.to_str().unwrap()]);
    let collector = serve(
        deployment,
        "trusted_proxies = [\"127.0.0.1\"]\nmax_reports_per_minute_per_address = 3\nmax_reports_per_minute_per_site = 8\n",
    );
    let mut number = 0;
    let mut from = |address: &str| {
        number += 1;
        let report = text(&format!("wn{number}.example.org"), "2026-01-01T04:00:00Z", &[("bash", "0:5-1")]);
        post(&collector, address, &seal(&deployment.certificate("officer"), &report))
    };
    for _ in 0..3 {
        assert_eq!(from("198.51.100.1").status, 201);
    }
    let turned = from("198.51.100.1");
    assert_eq!(turned.status, 429, "{turned:?}");
    let seconds: u64 = turned.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=20 + 301).contains(&seconds), "{seconds}");
    let problem: Value = serde_json::from_str(&turned.body).unwrap();
    assert_eq!(problem["title"], "too many reports");
    assert!(
        problem["detail"].as_str().unwrap().contains("more than 3 reports a minute from your address"),
        "{problem}"
    );
    assert_eq!(from("198.51.100.2").status, 201, "another address");

    // Three addresses of the site, three reports of each: the ninth is one too many for the site.
    eventually("the networks are known", || deployment.number("SELECT COUNT(*) FROM registry_site") == 1);
    let of_site: Vec<u16> = (0..9).map(|number| from(&format!("192.0.2.{}", number / 3 + 1)).status).collect();
    assert_eq!(of_site, [201, 201, 201, 201, 201, 201, 201, 201, 429]);
    let turned = from("192.0.2.99");
    assert!(turned.status == 429 && turned.body.contains("the networks of CERN-PROD"), "{turned:?}");
    assert_eq!(from("198.51.100.3").status, 201, "another network");

    // A proxy that does not say whom it speaks for is nobody: one bound for the whole grid would be no bound.
    let sealed =
        seal(&deployment.certificate("officer"), &text("a.example.org", "2026-01-01T04:00:00Z", &[("a", "1")]));
    for _ in 0..9 {
        assert!([200, 201].contains(&collector.report(&sealed).0));
    }
    assert_eq!(refused(&collector, "too_often"), 3);
    // Whoever was turned away is no doubtful sender.
    assert_eq!(deployment.number("SELECT COUNT(*) FROM refusal"), 0);
}

fn a_full_inbox_takes_nothing_and_loses_nothing(deployment: &Deployment) {
    let collector = serve(deployment, "max_unopened_reports = 3\nopen = false\n");
    let certificate = deployment.certificate("officer");
    let mut acknowledged = Vec::new();
    let report = |number: usize| {
        let report = text(&format!("wn{number}.example.org"), "2026-01-01T04:00:00Z", &[("bash", "0:5-1")]);
        seal(&certificate, &report)
    };
    // The bound is looked at every few seconds: some more may come in.
    let mut turned = None;
    eventually("the inbox is full", || {
        let sealed = report(acknowledged.len());
        let answer = post(&collector, "", &sealed);
        if answer.status == 201 {
            acknowledged.push(sealed);
        }
        turned = Some(answer).filter(|answer| answer.status == 503);
        turned.is_some()
    });
    let turned = turned.unwrap();
    assert!(acknowledged.len() >= 3, "{turned:?}");
    assert!(turned.header("retry-after").unwrap().parse::<u64>().unwrap() > 300 && turned.body.contains("inbox full"));
    assert!(refused(&collector, "full") > 0);
    assert_eq!(post(&collector, "", &acknowledged[0]).status, 503, "what is known already waits as well");
    assert_eq!(collector.get("/readyz").0, 200, "the rest goes on");

    // A real host keeps its report, and delivers it when there is room.
    let run = deployment.reporter(&collector.url).arg("report").output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(said.contains("inbox full") || said.contains("the inbox is full"), "{said}");
    assert_eq!(deployment.spooled().len(), 1);
    deployment.ask(&["open", "--once"]);
    assert_eq!(deployment.inbox("opened"), acknowledged.len());
    eventually("there is room again", || {
        let answer = post(&collector, "", &report(1_000));
        answer.status < 300
    });
    // It was told to come back in some minutes, and would: here it forgets that.
    std::fs::remove_file(deployment.spool().join("state.json")).unwrap();
    eventually("it is delivered", || {
        let _ = deployment.reporter(&collector.url).arg("send").output().unwrap();
        deployment.spooled().is_empty()
    });
    deployment.ask(&["open", "--once"]);
    assert_eq!(deployment.inbox("opened"), acknowledged.len() + 2, "what was acknowledged, the one after, the host's");
}

fn serve(deployment: &Deployment, config: &str) -> Collector {
    let file = deployment.folder.path().join("config.toml");
    std::fs::write(&file, config).unwrap();
    deployment.serve(&["--config", file.to_str().unwrap()])
}

/// Posts a report for somebody elsewhere, or from here.
fn post(collector: &Collector, address: &str, sealed: &[u8]) -> Answer {
    let headers: &[(&str, &str)] = if address.is_empty() { &[] } else { &[("x-forwarded-for", address)] };
    collector.send("/v1/reports", headers, sealed)
}

fn refused(collector: &Collector, reason: &str) -> u64 {
    let (_, metrics) = collector.get("/metrics");
    let line = metrics.lines().find(|line| line.contains("reports_refused_total") && line.contains(reason)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}
