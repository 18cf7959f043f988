//! Every value from a host is hostile: on every page, in every file to keep, in the output of every command.

use std::collections::BTreeSet;

use report::hash::Hash;
use wlcg_acceptance::browser::{Browser, Screen};
use wlcg_acceptance::person::{Person, encoded};
use wlcg_acceptance::programs::{Collector, Deployment, eventually};
use wlcg_acceptance::routes::{Known, questions};
use wlcg_acceptance::walk::Walk;

use super::seal;

on_both_databases!(what_hosts_say_stays_text_everywhere);

/// What a program of a host's administrator could put anywhere.
const MARKUP: &str = "<script>hostile()</script>\"'><img/src=x/onerror=hostile()>&lt;{{7*7}}";
const FORMULAS: [&str; 4] = ["=HYPERLINK(\"http://hostile.example.org\")", "+1+hostile", "@hostile", "-hostile"];
const TURNED: &str = "\u{202E}elitsoh\u{2066}\u{200B}\u{FEFF}";
const ESCAPE: &str = "\u{1b}]0;hostile\u{7}\u{1b}[31m\u{9b}2J";

/// What would be a formula at the begin of a cell.
const SIGNS: [char; 4] = ['=', '+', '-', '@'];

/// 10 kB without a space.
fn long() -> String {
    "hostile10kB".repeat(1000)
}

fn what_hosts_say_stays_text_everywhere(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    report(deployment, &collector);
    registry(deployment);
    campaign(deployment, &collector);
    commands(deployment);

    let browser = Browser::start();
    browser.sign_in(collector.link.as_ref().unwrap());
    let token = deployment.token("officer", &[]);
    let mut looked = BTreeSet::new();
    let told = |path: &str| path.chars().take(100).collect::<String>();
    let walk = Walk::from(&browser, &format!("{}/", collector.url), 8, |path| {
        looked.insert(told(path));
        harmless_page(&browser, &told(path));
        let (_, html) = collector.get_as(&token, path);
        harmless_text(&html.replace('\n', ""), &told(path));
        // Links have a name whole, people see as much of it as they can read.
        let shown = browser.execute("return document.body.textContent", vec![]);
        assert!(!shown.as_str().unwrap().contains(&"hostile10kB".repeat(100)), "{path} shows 10 kB in one piece");
    });
    assert!(looked.len() > 30, "{looked:#?}");
    for page in ["/campaigns/1", "/campaigns/1/messages", "/campaigns/1?site=CERN-PROD"] {
        assert!(looked.contains(page), "{page}: {looked:#?}");
    }

    let authorization = format!("Bearer {token}");
    let asked = [("authorization", authorization.as_str())];
    let mut sealed = 0;
    for file in &walk.files {
        if let Some(hash) = file.strip_suffix("/sealed").and_then(|path| path.strip_prefix("/inbox/")) {
            kept_as_it_came(&collector, file, hash, &asked);
            sealed += 1;
            continue;
        }
        let (status, content) = collector.get_as(&token, file);
        assert_eq!(status, 200, "{file}: {content}");
        if file.contains("csv") {
            harmless_csv(&content, file);
        }
        harmless_text(&content.replace(['\n', '\r'], ""), file);
    }
    assert!(sealed > 3, "{:#?}", walk.files);
    answers(deployment, &collector, &token);
}

/// Whatever can be asked of the API, as JSON and as CSV.
fn answers(deployment: &Deployment, collector: &Collector, token: &str) {
    let [host, other] = [FORMULAS[0], MARKUP].map(encoded);
    let held = deployment.rows(&["inbox", "list", "--state", "held"]);
    let report = held[0]["report"].as_str().unwrap();
    let known: &Known<'_> = &[
        ("site", &["CERN-PROD"]),
        ("other_site", &["CERN-PROD"]),
        ("host", &[&host]),
        ("other", &[&other]),
        ("package", &["named"]),
        ("product", &["h"]),
        ("list", &["baseline"]),
        ("version", &["1"]),
        ("campaign", &["1"]),
        ("report", &[report]),
        ("q", &["*hostile*"]),
        ("warned", &["true"]),
        ("stale", &["true"]),
        ("os", &["el9"]),
        ("tag", &[&other]),
        ("state", &["unknown", "held", "preview"]),
        ("problem", &["site_name"]),
        ("key", &["unsigned"]),
        ("person", &[&other]),
        ("action", &["read"]),
        ("lists", &["now"]),
        ("changed_since", &["2026-11-01"]),
        ("format", &["csv"]),
        ("at", &["2026-11-02"]),
        ("from", &["2026-11-02", "1"]),
        ("to", &["2026-11-03", "1"]),
        ("since", &["2026-11-02"]),
        ("limit", &["1000"]),
    ];
    let mut told = 0;
    for path in questions(collector, known) {
        for (format, accept) in [("json", "application/json"), ("csv", "text/csv")] {
            let headers = [("authorization", &*format!("Bearer {token}")), ("accept", accept)];
            let answer = collector.ask(&path, &headers, None);
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            harmless_text(&answer.body.replace(['\n', '\r'], ""), &format!("{path} as {format}"));
            if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/csv")) {
                harmless_csv(&answer.body, &path);
            }
            told += usize::from(answer.body.contains("hostile"));
        }
    }
    assert!(told > 60, "{told} answers have something hostile");
}

