//! A host, a site or old history goes on request: afterwards every answer is that of a collector that never had it.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;
use std::time::Duration;

use report::hash::Hash;
use report::package::{Package, Packager};
use serde_json::Value;
use wlcg_acceptance::mariadb;
use wlcg_acceptance::programs::{Collector, Deployment, eventually};
use wlcg_package_collector::access::Scope;
use wlcg_package_collector::store::{Arrival, Store};

use super::{seal, text};

on_both_databases!(
    a_host_and_a_site_as_if_they_had_never_been,
    history_as_if_it_had_begun_later,
    serve_keeps_history_for_so_many_days,
    whatever_is_known_goes_and_the_host_begins_anew,
    a_purge_that_is_killed_is_finished_by_the_same_again
);

const DAYS: i64 = 6;
const DAY: i64 = 86_400;

pub(crate) type Report = (String, String, i64, i64);

/// Reports of five hosts at two sites, in order of time: when a state was first heard of depends on it.
fn reports() -> Vec<Report> {
    let mut random = 1_u64;
    let mut pick = |among: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((random >> 33) % u64::try_from(among).unwrap()).unwrap()
    };
    let mut reports = Vec::new();
    for _ in 0..150 {
        let (site, host) = [("A", "a1"), ("A", "a2"), ("B", "b1"), ("B", "b2"), ("B", "a1")][pick(5)];
        let time = i64::try_from(pick(usize::try_from(DAYS * DAY).unwrap())).unwrap();
        reports.push((site.to_owned(), host.to_owned(), time, i64::try_from(pick(2)).unwrap()));
    }
    reports.sort_by_key(|report: &Report| report.2);
    reports
}

pub(crate) fn run<T>(story: impl Future<Output = T>) -> T {
    // One for all: connections of a pool live on the runtime that made them.
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    RUNTIME.get_or_init(runtime).block_on(story)
}

/// Makes reports history, as if each had come when it was made.
pub(crate) async fn fill(store: &Store, reports: &[Report]) {
    let mut writing = store.begin().await.unwrap();
    for (site, host, time, version) in reports {
        let host = writing.host_id(site, host).await.unwrap();
        let facts = writing.facts_id("packager: rpm\nsystem: AlmaLinux release 9.4\n").await.unwrap();
        let digest = Hash::of(&version.to_be_bytes());
        let list = match writing.list_id(digest).await.unwrap() {
            Some(list) => list,
            None => {
                let version = format!("1:5.6.{version}-1.el9").into();
                let package =
                    Package { name: "xrootd-server".into(), version, arch: "x86_64".into(), packager: Packager::Rpm };
                let ids = writing.package_ids(&[package]).await.unwrap();
                writing.add_list(digest, &ids, &[]).await.unwrap()
            }
        };
        let arrival = Arrival { received: *time, source: "192.0.2.1", signed: false };
        writing.add_to_history(host, (*time, list, facts), arrival).await.unwrap();
    }
    writing.commit().await.unwrap();
}

/// Another deployment on the same kind of database, with these reports.
fn with(deployment: &Deployment, reports: &[Report]) -> Deployment {
    let database = (!deployment.database.starts_with("sqlite:")).then(mariadb::new_database);
    let other = Deployment::new(database);
    run(async {
        let store = Store::open(&other.database).await.unwrap();
        fill(&store, reports).await;
        store.close().await;
    });
    other
}

/// Hosts by site and version at the end of each day, counted, one by one, and now; and how versions spread.
async fn counted(store: &Store) -> Vec<BTreeMap<(String, String), i64>> {
    let packages: HashMap<i64, String> = store
        .packages_named(&["xrootd-server"])
        .await
        .unwrap()
        .into_iter()
        .map(|(id, package)| (id, package.version.into_owned()))
        .collect();
    let version = async |list: i64| packages[&store.list(list).await.unwrap()[0]].clone();
    let mut all = Vec::new();
    for day in 0..=DAYS {
        let (mut counts, mut one_by_one) = (BTreeMap::new(), BTreeMap::new());
        for group in store.groups_on(&Scope::All, day).await.unwrap() {
            *counts.entry((group.site, version(group.list).await)).or_default() += group.hosts;
        }
        for host in store.hosts_at(&Scope::All, (day + 1) * DAY - 1).await.unwrap() {
            *one_by_one.entry((host.site, version(host.list).await)).or_default() += 1;
        }
        assert_eq!(counts, one_by_one, "day {day}");
        all.push(counts);
    }
    let mut present = BTreeMap::new();
    for group in store.present_groups(&Scope::All, 4 * DAY).await.unwrap() {
        *present.entry((group.site.clone(), version(group.list).await)).or_default() += group.hosts;
        *present.entry((group.site, "stale".to_owned())).or_default() += group.stale;
    }
    all.push(present);
    let ids: Vec<(i64, i64)> = packages.keys().map(|id| (*id, *id)).collect();
    let mut spread = BTreeMap::new();
    for change in store.spread(&Scope::All, &ids).await.unwrap() {
        *spread.entry((change.day.to_string(), packages[&change.package].clone())).or_default() += change.hosts;
    }
    spread.retain(|_, hosts| *hosts != 0);
    all.push(spread);
    all
}

