//! The API tells programs what the pages show people, and each role no more than its pages do.

use jiff::Timestamp;
use serde_json::{Value, json};
use wlcg_acceptance::person::{Person, form_of, text_of};
use wlcg_acceptance::programs::{Collector, Deployment, eventually};

use super::api::{ask, json};
use super::inbox_pages::{Sender, key, of, registry, settles};
use super::{BASELINE, text};

on_both_databases!(sites_and_hosts, the_inbox, campaigns_and_their_messages);

const DAY: i64 = 86_400;

fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second() - seconds).unwrap()
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

fn of_host(site: &str, host: &str, collected: Timestamp, version: &str) -> String {
    text(host, &collected.to_string(), &[("xrootd-server", version)])
        .replace("site: CERN-PROD", &format!("site: {site}"))
}

/// Hosts of two sites with everything that is worth a warning, opened.
fn filled(deployment: &Deployment) -> Collector {
    registry(deployment);
    deployment.ask(&["registry", "declare", "CERN-PROD", "--network", "192.0.2.0/24"]);
    let list = deployment.folder.path().join("list.toml");
    std::fs::write(&list, BASELINE).unwrap();
    deployment.ask(&["reference", "import", list.to_str().unwrap()]);
    let collector = deployment.serve(&[]);
    let sender = Sender::new(deployment, &collector, "officer");
    sender.post(&of_host("CERN-PROD", "wn1", ago(60), "1:5.6.3-1.el9"), None);
    let complains = of_host("CERN-PROD", "wn2", ago(60), "1:5.6.4-1.el9");
    let complains = complains.replace("packager: rpm\n", "packager: rpm\nreporter-warning: the certificate ends\n");
    sender.post(&complains, Some(&key()));
    sender.post(&of_host("CERN-PROD", "wn3", ago(30 * DAY), "1:5.6.3-1.el9"), None);
    sender.post(&of_host("DESY-HH", "dw1", ago(60), "1:5.6.3-1.el9"), Some(&key()));
    eventually("every report is opened", || deployment.inbox("opened") == 4);
    collector
}

/// All rows of a list, a page of so many at a time.
fn paged(collector: &Collector, token: &str, path: &str, limit: usize) -> Vec<Value> {
    let sign = if path.contains('?') { '&' } else { '?' };
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = json(collector, token, &format!("{path}{sign}limit={limit}{cursor}"));
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        rows.extend(items.iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

fn items(collector: &Collector, token: &str, path: &str) -> Vec<Value> {
    json(collector, token, path)["items"].as_array().unwrap().clone()
}

fn csv(collector: &Collector, token: &str, path: &str) -> Vec<csv::StringRecord> {
    let answer = ask(collector, token, path, &[("accept", "text/csv")]);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    csv::Reader::from_reader(answer.body.as_bytes()).records().map(Result::unwrap).collect()
}

fn fields<'a>(rows: &'a [Value], field: &str) -> Vec<&'a Value> {
    rows.iter().map(|row| &row[field]).collect()
}