/// The sealed bytes of a report are no text: they are given to keep, as they came, and shown by no browser.
fn kept_as_it_came(collector: &Collector, file: &str, hash: &str, asked: &[(&str, &str)]) {
    let (status, bytes) = collector.bytes(file, asked);
    assert_eq!((status, Hash::of(&bytes).to_string().as_str()), (200, hash), "{file}");
    let answer = collector.ask(file, asked, None);
    let disposition = format!("attachment; filename=\"{hash}.p7m\"");
    for (name, value) in [
        ("content-type", "application/octet-stream"),
        ("content-disposition", disposition.as_str()),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{file} {name}");
    }
}

/// Hosts that are believed, and one that is not.
fn report(deployment: &Deployment, collector: &Collector) {
    let certificate = deployment.certificate("officer");
    let long = long();
    let names = [MARKUP, FORMULAS[0], FORMULAS[1], FORMULAS[2], FORMULAS[3], TURNED, &long];
    let mut accepted = 0;
    for (place, name) in names.iter().enumerate() {
        for day in ["02", "03"] {
            let mut packages: Vec<String> =
                names.iter().map(|package| format!("{package}\t{name}{day}\t{package}\n")).collect();
            packages.push(format!("named\t{name}{day}\tx\n"));
            packages.sort();
            let text = format!(
                "#\narch: {name}\ncollected: 2026-11-{day}T00:00:00Z\nhost: {name}\nkernel: {name}\npackager: rpm\n\
                 reporter: {name}\nreporter-warning: {name}\nsite: CERN-PROD\nsystem: {name}\ntag: {name}\nversion: 1\n\
                 zzz-{place}: {name}\n#\n{}#\n",
                packages.concat()
            );
            let (status, answer) = collector.report(&seal(&certificate, &text));
            assert_eq!(status, 201, "{answer}");
            accepted += 1;
        }
    }
    for site in names.iter().chain([&ESCAPE]) {
        let text = format!("#\nhost: {site}\npackager: rpm\nsite: {site}\nversion: 1\n#\nbash\t{site}\tx\n#\n");
        assert_eq!(collector.report(&seal(&certificate, &text)).0, 201);
    }
    let list = deployment.folder.path().join("list.toml");
    std::fs::write(
        &list,
        "name = \"baseline\"\n[[reference]]\nproduct = \"h\"\npackage = \"named\"\nminimum = \"0:9-1\"\n",
    )
    .unwrap();
    deployment.ask(&["reference", "import", list.to_str().unwrap()]);
    eventually("everything is opened or set aside", || deployment.inbox("waiting") == 0);
    assert_eq!(deployment.inbox("opened"), accepted, "{:#?}", deployment.rows(&["inbox"]));
}

/// A registry that says whatever it likes of a site.
fn registry(deployment: &Deployment) {
    let escaped = MARKUP.replace('&', "&amp;").replace('<', "&lt;");
    let site = format!(
        "<SITE NAME=\"CERN-PROD\"><SHORT_NAME>CERN-PROD</SHORT_NAME><COUNTRY>{escaped}</COUNTRY><TIER>{TURNED}</TIER>\
         <CONTACT_EMAIL>{}</CONTACT_EMAIL><CSIRT_EMAIL>{escaped}</CSIRT_EMAIL></SITE>",
        FORMULAS[0].replace('"', "&quot;")
    );
    let file = deployment.folder.path().join("sites.xml");
    std::fs::write(&file, format!("<results>{site}</results>")).unwrap();
    let said = deployment.ask_text(&["registry", "import", file.to_str().unwrap()]);
    harmless_text(&said.replace('\n', ""), "registry import");
}

/// A campaign with hostile hosts, by a hostile officer, with its mails written.
fn campaign(deployment: &Deployment, collector: &Collector) {
    let officer = Person::signed_in(deployment, collector, &["--name", MARKUP]);
    let note = [&[MARKUP], &FORMULAS[..]].concat().join("\n");
    let sites = [&["CERN-PROD", MARKUP], &FORMULAS[..]].concat().join("\n");
    let chosen = "baseline / h / named";
    let fields =
        [("name", FORMULAS[0]), ("note", &note), ("deadline", "2100-01-01"), ("chosen", chosen), ("sites", &sites)];
    let begun = officer.fill_in(&officer.page("/campaigns/new"), "/campaigns", &fields);
    assert_eq!(begun.header("location"), Some("/campaigns/1"), "{}", begun.body);
    let page = officer.page("/campaigns/1");
    for (site, host, reason) in
        [("CERN-PROD", FORMULAS[1], MARKUP), ("CERN-PROD", MARKUP, FORMULAS[3]), (MARKUP, FORMULAS[2], note.as_str())]
    {
        let fields = [("site", site), ("host", host), ("reason", reason), ("expires", "2100-01-01")];
        let granted = officer.fill_in(&page, "/campaigns/1/exceptions", &fields);
        assert_eq!(granted.status, 303, "{}", granted.body);
    }
    let text = format!("{}\n@{{campaign}}\n{{list}}", MARKUP.replace(['{', '}'], ""));
    let fields =
        [("subject", "+{campaign} {site}"), ("text", &*text), ("contacts", "CERN-PROD = grid@cern.example.org")];
    let written = officer.fill_in(&officer.page("/campaigns/1/messages"), "/campaigns/1/letter", &fields);
    assert_eq!(written.status, 303, "{}", written.body);
}