/// What the programs answer: hosts, histories, who has what and how hosts compare, on each day from `first` on; and pages of the API.
fn answers(deployment: &Deployment, first: i64) -> Vec<Vec<Value>> {
    let mut all = vec![deployment.rows(&["hosts"]), deployment.rows(&["who", "xrootd-server < 1:5.6.1"])];
    for (site, host) in [("A", "a1"), ("A", "a2"), ("B", "b1"), ("B", "b2"), ("B", "a1")] {
        let output = deployment.collector().args(["--format", "json", "history", host, "--site", site]).output();
        let output = output.unwrap();
        let said = if output.status.success() { output.stdout } else { output.stderr };
        let rows = serde_json::from_slice(&said);
        all.push(rows.unwrap_or_else(|_| vec![Value::from(String::from_utf8(said).unwrap())]));
    }
    for day in first..=DAYS {
        let at = jiff::Timestamp::from_second((day + 1) * DAY - 1).unwrap().to_string();
        all.push(deployment.rows(&["hosts", "--at", &at]));
        all.push(deployment.rows(&["who", "xrootd-server < 1:5.6.1", "--at", &at]));
        all.push(deployment.rows(&["compare", "--list-of", "now", "--at", &at]));
    }
    all
}

/// What a running collector tells of the overview and the sites, which it may have read before.
pub(crate) fn pages(deployment: &Deployment, collector: &Collector) -> Vec<Value> {
    let token = deployment.token("reader", &[]);
    let mut pages = Vec::new();
    for path in ["overview", "overview?at=1970-01-04", "sites", "hosts", "hosts?at=1970-01-05", "products"] {
        let (status, body) = collector.get_as(&token, &format!("/api/v1/{path}"));
        assert_eq!(status, 200, "{path}: {body}");
        let mut page: Value = serde_json::from_str(&body).unwrap();
        // When it was asked.
        page.as_object_mut().unwrap().remove("at");
        pages.push(page);
    }
    pages
}

fn import_baseline(deployment: &Deployment) {
    let file = deployment.folder.path().join("baseline.toml");
    std::fs::write(&file, super::BASELINE.replace("1:5.6.4", "1:5.6.1")).unwrap();
    deployment.ask(&["reference", "import", file.to_str().unwrap()]);
}

/// Purges with `arguments`, and compares with a collector that only ever had `rest`.
fn purged_is_never_had(deployment: &Deployment, arguments: &[&str], rest: &[Report], first: i64) {
    let knows = run(async { Store::connect(&deployment.database).await.unwrap() });
    run(counted(&knows));
    let collector = deployment.serve(&[]);
    let before = pages(deployment, &collector);
    let told = deployment.ask_text(&[&["purge", "--dry-run"], arguments].concat());
    assert_eq!(pages(deployment, &collector), before, "a dry run changes nothing");
    let gone = deployment.ask_text(&[&["purge"], arguments].concat());
    assert_eq!(told.replace("would delete", "deleted"), gone);
    assert!(!gone.contains("states 0"), "{gone}");

    let other = with(deployment, rest);
    import_baseline(&other);
    let never = run(async { Store::connect(&other.database).await.unwrap() });
    let (left, right) = run(async { (counted(&knows).await, counted(&never).await) });
    assert_eq!(left, right, "who had read before: {arguments:?}");
    assert_eq!(answers(deployment, first), answers(&other, first), "{arguments:?}");
    let beside = other.serve(&[]);
    assert_eq!(pages(deployment, &collector), pages(&other, &beside), "{arguments:?}");
    for table in ["host_state", "host_now", "host_count WHERE hosts <> 0", "host"] {
        let rows = format!("SELECT COUNT(*) FROM {table}");
        assert_eq!(deployment.number(&rows), other.number(&rows), "{table}");
    }

    let again = deployment.ask_text(&[&["purge"], arguments].concat());
    assert!(again.contains("states 0"), "{again}");
    run(async {
        knows.close().await;
        never.close().await;
    });
}

