//! No page and no answer asks more of the database when there are more hosts.

use std::collections::BTreeMap;

use report::hash::Hash;
use wlcg_acceptance::browser::Browser;
use wlcg_acceptance::person::Person;
use wlcg_acceptance::programs::{Deployment, eventually};
use wlcg_acceptance::routes::{Known, questions};
use wlcg_acceptance::walk::Walk;

use super::inbox_pages::registry;
use super::{BASELINE, seal, text};

on_both_databases!(as_many_queries_for_200_hosts_as_for_10);

/// What is asked of the API, beside one report.
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
    ("state", &["unknown", "held", "preview"]),
    ("problem", &["truncated", "unknown_site"]),
    ("key", &["unsigned"]),
    ("warned", &["true"]),
    ("os", &["el9"]),
    ("tag", &["none"]),
    ("other", &["wn001.example.org"]),
    ("other_site", &["CERN-PROD"]),
    ("from", &["2026-01-03", "1"]),
    ("to", &["2026-01-04", "1"]),
    ("version", &["1"]),
    ("person", &["Olga"]),
    ("action", &["read"]),
    ("stale", &["true"]),
    ("limit", &["1000"]),
    ("format", &["csv"]),
];

fn as_many_queries_for_200_hosts_as_for_10(deployment: &Deployment) {
    let list = deployment.folder.path().join("list.toml");
    std::fs::write(&list, BASELINE).unwrap();
    deployment.ask(&["reference", "import", list.to_str().unwrap()]);
    registry(deployment);
    let token = deployment.token("officer", &[]);
    let held = report(deployment, 0..10);

    let collector = deployment.serve(&["--no-open"]);
    let officer = Person::signed_in(deployment, &collector, &["--name", "Olga"]);
    let asked = ("baseline", "xrootd", "xrootd-server");
    assert_eq!(officer.begin_campaign("Move", "2100-01-01", asked, ""), "/campaigns/1");
    except(&officer, 0..10);
    preview(&officer);
    let browser = Browser::start();
    browser.sign_in(collector.link.as_ref().unwrap());
    let mut paths: Vec<String> = Vec::new();
    let walk = Walk::from(&browser, &format!("{}/", collector.url), 1, |path| paths.push(path.to_owned()));
    paths.extend(walk.files);
    paths.extend(["/metrics", "/?at=2026-01-03", "/?at=2026-01-03&lists=now"].map(str::to_owned));
    paths.extend(["/products/xrootd-server?", "/find?q=own-*&"].map(|page| format!("{page}at=2026-01-03&lists=now")));
    let held = [held.as_str()];
    let known: Vec<(&str, &[&str])> = KNOWN.iter().copied().chain([("report", &held[..])]).collect();
    paths.extend(questions(&collector, &known));
    assert!(paths.iter().any(|path| path.starts_with("/inbox/")) && paths.contains(&MESSAGES.to_owned()), "{paths:#?}");
    drop(collector);

    let few = queries(deployment, &token, &paths);
    report(deployment, 10..200);
    let collector = deployment.serve(&["--no-open"]);
    except(&Person::signed_in(deployment, &collector, &["--name", "Olga"]), 10..200);
    drop(collector);
    let many = queries(deployment, &token, &paths);
    assert!(few["/"] > 2, "queries are seen at all: {few:?}");
    assert!(few[PREVIEWS[0]] > 5 && few[PREVIEWS[1]] > 2, "and what forms ask for: {few:?}");
    let more = |(path, queries): (&String, &usize)| {
        (queries > &few[path]).then(|| format!("{path}: {} for 10, {queries} for 200", few[path]))
    };
    let grown: Vec<String> = many.iter().filter_map(more).collect();
    assert!(grown.is_empty(), "{}", grown.join("\n"));
}

/// What is written to the sites of the campaign.
const MESSAGES: &str = "/campaigns/1/messages";

/// Forms that show what would happen.
const PREVIEWS: [&str; 2] = ["POST /campaigns/1/letter", "POST /references/baseline/preview"];

/// Excepts every second host from the campaign.
fn except(officer: &Person<'_>, hosts: std::ops::Range<usize>) {
    let page = officer.page("/campaigns/1");
    for host in hosts.step_by(2) {
        let host = format!("wn{host:03}.example.org");
        let fields = [("site", "CERN-PROD"), ("host", host.as_str()), ("reason", "tape"), ("expires", "2100-01-01")];
        assert_eq!(officer.fill_in(&page, "/campaigns/1/exceptions", &fields).status, 303);
    }
}

/// Writes the mails to the sites that are behind.
fn preview(officer: &Person<'_>) {
    let page = officer.page(MESSAGES);
    let fields = [("contacts", "CERN-PROD = grid@cern.example.org"), ("text", "Please update:\n{list}")];
    let answer = officer.fill_in(&page, "/campaigns/1/letter", &fields);
    assert_eq!(answer.status, 303, "{}", answer.body);
}

/// Hosts with packages of their own each, on two days, opened; of each a report that is cut short and one of a site that nobody
/// knows, held. The hash of one that is held.
fn report(deployment: &Deployment, hosts: std::ops::Range<usize>) -> String {
    let collector = deployment.serve(&[]);
    let certificate = deployment.certificate("officer");
    let before = deployment.inbox("opened");
    let number = 2 * hosts.len();
    let mut held = String::new();
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
            let troubled = match day {
                "2026-01-03" => report.trim_end_matches("#\n").to_owned(),
                _ => report.replace("site: CERN-PROD", "site: CERN-PRDO"),
            };
            let sealed = seal(&certificate, &troubled);
            assert_eq!(collector.report(&sealed).0, 201);
            held = Hash::of(&sealed).to_string();
        }
    }
    eventually("every report is opened", || deployment.inbox("waiting") == 0);
    assert_eq!(deployment.inbox("opened"), (before + number).min(1000), "as many as the command lists");
    assert_eq!(deployment.inbox("held"), deployment.inbox("opened"));
    held
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
    let of_path = |path: &String| {
        let before = statements();
        let (status, answer) = collector.get_as(token, path);
        assert_eq!(status, 200, "{path}: {answer}");
        (path.clone(), statements() - before)
    };
    let mut counted: BTreeMap<String, usize> = paths.iter().map(of_path).collect();
    let officer = Person::signed_in(deployment, &collector, &["--name", "Olga"]);
    let text = officer.page("/references/baseline/text?form=csv");
    let csv = "product,package,minimum\nxrootd,xrootd-server,1:5.6.90-1\nown,own-7,0:9-1\n";
    let forms: [&dyn Fn(); 2] = [&|| preview(&officer), &|| {
        let fields = [("what", "text"), ("text", csv)];
        let answer = officer.fill_in(&text, "/references/baseline/preview", &fields);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }];
    for (name, send) in PREVIEWS.iter().zip(forms) {
        let before = statements();
        send();
        counted.insert((*name).to_owned(), statements() - before);
    }
    counted
}
