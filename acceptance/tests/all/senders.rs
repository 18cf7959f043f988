//! Who speaks for a host: the key that it was first seen with, until a person decides otherwise.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use wlcg_acceptance::openssl::openssl;
use wlcg_acceptance::programs::{Collector, Deployment, eventually, program};
use wlcg_package_collector::access::deed::By;
use wlcg_package_collector::access::{Role, Scope, Viewer};
use wlcg_package_collector::inbox_decision::{self, Approved};
use wlcg_package_collector::problem::Problem;
use wlcg_package_collector::store::{InboxFilter, InboxState, Store};

use super::{seal, text};

on_both_databases!(
    a_host_that_changes_its_key,
    a_host_of_another_site,
    unsigned_reports,
    changed_on_the_way,
    decided_in_pages
);

/// A host with a state folder, and with it a key, of its own.
struct Host<'a> {
    deployment: &'a Deployment,
    url: String,
    folder: PathBuf,
    site: &'a str,
    name: &'a str,
}

impl<'a> Host<'a> {
    fn new(deployment: &'a Deployment, collector: &Collector, site: &'a str, name: &'a str, folder: &str) -> Self {
        let folder = deployment.folder.path().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        Host { deployment, url: collector.url.clone(), folder, site, name }
    }

    fn run(&self, settings: &str, arguments: &[&str]) -> Output {
        let config = self.folder.join("config.toml");
        std::fs::write(&config, settings).unwrap();
        let mut reporter = Command::new(program("wlcg-package-reporter"));
        reporter.args(["--site", self.site, "--host", self.name, "--url", &self.url, "--recipient"]);
        reporter.arg(self.deployment.certificate("officer")).arg("--spool").arg(&self.folder);
        reporter.arg("--config").arg(config).args(arguments).output().unwrap()
    }