fn filled(deployment: &Deployment) {
    run(async {
        let store = Store::open(&deployment.database).await.unwrap();
        fill(&store, &reports()).await;
        store.close().await;
    });
    import_baseline(deployment);
}

fn a_host_and_a_site_as_if_they_had_never_been(deployment: &Deployment) {
    filled(deployment);
    let mut rest = reports();
    rest.retain(|(site, host, ..)| (site.as_str(), host.as_str()) != ("B", "a1"));
    purged_is_never_had(deployment, &["--host", "B/a1"], &rest, 0);
    rest.retain(|(site, ..)| site != "B");
    purged_is_never_had(deployment, &["--site", "B"], &rest, 0);
    let audit = deployment.rows(&["audit", "--action", "purge"]);
    let objects: Vec<&str> = audit.iter().map(|line| line["object"].as_str().unwrap()).collect();
    assert_eq!(objects.len(), 2, "{objects:?}");
    assert!(
        objects[0].starts_with("site B: hosts 2, states ") && objects[1].starts_with("host B/a1: hosts 1, states ")
    );
    assert!(audit.iter().all(|line| line["role"] == "operator" && line["source"] == "command line"), "{audit:?}");
    let wrong = deployment.collector().args(["purge", "--host", "nowhere"]).output().unwrap();
    assert!(!wrong.status.success() && String::from_utf8_lossy(&wrong.stderr).contains("write SITE/HOST"));
}

/// The reports that tell of a time and what came after it: of each host from when its state of then began.
fn since(time: i64) -> Vec<Report> {
    let mut by_host: BTreeMap<(String, String), Vec<Report>> = BTreeMap::new();
    for report in reports() {
        by_host.entry((report.0.clone(), report.1.clone())).or_default().push(report);
    }
    let mut rest = Vec::new();
    for mut of_host in by_host.into_values() {
        of_host.sort_by_key(|report| report.2);
        let valid = of_host.iter().rposition(|report| report.2 <= time).unwrap_or(0);
        let first = of_host[..valid].iter().rposition(|report| report.3 != of_host[valid].3).map_or(0, |at| at + 1);
        rest.extend(of_host.into_iter().skip(first));
    }
    rest
}

fn history_as_if_it_had_begun_later(deployment: &Deployment) {
    filled(deployment);
    assert!(since(3 * DAY).len() < reports().len() - 20, "something ends before that");
    purged_is_never_had(deployment, &["--history-before", "1970-01-04"], &since(3 * DAY), 3);
    let audit = deployment.rows(&["audit", "--action", "purge"]);
    assert_eq!(audit.len(), 1, "{audit:?}");
    assert!(audit[0]["object"].as_str().unwrap().starts_with("history before 1970-01-04T00:00:00Z: states "));
}