/// Nothing of it has become part of the page.
fn harmless_page(browser: &Browser, path: &str) {
    let script = "
        const own = [...document.querySelectorAll('script, img, iframe, object, embed, base, style, [style]')]
            .map((element) => element.outerHTML.slice(0, 200));
        const handlers = [...document.querySelectorAll('*')].flatMap((element) => [...element.attributes])
            .filter((attribute) => attribute.name.startsWith('on') || /^\\s*javascript:/i.test(attribute.value))
            .map((attribute) => `${attribute.name}=${attribute.value}`.slice(0, 200));
        return [...own, ...handlers];";
    let found = browser.execute(script, vec![]);
    assert_eq!(found.as_array().unwrap(), &Vec::<serde_json::Value>::new(), "{path}");
    browser.look_with(Screen::Phone);
    assert_eq!(browser.overflowing(), Vec::<String>::new(), "{path} on a phone");
    browser.look_with(Screen::Desktop);
    assert_eq!(browser.overflowing(), Vec::<String>::new(), "{path}");
}

/// No character that turns the writing, moves a cursor or has no width.
fn harmless_text(text: &str, of: &str) {
    let misleads =
        |character: &char| character.is_control() || TURNED.contains(*character) && !character.is_alphanumeric();
    if let Some(found) = text.chars().find(misleads) {
        let at = text.find(found).unwrap();
        panic!("{of} has {found:?}: {:?}", text[..at].chars().rev().take(80).collect::<Vec<_>>());
    }
}

/// No cell that a spreadsheet would calculate.
fn harmless_csv(text: &str, of: &str) {
    let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    for row in rows.records().map(Result::unwrap) {
        for cell in row.iter().filter(|cell| cell.parse::<f64>().is_err()) {
            assert!(!cell.starts_with(SIGNS), "{of}: {cell:?}");
        }
    }
}

fn commands(deployment: &Deployment) {
    let host = FORMULAS[0];
    let asked: [&[&str]; 17] = [
        &["hosts"],
        &["history", host],
        &["history", TURNED],
        &["diff", host, "--from", "2026-11-02", "--to", "2026-11-03"],
        &["diff", host, MARKUP],
        &["who", "*hostile*"],
        &["who", "@hostile >= 0"],
        &["compare"],
        &["inbox"],
        &["inbox", "list", "--state", "held"],
        &["reference", "list"],
        &["keys", "list"],
        &["campaign", "list"],
        &["campaign", "show", "1"],
        &["campaign", "show", FORMULAS[0]],
        &["audit"],
        &["registry", "list"],
    ];
    for question in asked {
        for format in ["table", "csv", "json"] {
            let answer = deployment.ask_text(&[question, &["--format", format]].concat());
            let of = format!("{question:?} as {format}");
            harmless_text(&answer.replace(['\n', '\r'], ""), &of);
            match format {
                "csv" => harmless_csv(&answer, &of),
                "table" => {
                    assert!(answer.lines().all(|line| line.chars().count() < 1000), "{of}: {answer}");
                }
                _ => {
                    let rows: Vec<serde_json::Value> = serde_json::from_str(&answer).unwrap();
                    assert!(!rows.is_empty(), "{of}");
                }
            }
        }
    }
    // Sealed bytes are no text, and are given as they came.
    let report = deployment.rows(&["inbox"])[0]["report"].as_str().unwrap().to_owned();
    let sealed = deployment.collector().args(["inbox", "show", &report]).output().unwrap().stdout;
    assert_eq!(Hash::of(&sealed).to_string(), report);
    // What is asked for wrongly is said without harm, too.
    let wrongly: [&[&str]; 6] = [
        &["history", ESCAPE],
        &["who", ESCAPE],
        &["diff", MARKUP],
        &["campaign", "show", ESCAPE],
        &["campaign", "show", TURNED],
        &["inbox", "show", ESCAPE],
    ];
    for wrong in wrongly {
        let output = deployment.collector().args(wrong).output().unwrap();
        harmless_text(&String::from_utf8_lossy(&output.stderr).replace('\n', ""), &format!("{wrong:?}"));
    }
}