    /// Reports; gives the report's hash.
    fn report(&self, settings: &str) -> String {
        let output = self.run(settings, &[]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let hash = said.split_whitespace().find(|word| word.len() == 64);
        hash.unwrap_or_else(|| panic!("{said}")).to_owned()
    }

    /// The key that `status` tells.
    fn key(&self) -> String {
        let status: Value = serde_json::from_slice(&self.run("", &["status", "--json"]).stdout).unwrap();
        status["signing"]["key"].as_str().unwrap().to_owned()
    }
}

/// Waits until a report is no longer waiting, and checks what became of it.
fn became(deployment: &Deployment, report: &str, state: &str, problem: &str) -> Value {
    let mut row = Value::Null;
    eventually("the report is opened or set aside", || {
        let rows = deployment.rows(&["inbox"]);
        row = rows.into_iter().find(|row| row["report"] == report).unwrap_or_else(|| panic!("no {report}"));
        row["state"] != "waiting"
    });
    assert_eq!((&row["state"], &row["problem"]), (&Value::from(state), &Value::from(problem)), "{row}");
    row
}

/// Reports in the history of a host.
fn reports(deployment: &Deployment, site: &str, host: &str) -> i64 {
    let rows = deployment.rows(&["history", host, "--site", site]);
    rows.iter().map(|row| row["reports"].as_i64().unwrap()).sum()
}

fn refused(deployment: &Deployment, arguments: &[&str]) -> String {
    let output = deployment.collector().args(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn a_host_that_changes_its_key(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let host = |folder: &str| Host::new(deployment, &collector, "CERN-PROD", "wn1.example.org", folder);
    let (before, after) = (host("before"), host("after"));
    let first = became(deployment, &before.report(""), "opened", "");
    assert_eq!((&first["sender"], &first["host"]), (&Value::from(before.key()), &Value::from("wn1.example.org")));
    let of_others = deployment.folder.path().join("text");
    std::fs::write(&of_others, text("wn1.example.org", "2026-01-01T00:00:00Z", &[("bash", "0:5-1")])).unwrap();
    let input = before.run("", &["--input", of_others.to_str().unwrap()]);
    assert!(input.status.success());
    eventually("a text of another tool is signed too", || deployment.inbox("opened") == 2);

    // Installed anew: nothing but the name is the same.
    let held = [after.report(""), after.report("")];
    for report in &held {
        let row = became(deployment, report, "held", "key_changed");
        assert_eq!((&row["site"], &row["host"]), (&Value::from("CERN-PROD"), &Value::from("wn1.example.org")));
        assert_eq!(row["sender"], after.key());
        let reason = row["reason"].as_str().unwrap();
        assert!(reason.contains(&before.key()) && reason.contains(&after.key()), "{reason}");
    }
    became(deployment, &before.report(""), "opened", "");

    let said = deployment.ask_text(&["inbox", "approve", &held[0]]);
    assert!(said.contains(&after.key()) && said.contains("2 reports wait again"), "{said}");
    for report in &held {
        became(deployment, report, "opened", "");
    }
    became(deployment, &after.report(""), "opened", "");
    let late = [before.report(""), before.report("")];
    for report in &late {
        became(deployment, report, "held", "key_changed");
    }
    let whole = reports(deployment, "CERN-PROD", "wn1.example.org");

    // Rejected for good: neither a retry nor the same bytes again bring it back, and nobody approves it by mistake.
    assert!(refused(deployment, &["inbox", "reject", &late[0], "--reason", " "]).contains("needs a reason"));
    let said = deployment.ask_text(&["inbox", "reject", &late[0], "--reason", "the old disk"]);
    assert_eq!(said, "2 reports rejected\n");
    deployment.ask(&["inbox", "retry"]);
    let sealed = deployment.collector().args(["inbox", "show", &late[0]]).output().unwrap().stdout;
    assert_eq!(collector.report(&sealed).0, 200);
    let row = became(deployment, &late[0], "rejected", "key_changed");
    assert!(row["reason"].as_str().unwrap().ends_with(": the old disk"), "{row}");
    assert!(refused(deployment, &["inbox", "approve", &late[0]]).contains("it is rejected, not held"));
    assert!(refused(deployment, &["inbox", "reject", &held[0], "--reason", "x"]).contains("is opened"));
    assert!(refused(deployment, &["inbox", "approve", &"0".repeat(64)]).contains("no report"));
    assert_eq!(reports(deployment, "CERN-PROD", "wn1.example.org"), whole);
}

fn a_host_of_another_site(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let host = |site, name, folder| Host::new(deployment, &collector, site, name, folder);
    let own = host("CERN-PROD", "wn1.example.org", "own");
    became(deployment, &own.report(""), "opened", "");
    // A clone at the same site brings the key with it.
    became(deployment, &host("CERN-PROD", "wn2.example.org", "own").report(""), "opened", "");
    // Elsewhere neither the key nor the name is believed by itself.
    let moved = host("OTHER-SITE", "wn1.example.org", "own").report("");
    became(deployment, &moved, "held", "site_changed");
    let clone = host("OTHER-SITE", "wn3.example.org", "own").report("");
    became(deployment, &clone, "held", "site_changed");
    let claim = host("OTHER-SITE", "wn1.example.org", "nobody").report("sign = false\n");
    let row = became(deployment, &claim, "held", "site_changed");
    assert_eq!((&row["sender"], &row["site"]), (&Value::from(""), &Value::from("OTHER-SITE")));
    assert!(row["reason"].as_str().unwrap().contains("CERN-PROD"), "{row}");
    assert_eq!(deployment.rows(&["hosts"]).len(), 2, "no host of the other site");
    // A short name that two sites use is two hosts, each with a key of its own.
    became(deployment, &host("OTHER-SITE", "wn2.example.org", "another").report(""), "opened", "");

    deployment.ask(&["inbox", "approve", &moved]);
    became(deployment, &moved, "opened", "");
    became(deployment, &clone, "opened", "");
    became(deployment, &claim, "held", "signature_missing");
    let sites: Vec<_> = deployment.rows(&["hosts"]).into_iter().map(|row| row["site"].clone()).collect();
    assert_eq!(sites, ["CERN-PROD", "CERN-PROD", "OTHER-SITE", "OTHER-SITE", "OTHER-SITE"]);

    // An old report sealed anew by somebody who could read it changes nothing.
    let history =
        || (deployment.rows(&["history", "wn1.example.org", "--site", "CERN-PROD"]), deployment.rows(&["hosts"]));
    let past = history();
    let sealed = own.run("", &["--output", "-"]).stdout;
    let (key, certificate) = (deployment.key("officer"), deployment.certificate("officer"));
    let open = ["smime", "-decrypt", "-binary", "-inform", "DER", "-recip", &certificate, "-inkey", &key];
    let first = deployment.rows(&["inbox"]).into_iter().rfind(|row| row["host"] == "wn1.example.org").unwrap();
    let first = deployment.collector().args(["inbox", "show", first["report"].as_str().unwrap()]).output().unwrap();
    assert_ne!(sealed, first.stdout);
    let encrypt = ["smime", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", &certificate];
    let again = openssl(&encrypt, &openssl(&open, &first.stdout));
    assert_eq!(collector.report(&again).0, 201);
    became(deployment, &report::hash::Hash::of(&again).to_string(), "opened", "");
    assert_eq!(history(), past);
}

fn unsigned_reports(deployment: &Deployment) {
    let config = deployment.folder.path().join("collector.toml");
    std::fs::write(&config, "unsigned = \"hold\"\nunsigned_at = { OLD-SITE = \"accept\", STRICT-SITE = \"refuse\" }\n")
        .unwrap();
    let collector = deployment.serve(&["--config", config.to_str().unwrap()]);
    let host = |site, name| Host::new(deployment, &collector, site, name, name);
    let unsigned = "sign = false\n";
    became(deployment, &host("OLD-SITE", "old").report(unsigned), "opened", "");
    let token = deployment.token("officer", &[]);
    let says_unproven = |path: &str| collector.get_as(&token, path).1.contains("unsigned, integrity not proven");
    assert!(says_unproven("/hosts/OLD-SITE/old") && says_unproven("/sites/OLD-SITE"));
    became(deployment, &host("STRICT-SITE", "strict").report(unsigned), "rejected", "unsigned");
    became(deployment, &host("STRICT-SITE", "strict").report(""), "opened", "");
    let first = host("CERN-PROD", "wn1").report(unsigned);
    let second = host("CERN-PROD", "wn1").report(unsigned);
    let neighbour = host("CERN-PROD", "wn2").report(unsigned);
    for report in [&first, &second, &neighbour] {
        became(deployment, report, "held", "unsigned");
    }
    let said = deployment.ask_text(&["inbox", "approve", &second]);
    assert!(said.contains("may go without a signature"), "{said}");
    became(deployment, &first, "opened", "");
    became(deployment, &second, "opened", "");
    became(deployment, &neighbour, "held", "unsigned");
    became(deployment, &host("CERN-PROD", "wn1").report(unsigned), "opened", "");

    // From its first signed report on, a host signs; a held report from before cannot take that back.
    for (site, name) in [("CERN-PROD", "wn1"), ("OLD-SITE", "old"), ("CERN-PROD", "wn2")] {
        became(deployment, &host(site, name).report(""), "opened", "");
        became(deployment, &host(site, name).report(unsigned), "held", "signature_missing");
    }
    assert!(!says_unproven("/hosts/OLD-SITE/old") && !says_unproven("/sites/OLD-SITE"));
    assert!(refused(deployment, &["inbox", "approve", &neighbour]).contains("inbox retry"));

    // A key that cannot be used keeps no report back, and says so where it is seen.
    let broken = host("OLD-SITE", "broken");
    std::fs::write(broken.folder.join("signing.key.pem"), "no key").unwrap();
    let output = broken.run("compress = false\n", &["--output", "-"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("goes out unsigned"), "{output:?}");
    let (key, certificate) = (deployment.key("officer"), deployment.certificate("officer"));
    let open = ["smime", "-decrypt", "-binary", "-inform", "DER", "-recip", &certificate, "-inkey", &key];
    let text = String::from_utf8(openssl(&open, &output.stdout)).unwrap();
    assert!(text.contains("\nreporter-warning: unsigned: ") && text.contains("signing.key.pem"), "{text}");
    became(deployment, &broken.report(""), "opened", "");
    let status = String::from_utf8(broken.run("", &["status"]).stdout).unwrap();
    assert!(status.contains("signing key FAILS:    reports go out unsigned"), "{status}");
}

fn changed_on_the_way(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let host = Host::new(deployment, &collector, "CERN-PROD", "wn1.example.org", "host");
    let sealed = host.run("compress = false\n", &["--output", "-"]).stdout;
    let (key, certificate) = (deployment.key("officer"), deployment.certificate("officer"));
    let open = ["smime", "-decrypt", "-binary", "-inform", "DER", "-recip", &certificate, "-inkey", &key];
    let signed = openssl(&open, &sealed);
    let encrypt = ["smime", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", &certificate];
    // Other packages under the same signature, by somebody who has opened the report.
    let mut changed = signed.clone();
    let bash = changed.windows(5).position(|window| window == b"\nbash").unwrap();
    changed[bash + 1] = b'c';
    let changed = openssl(&encrypt, &changed);
    assert_eq!(collector.report(&changed).0, 201);
    let hash = report::hash::Hash::of(&changed).to_string();
    let row = became(deployment, &hash, "held", "bad_signature");
    assert_eq!(row["host"], "wn1.example.org");
    assert_eq!((&row["site"], &row["sender"]), (&Value::from("CERN-PROD"), &Value::from(host.key())));
    assert!(refused(deployment, &["inbox", "approve", &hash]).contains("reports again"));

    // Bits flipped under CBC by somebody who has not: most of them decrypt, none of them passes.
    assert_eq!(collector.report(&sealed).0, 201);
    let (first, step) = (sealed.len() / 4, sealed.len() / 80);
    let mut flipped = Vec::new();
    for at in (first..sealed.len() - 64).step_by(step) {
        let mut damaged = sealed.clone();
        damaged[at] ^= 1;
        assert_eq!(collector.report(&damaged).0, 201);
        flipped.push(report::hash::Hash::of(&damaged).to_string());
    }
    for report in &flipped {
        became(deployment, report, "held", "bad_signature");
    }
    became(deployment, &report::hash::Hash::of(&sealed).to_string(), "opened", "");
    assert_eq!((deployment.inbox("opened"), reports(deployment, "CERN-PROD", "wn1.example.org")), (1, 1));
    let said = deployment.ask_text(&["inbox", "reject", &hash, "--reason", "noise"]);
    // All that claim the same, which those do not whose damage fell into the claim itself.
    let rejected: usize = said.split(' ').next().unwrap().parse().unwrap();
    assert!(rejected > 40 && rejected + deployment.inbox("held") == flipped.len() + 1, "{said}");
}

fn decided_in_pages(deployment: &Deployment) {
    let registry = deployment.folder.path().join("cric.json");
    std::fs::write(&registry, r#"{"CERN-PROD": {"rc_tier_level": 0}}"#).unwrap();
    deployment.ask(&["registry", "import", registry.to_str().unwrap()]);
    let collector = deployment.serve(&[]);
    let host = |site, name, folder| Host::new(deployment, &collector, site, name, folder);
    became(deployment, &host("CERN-PROD", "wn0", "known").report(""), "opened", "");
    let held: Vec<String> = (0..5).map(|_| host("CERN-PROD", "wn0", "new").report("")).collect();
    let elsewhere = host("NEW-SITE", "wn1", "far").report("");
    for report in &held {
        became(deployment, report, "held", "key_changed");
    }
    became(deployment, &elsewhere, "held", "unknown_site");
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open(&deployment.database).await.unwrap();
        let filter =
            |problem, before| InboxFilter { state: Some(InboxState::Held), problem, before, ..InboxFilter::default() };
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = store.inbox_page(&Scope::All, &filter(Some(Problem::KeyChanged), before), 2).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.number);
            seen.extend(page.into_iter().map(|entry| entry.hash));
        }
        seen.reverse();
        assert_eq!(seen, held);
        let all = store.inbox_page(&Scope::All, &filter(None, None), 10).await.unwrap();
        assert_eq!((all.len(), all[0].site.as_str()), (6, "NEW-SITE"));
        let own = Scope::Sites(["NEW-SITE".to_owned()].into());
        assert_eq!(store.inbox_page(&own, &filter(None, None), 10).await.unwrap().len(), 1);
        assert_eq!(
            store.inbox_page(&Scope::Sites(Default::default()), &filter(None, None), 10).await.unwrap().len(),
            0
        );

        let officer = Viewer { name: "an officer".to_owned(), role: Role::Officer, scope: Scope::All };
        let by = By::viewer(&officer, "192.0.2.1", 1_800_000_000);
        let approved = inbox_decision::approve(&store, elsewhere.parse().unwrap(), by).await.unwrap();
        assert_eq!(approved, Approved::Site { site: "NEW-SITE".to_owned(), waiting: 1 });
    });
    became(deployment, &elsewhere, "opened", "");
    deployment.ask(&["inbox", "reject", &held[4], "--reason", "not ours"]);
    if let Some(file) = deployment.database.strip_prefix("sqlite:") {
        let database = rusqlite::Connection::open(file).unwrap();
        let mut noted = database.prepare("SELECT person, source, action, object FROM audit ORDER BY id").unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
        let noted: Vec<[String; 4]> = noted.query_map([], row).unwrap().map(Result::unwrap).collect();
        let decisions: Vec<_> = noted.iter().filter(|[_, _, action, _]| action.starts_with("inbox ")).collect();
        assert_eq!(decisions[0][..3], ["an officer", "192.0.2.1", "inbox approve"]);
        assert_eq!(decisions[0][3], format!("{elsewhere}: declared NEW-SITE"));
        assert_eq!(decisions[1][1..3], ["command line", "inbox reject"]);
        assert!(
            decisions[1][3].contains(&held[4]) && decisions[1][3].ends_with("5 reports: not ours"),
            "{decisions:?}"
        );
    }
}

#[test]
fn an_unsigned_text_for_a_host_that_signs_changes_no_page() {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&[]);
    let host = Host::new(&deployment, &collector, "CERN-PROD", "wn1.example.org", "host");
    became(&deployment, &host.report(""), "opened", "");
    let before = deployment.rows(&["hosts"]);
    // pakiti-client's way, by anybody who has the officer's certificate.
    let forged =
        seal(&deployment.certificate("officer"), &text("wn1.example.org", "2999-01-01T00:00:00Z", &[("a", "1")]));
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(collector.post("/feeder/?protocol=5", &form, &forged).0, 200);
    let forged =
        seal(&deployment.certificate("officer"), &text("wn1.example.org", "2026-01-01T00:00:00Z", &[("a", "1")]));
    assert_eq!(collector.post("/feeder/?protocol=5", &form, &forged).0, 200);
    eventually("both are held", || deployment.inbox("held") == 2);
    assert_eq!(deployment.rows(&["hosts"]), before);
}