fn serve_keeps_history_for_so_many_days(deployment: &Deployment) {
    filled(deployment);
    let states = || deployment.number("SELECT COUNT(*) FROM host_state");
    let before = states();
    // Somebody did something just now: the clock is right.
    let _ = deployment.token("reader", &[]);
    {
        let _collector = deployment.serve(&[]);
        std::thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(states(), before, "without the setting histories are kept");
    let config = deployment.folder.path().join("config.toml");
    std::fs::write(&config, "keep_history_days = 30\n").unwrap();
    let _collector = deployment.serve(&["--config", config.to_str().unwrap()]);
    eventually("of each host one state is left", || states() < before && deployment.rows(&["hosts"]).len() == 5);
    let last = since(i64::MAX);
    let other = with(deployment, &last);
    eventually("what is left is the present", || states() == other.number("SELECT COUNT(*) FROM host_state"));
    assert_eq!(deployment.rows(&["hosts"]), other.rows(&["hosts"]));
    let audit = deployment.rows(&["audit", "--action", "purge"]);
    assert!(
        audit.iter().any(|line| line["source"] == "serve" && line["object"].as_str().unwrap().starts_with("history"))
    );
}

fn whatever_is_known_goes_and_the_host_begins_anew(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let signed = |folder: &str| {
        let folder = deployment.folder.path().join(folder);
        let mut reporter = std::process::Command::new(wlcg_acceptance::programs::program("wlcg-package-reporter"));
        reporter.args(["--site", "CERN-PROD", "--host", "wn1.example.org", "--url", &collector.url, "--recipient"]);
        let output = reporter.arg(deployment.certificate("officer")).arg("--spool").arg(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    signed("first");
    eventually("the host is known by its key", || deployment.number("SELECT COUNT(*) FROM sender") == 1);
    signed("second");
    eventually("another key is held", || deployment.inbox("held") == 1);
    let held = deployment.rows(&["inbox"]).into_iter().find(|row| row["state"] == "held").unwrap();
    deployment.ask(&["inbox", "reject", held["report"].as_str().unwrap(), "--reason", "not ours"]);
    let certificate = deployment.certificate("officer");
    let other = seal(&certificate, &text("wn2.example.org", "2026-01-01T00:00:00Z", &[("bash", "0:5.1-1")]));
    assert_eq!(collector.report(&other).0, 201);
    eventually("another host is opened", || deployment.inbox("opened") == 2);
    for (number, host) in ["wn1.example.org", "wn2.example.org", ""].iter().enumerate() {
        deployment.sql(&format!(
            "INSERT INTO campaign_exception (digest, campaign, site, host, reason, author, created, expires) \
             VALUES ('{number}', 1, 'CERN-PROD', '{host}', 'old', 'officer', 0, 30000)"
        ));
    }
    let of_other = deployment.rows(&["history", "wn2.example.org"]);
    let gone = deployment.ask_text(&["purge", "--host", "CERN-PROD/wn1.example.org"]);
    assert_eq!(gone, "deleted of host CERN-PROD/wn1.example.org: hosts 1, states 1, reports 2, keys 1, exceptions 1\n");
    let left = |table: &str| deployment.number(&format!("SELECT COUNT(*) FROM {table}"));
    assert_eq!(
        ["host", "host_state", "host_now", "inbox", "sender", "rejected_sender", "campaign_exception"].map(left),
        [1, 1, 1, 1, 0, 0, 2]
    );
    assert_eq!(deployment.rows(&["history", "wn2.example.org"]), of_other);

    signed("second");
    eventually("it begins anew, with the key that was rejected", || {
        deployment.number("SELECT COUNT(*) FROM sender") == 1 && deployment.inbox("opened") == 2
    });
    assert_eq!(deployment.rows(&["history", "wn1.example.org"]).len(), 1);
    let gone = deployment.ask_text(&["purge", "--site", "CERN-PROD"]);
    assert!(gone.ends_with("hosts 2, states 2, reports 2, keys 1, exceptions 2\n"), "{gone}");
    assert_eq!(["host", "host_count", "inbox", "sender", "rejected_sender", "campaign_exception"].map(left), [0; 6]);
}

fn a_purge_that_is_killed_is_finished_by_the_same_again(deployment: &Deployment) {
    filled(deployment);
    let mut many = Vec::new();
    for host in 0..3_000 {
        for time in 0..4 {
            many.push(("C".to_owned(), format!("c{host}"), time * DAY + host, time % 2));
        }
    }
    run(async {
        let store = Store::open(&deployment.database).await.unwrap();
        fill(&store, &many).await;
        store.close().await;
    });
    let hosts = || deployment.number("SELECT COUNT(*) FROM host WHERE site = 'C'");
    let store = run(async { Store::connect(&deployment.database).await.unwrap() });
    let mut in_the_middle = 0;
    while in_the_middle < 3 && hosts() > 0 {
        let before = hosts();
        let mut purge = deployment.collector().args(["purge", "--site", "C"]).spawn().unwrap();
        eventually("some of it has gone", || hosts() < before);
        let _ = purge.kill();
        purge.wait().unwrap();
        run(counted(&store));
        in_the_middle += i32::from(hosts() > 0);
    }
    assert!(in_the_middle > 0, "it was never killed in the middle");
    deployment.ask(&["purge", "--site", "C"]);
    let other = with(deployment, &reports());
    import_baseline(&other);
    let never = run(async { Store::connect(&other.database).await.unwrap() });
    assert_eq!(run(counted(&store)), run(counted(&never)));
    assert_eq!(answers(deployment, 0), answers(&other, 0));
    run(async {
        store.close().await;
        never.close().await;
    });
}
