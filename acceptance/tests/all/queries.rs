//! No page and no answer asks more of the database when there are more hosts.

use std::collections::BTreeMap;

use wlcg_acceptance::browser::Browser;
use wlcg_acceptance::person::Person;
use wlcg_acceptance::programs::{Deployment, eventually};
use wlcg_acceptance::routes::{Known, questions};
use wlcg_acceptance::walk::Walk;

use super::{BASELINE, seal, text};

on_both_databases!(as_many_queries_for_200_hosts_as_for_10);

/// What is asked of the API.
const KNOWN: &Known<'_> = &[
    ("site", &["CERN-PROD"]),
    ("host", &["wn000.example.org"]),
    ("package", &["xrootd-server"]),
    ("product", &["xrootd"]),
    ("list", &["baseline"]),
    ("campaign", &["1"]),
    ("q", &["own-*"]),
    ("at", &["2026-01-03"]),
    ("lists", &["now"]),
    ("changed_since", &["2026-01-01"]),
    ("since", &["2026-01-03"]),
    ("state", &["unknown", "held"]),
    ("stale", &["true"]),
    ("limit", &["1000"]),
    ("format", &["csv"]),
];

fn as_many_queries_for_200_hosts_as_for_10(deployment: &Deployment) {
    let list = deployment.folder.path().join("list.toml");
    std::fs::write(&list, BASELINE).unwrap();
    deployment.ask(&["reference", "import", list.to_str().unwrap()]);
    let token = deployment.token("officer", &[]);
    report(deployment, 0..10);

    let collector = deployment.serve(&["--no-open"]);
    let officer = Person::signed_in(deployment, &collector, &["--name", "Olga"]);
    let asked = ("baseline", "xrootd", "xrootd-server");
    assert_eq!(officer.begin_campaign("Move", "2100-01-01", asked, ""), "/campaigns/1");
    let browser = Browser::start();
    browser.sign_in(collector.link.as_ref().unwrap());
    let mut paths: Vec<String> = Vec::new();
    let walk = Walk::from(&browser, &format!("{}/", collector.url), 1, |path| paths.push(path.to_owned()));
    paths.extend(walk.files);
    paths.extend(["/metrics", "/?at=2026-01-03", "/?at=2026-01-03&lists=now"].map(str::to_owned));
    paths.extend(["/products/xrootd-server?", "/find?q=own-*&"].map(|page| format!("{page}at=2026-01-03&lists=now")));
    paths.extend(questions(&collector, KNOWN));
    drop(collector);

    let few = queries(deployment, &token, &paths);
    report(deployment, 10..200);
    let many = queries(deployment, &token, &paths);
    assert!(few["/"] > 2, "queries are seen at all: {few:?}");
    let more = |path: &&String| many[*path] > few[*path];
    let grown: Vec<String> =
        paths.iter().filter(more).map(|path| format!("{path}: {} for 10, {} for 200", few[path], many[path])).collect();
    assert!(grown.is_empty(), "{}", grown.join("\n"));
}

/// Hosts with packages of their own each, on two days, opened.
fn report(deployment: &Deployment, hosts: std::ops::Range<usize>) {
    let collector = deployment.serve(&[]);
    let certificate = deployment.certificate("officer");
    let before = deployment.inbox("opened");
    let number = 2 * hosts.len();
    for host in hosts {
        for day in ["2026-01-03", "2026-01-04"] {
            let own = (format!("own-{host}"), format!("0:{day}-{host}"));
            let packages = [
                ("bash", "0:5.1-1.el9"),
                (own.0.as_str(), own.1.as_str()),
                ("xrootd-server", &format!("1:5.6.{host}-1")),
            ];
            let report = text(&format!("wn{host:03}.example.org"), &format!("{day}T04:00:00Z"), &packages);
            assert_eq!(collector.report(&seal(&certificate, &report)).0, 201);
        }
    }
    eventually("every report is opened", || deployment.inbox("waiting") == 0);
    assert_eq!(deployment.inbox("opened"), (before + number).min(1000), "as many as the command lists");
}

/// Statements for each path by a process that has just been started: those of the request itself, whatever else it does.
fn queries(deployment: &Deployment, token: &str, paths: &[String]) -> BTreeMap<String, usize> {
    let collector = deployment.serve_telling_statements(&["--no-open"]);
    let of_requests = |line: &&str| {
        // A connection that is opened meanwhile, because another task has the first, sets itself up.
        let sets_up = line.contains("summary=\"PRAGMA") || line.contains("summary=\"SET");
        line.contains(" request{") && line.contains("sqlx::query") && !sets_up
    };
    let statements = || deployment.log().lines().filter(of_requests).count();
    paths
        .iter()
        .map(|path| {
            let before = statements();
            let (status, answer) = collector.get_as(token, path);
            assert_eq!(status, 200, "{path}: {answer}");
            (path.clone(), statements() - before)
        })
        .collect()
}