fn sites_and_hosts(deployment: &Deployment) {
    let collector = filled(deployment);
    let (reader, own) = (deployment.token("reader", &[]), deployment.token("site", &["DESY-HH"]));
    let officer = Person::signed_in(deployment, &collector, &["--name", "Olga"]);
    let asked = ("baseline", "xrootd", "xrootd-server");
    assert_eq!(officer.begin_campaign("Move", "2100-01-01", asked, ""), "/campaigns/1");

    let site = json(&collector, &reader, "/sites/CERN-PROD");
    let warned = json!([
        {"warning": "silent", "hosts": 1},
        {"warning": "unsigned", "hosts": 2},
        {"warning": "outside", "hosts": 3},
        {"warning": "complaint", "hosts": 1},
    ]);
    assert_eq!((&site["warnings"], &site["systems"]), (&warned, &json!(["el9"])));
    let of_site = &site["campaigns"][0];
    assert_eq!((&of_site["state"], &of_site["hosts"], &of_site["to_do"]), (&json!("on time"), &json!(3), &json!(2)));
    assert_eq!(fields(site["reports"].as_array().unwrap(), "host"), ["wn3", "wn2", "wn1"]);
    let page = text_of(&officer.page("/sites/CERN-PROD"));
    for words in ["3 from outside of the site's networks", "2 not signed", "1 silent", "on time; 2 of 3 hosts to do"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let lonely = json(&collector, &own, "/sites/DESY-HH");
    assert_eq!((&lonely["warnings"], &lonely["reports"][0]["host"]), (&json!([]), &json!("dw1")));

    let all = items(&collector, &reader, "/hosts");
    let warnings = |host: &str| {
        let row = all.iter().find(|row| row["host"] == host).unwrap();
        row["warnings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(warnings("dw1"), Vec::<String>::new());
    assert_eq!(warnings("wn2")[1..], ["the host says: the certificate ends"]);
    assert_eq!((warnings("wn3").len(), warnings("wn3")[0].as_str()), (3, "no report for 30 days"));
    assert_eq!(json(&collector, &reader, "/hosts/CERN-PROD/wn3")["warnings"], json!(warnings("wn3")));
    let with: Vec<Value> = all.iter().filter(|row| row["warnings"] != json!([])).cloned().collect();
    let without: Vec<Value> = all.iter().filter(|row| row["warnings"] == json!([])).cloned().collect();
    for limit in [1, 2, 100] {
        assert_eq!(paged(&collector, &reader, "/hosts?warned=true", limit), with);
        assert_eq!(paged(&collector, &reader, "/hosts?warned=false", limit), without);
    }
    assert_eq!(paged(&collector, &reader, "/hosts?warned=true&state=behind", 1).len(), 1);
    let rows = csv(&collector, &reader, "/hosts?warned=true");
    let told: Vec<&str> = rows.iter().map(|row| row.iter().next_back().unwrap()).collect();
    assert_eq!(told, ["wn1", "wn2", "wn3"].map(|host| warnings(host).join("; ")));
    // How a report of then came is not known any more.
    let before = day(ago(2 * DAY));
    let past = items(&collector, &reader, &format!("/hosts?at={before}&warned=true"));
    assert_eq!((past.len(), past[0]["warnings"].as_array().unwrap().len()), (1, 1), "{past:?}");
    assert!(items(&collector, &reader, &format!("/hosts?at={before}&warned=false")).is_empty());

    let sites = items(&collector, &reader, "/products/xrootd-server/sites");
    assert_eq!(fields(&sites, "site"), ["CERN-PROD", "DESY-HH"]);
    let cern = &sites[0];
    assert_eq!(
        [&cern["hosts"], &cern["compliant"], &cern["behind"], &cern["unknown"], &cern["stale"]],
        [3, 1, 1, 1, 1].map(Value::from).each_ref()
    );
    assert_eq!(cern["versions"], json!(["1:5.6.4-1.el9", "1:5.6.3-1.el9"]));
    let versions = items(&collector, &reader, "/products/xrootd-server/versions");
    assert_eq!(fields(&versions, "hosts"), [1, 2, 1]);
    assert_eq!(items(&collector, &own, "/products/xrootd-server/sites"), sites[1..]);
}

fn the_inbox(deployment: &Deployment) {
    deployment.new_key("second", "rsa2048");
    registry(deployment);
    let collector = deployment.serve(&[]);
    let sender = Sender::new(deployment, &collector, "officer");
    let mine = key();
    let (unknown, sealed) = sender.post(&of("CERN-PRDO", "wn1"), None);
    sender.post(&of("CERN-PRDO", "wn2"), Some(&mine));
    sender.post(&of("FAR-AWAY-TESTBED", "wn3"), None);
    let whole = of("CERN-PROD", "wn4");
    sender.post(whole.trim_end_matches("#\n"), None);
    sender.post(&whole, None);
    Sender::new(deployment, &collector, "second").post(&whole, None);
    settles(deployment, [0, 1, 4, 1, 0]);
    for (kind, body) in [("application/pkcs7-mime", "noise"), ("application/pkcs7-mime", "other"), ("image/png", "x")] {
        assert!([400, 415].contains(&collector.post("/v1/reports", &[("content-type", kind)], body.as_bytes()).0));
    }
    let officer = deployment.token("officer", &[]);
    let counted = || items(&collector, &officer, "/inbox/refused").len() == 2;
    eventually("refusals are counted", counted);

    let all = items(&collector, &officer, "/inbox");
    assert_eq!(all.len(), 6);
    let signed = all.iter().find(|row| row["host"] == "wn2").unwrap()["key"].as_str().unwrap();
    assert_eq!(signed.len(), 64);
    for (asked, field, value) in [
        ("state=unreadable", "state", "unreadable"),
        ("problem=unknown_site", "problem", "unknown_site"),
        ("problem=truncated", "problem", "truncated"),
        ("site=CERN-PRDO", "site", "CERN-PRDO"),
        ("host=wn3", "host", "wn3"),
        (&format!("key={signed}"), "key", signed),
        ("key=unsigned", "key", ""),
    ] {
        let expected: Vec<Value> = all.iter().filter(|row| row[field] == value).cloned().collect();
        assert!(!expected.is_empty() && expected.len() < all.len(), "{asked}");
        assert_eq!(paged(&collector, &officer, &format!("/inbox?{asked}"), 1), expected, "{asked}");
    }
    assert_eq!(paged(&collector, &officer, "/inbox?problem=unknown_site&site=CERN-PRDO&key=unsigned", 9).len(), 1);

    let one = json(&collector, &officer, &format!("/inbox/{unknown}"));
    let row = all.iter().find(|row| row["report"] == unknown.as_str()).unwrap();
    assert_eq!((&one["report"], &one["kept"], &one["near"]), (row, &json!(true), &json!(["CERN-PROD"])));
    let desk = Person::signed_in(deployment, &collector, &["--name", "Olga"]);
    let page = text_of(&desk.page(&format!("/inbox/{unknown}")));
    assert!(page.contains(one["next_step"].as_str().unwrap()), "{page}");
    assert_eq!(csv(&collector, &officer, &format!("/inbox/{unknown}"))[0].get(0), Some(unknown.as_str()));
    let token = format!("Bearer {officer}");
    let kept = collector.bytes(&format!("/inbox/{unknown}/sealed"), &[("authorization", &token)]);
    assert_eq!(kept, (200, sealed), "where the document says that they are");
    let opened = all.iter().find(|row| row["state"] == "opened").unwrap()["report"].as_str().unwrap();
    let opened = json(&collector, &officer, &format!("/inbox/{opened}"));
    assert_eq!([&opened["next_step"], &opened["known_by"]], [&Value::Null, &Value::Null]);
    assert_eq!(ask(&collector, &officer, &format!("/inbox/{}", "0".repeat(64)), &[]).status, 404);
    for wrong in ["/inbox/x", "/inbox?problem=none", "/inbox?state=refused", "/inbox/groups?state=opened"] {
        let answer = ask(&collector, &officer, wrong, &[]);
        assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/problem+json")), "{wrong}");
    }

    let states = items(&collector, &officer, "/inbox/states");
    let numbers: Vec<_> =
        states.iter().map(|row| (row["state"].as_str().unwrap(), row["reports"].as_i64().unwrap())).collect();
    assert_eq!(numbers, [("held", 4), ("unreadable", 1), ("refused", 3), ("rejected", 0), ("waiting", 0)]);
    let refused = paged(&collector, &officer, "/inbox/refused", 1);
    assert_eq!(fields(&refused, "reports"), [2, 1]);
    assert!(refused.iter().all(|row| row["source"] == "127.0.0.1"), "{refused:?}");
    let page = text_of(&desk.page("/inbox?state=refused"));
    assert!(refused.iter().all(|row| page.contains(row["reason"].as_str().unwrap())), "{refused:?}: {page}");

    let groups = paged(&collector, &officer, "/inbox/groups", 1);
    assert_eq!(
        (fields(&groups, "problem"), fields(&groups, "sites")),
        (vec![&json!("truncated"), &json!("unknown_site")], vec![&json!(1), &json!(2)])
    );
    let sites = paged(&collector, &officer, "/inbox/groups?problem=unknown_site", 1);
    assert_eq!(fields(&sites, "site"), ["CERN-PRDO", "FAR-AWAY-TESTBED"]);
    assert_eq!(fields(&sites, "near"), [&json!(["CERN-PROD"]), &json!([])]);
    let hosts = paged(&collector, &officer, "/inbox/groups?problem=unknown_site&site=CERN-PRDO", 1);
    assert_eq!(
        (fields(&hosts, "host"), fields(&hosts, "key")),
        (vec![&json!("wn1"), &json!("wn2")], vec![&json!(""), &json!(signed)])
    );
    let unreadable = paged(&collector, &officer, "/inbox/groups?state=unreadable", 1);
    assert_eq!(fields(&unreadable, "problem"), ["not_opened"]);

    let site = deployment.token("site", &["CERN-PROD"]);
    let set_aside = |token: &str| json(&collector, token, "/overview")["set_aside"].clone();
    assert_eq!(set_aside(&officer), json!([{"state": "held", "reports": 4}, {"state": "unreadable", "reports": 1}]));
    assert!(text_of(&desk.page("/")).contains("Set aside: 4 reports held, 1 report unreadable"));
    let own = all.iter().filter(|row| row["site"] == "CERN-PROD" && row["state"] == "held").count();
    assert_eq!(set_aside(&site), json!([{"state": "held", "reports": own}]));
    for path in ["/inbox", "/inbox/states", "/inbox/groups", "/inbox/refused", &format!("/inbox/{unknown}")] {
        let answer = ask(&collector, &site, path, &[]);
        assert_eq!((answer.status, answer.header("content-type")), (403, Some("application/problem+json")), "{path}");
        assert_eq!(ask(&collector, &deployment.token("reader", &[]), path, &[]).status, 200, "{path}");
    }
    let noted = format!("/api/v1/inbox/{unknown}");
    let read = || deployment.rows(&["audit", "--action", "read"]).iter().any(|row| row["object"] == noted.as_str());
    eventually("what was read is noted, some of it at a time", read);
}

fn campaigns_and_their_messages(deployment: &Deployment) {
    let collector = filled(deployment);
    let [officer, reader] = ["officer", "reader"].map(|role| deployment.token(role, &[]));
    let own = deployment.token("site", &["DESY-HH"]);
    let olga = Person::signed_in(deployment, &collector, &["--name", "Olga"]);
    let asked = ("baseline", "xrootd", "xrootd-server");
    let path = olga.begin_campaign("Move", "2100-01-01", asked, "CERN-PROD\r\nDESY-HH\r\nNEVER-SEEN");
    let excepted = [("site", "CERN-PROD"), ("host", "wn3"), ("reason", "tape"), ("expires", "2099-12-31")];
    assert_eq!(olga.fill_in(&olga.page(&path), &format!("{path}/exceptions"), &excepted).status, 303);

    let told = json(&collector, &reader, &path);
    assert_eq!(told["named"], json!(["CERN-PROD", "DESY-HH", "NEVER-SEEN"]));
    let exception = &told["exceptions"][0];
    assert_eq!((&exception["begins"], &exception["in_force"]), (&json!(day(ago(0))), &json!(true)));
    let total = &told["summary"];
    assert_eq!([&total["behind"], &total["unknown"], &total["to_do"]], [2, 0, 2].map(Value::from).each_ref());
    assert_eq!(json(&collector, &own, &path)["named"], json!(["DESY-HH"]));

    let hosts = format!("{path}/hosts");
    let all = items(&collector, &reader, &hosts);
    assert_eq!(fields(&all, "host"), ["wn1", "wn2", "wn3", "dw1"]);
    assert_eq!(fields(&all, "to_do"), [true, false, false, true]);
    assert_eq!(fields(&all, "excepted"), [false, false, true, false]);
    assert_eq!(all[0]["minimum"], "1:5.6.4-1.el9");
    for limit in [1, 3] {
        assert_eq!(paged(&collector, &reader, &hosts, limit), all);
    }
    assert_eq!(paged(&collector, &reader, &format!("{hosts}?site=CERN-PROD"), 1), all[..3]);
    assert_eq!(csv(&collector, &reader, &hosts).len(), 4);
    assert_eq!(items(&collector, &own, &hosts), all[3..]);
    assert!(items(&collector, &own, &format!("{hosts}?site=CERN-PROD")).is_empty());
    let page = text_of(&olga.page(&format!("{path}?site=CERN-PROD")));
    assert!(all[..3].iter().all(|row| page.contains(row["reason"].as_str().unwrap())), "{page}");

    let messages = format!("{path}/messages");
    assert_eq!(json(&collector, &officer, &messages)["without_address"], json!(["CERN-PROD", "DESY-HH"]));
    let letter =
        [("contacts", "CERN-PROD = grid@cern.example.org\r\nDESY-HH = grid@desy.example.org"), ("text", "{list}")];
    assert_eq!(olga.fill_in(&olga.page(&messages), &format!("{path}/letter"), &letter).status, 303);
    let written = json(&collector, &officer, &messages);
    assert_eq!((&written["behind"], &written["without_address"]), (&json!(2), &json!([])));
    assert_eq!(written["letter"]["text"], "{list}\n");
    let previews = written["items"].as_array().unwrap();
    let mut recipients = fields(previews, "recipient");
    recipients.sort_by_key(|recipient| recipient.to_string());
    assert_eq!(recipients, ["grid@cern.example.org", "grid@desy.example.org"]);
    assert_eq!(paged(&collector, &officer, &messages, 1), *previews);
    let page = olga.page(&messages);
    assert!(previews.iter().all(|row| text_of(&page).contains(row["text"].as_str().unwrap().trim())), "{page}");
    let digest = form_of(&page, &format!("{path}/approve"))["digest"].clone();
    assert_eq!(olga.fill_in(&page, &format!("{path}/approve"), &[("digest", &digest)]).status, 303);
    let of_state = |state: &str| items(&collector, &officer, &format!("{messages}?state={state}"));
    assert_eq!((of_state("preview").len(), of_state("queued").len(), of_state("sent").len()), (1, 1, 0));
    assert_eq!(of_state("queued")[0]["approver"], "Olga");
    assert_eq!(csv(&collector, &officer, &messages).len(), 2);
    for token in [&reader, &own] {
        let answer = ask(&collector, token, &messages, &[]);
        assert_eq!((answer.status, answer.header("content-type")), (403, Some("application/problem+json")));
    }

    // What was sent is told to officers alone, on the page and here.
    deployment.sql("UPDATE message SET state = 'sent', sent = 1767225600 WHERE state = 'queued'");
    let mailed = |token: &str| {
        let told = json(&collector, token, &path);
        fields(told["items"].as_array().unwrap(), "last_mail")
            .into_iter()
            .filter(|time| !time.is_null())
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(mailed(&officer), ["2026-01-01T00:00:00Z"]);
    assert!(olga.page(&path).contains("2026-01-01 00:00"));
    assert_eq!((mailed(&reader), mailed(&own)), (Vec::new(), Vec::new()));

    assert_eq!(olga.fill_in(&olga.page(&path), &format!("{path}/close"), &[]).status, 303);
    assert!(items(&collector, &reader, &hosts).is_empty());
    assert!(!json(&collector, &reader, &path)["closed"].is_null());
}
