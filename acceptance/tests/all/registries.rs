//! Registries from files that an operator has fetched: whose reports are believed, and what becomes of the others.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;
use wlcg_acceptance::programs::{Deployment, eventually};

use super::{seal, text};

on_both_databases!(unknown_sites_wait, outside_is_flagged, imports_replace, declarations);

/// The shape of GOCDB's `get_site`.
fn gocdb(sites: &[(&str, &str)]) -> String {
    let site = |(name, more): &(&str, &str)| {
        format!("<SITE ID=\"1\" PRIMARY_KEY=\"1G0\" NAME=\"{name}\"><SHORT_NAME>{name}</SHORT_NAME>{more}</SITE>")
    };
    let sites: String = sites.iter().map(site).collect();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<results>\n{sites}</results>\n")
}

fn written(deployment: &Deployment, name: &str, content: &str) -> String {
    let file = deployment.folder.path().join(name);
    fs::write(&file, content).unwrap();
    file.display().to_string()
}

/// What the collector says when it must fail.
fn refused(deployment: &Deployment, arguments: &[&str]) -> String {
    let output = deployment.collector().args(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn site<'a>(rows: &'a [Value], name: &str) -> &'a Value {
    rows.iter().find(|row| row["site"] == name).unwrap_or_else(|| panic!("{name}: {rows:?}"))
}

fn unknown_sites_wait(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let certificate = deployment.certificate("officer");
    let report = |host: &str, site: &str| {
        let text = text(host, "2026-01-02T00:00:00Z", &[("bash", "0:5-1")]).replace("CERN-PROD", site);
        assert_eq!(collector.report(&seal(&certificate, &text)).0, 201);
    };
    report("wn0", "ANY-NAME");
    eventually("without a registry every name is taken", || deployment.inbox("opened") == 1);
    deployment.ask(&["registry", "declare", "TESTBED"]);
    report("wn0", "ANY-OTHER-NAME");
    eventually("a declaration alone shuts nobody out", || deployment.inbox("opened") == 2);

    let list = written(deployment, "get_site.xml", &gocdb(&[("CERN-PROD", ""), ("IZOLA-GRID", "")]));
    assert_eq!(deployment.ask_text(&["registry", "import", &list]), "gocdb: 2 sites\n");
    let check = deployment.ask_text(&["check"]);
    assert!(check.contains("registry declared: 1 sites") && check.contains("registry gocdb: 2 sites"), "{check}");
    report("wn1", "CERN-PROD");
    report("wn2", "CERN-PRDO");
    report("wn3", "CERN-PRDO");
    report("wn4", "FAR-AWAY-GRID");
    report("wn5", "cern-prod");
    eventually("each is judged", || deployment.inbox("opened") == 3 && deployment.inbox("held") == 4);
    let held = deployment.rows(&["inbox", "list", "--state", "held"]);
    let reason = |host: usize| held[held.len() - host]["reason"].as_str().unwrap();
    assert!(reason(1).contains("\"CERN-PRDO\"") && reason(1).contains("near to it: CERN-PROD"), "{held:?}");
    assert!(reason(3).contains("\"FAR-AWAY-GRID\"") && !reason(3).contains("near"), "{held:?}");
    assert!(reason(4).contains("near to it: CERN-PROD"), "near names advise, only the name itself decides: {held:?}");

    let declared = deployment.ask_text(&["registry", "declare", "CERN-PRDO"]);
    assert!(declared.contains("2 reports") && declared.contains("wait again"), "{declared}");
    eventually("its reports are opened by themselves", || deployment.inbox("opened") == 5);
    let cric = written(deployment, "cric.json", r#"{"FAR-AWAY-GRID": {"rc_tier_level": 2}}"#);
    let imported = deployment.ask_text(&["registry", "import", &cric]);
    assert_eq!(imported, "cric: 1 sites\n1 reports that were held for want of their site wait again\n");
    eventually("the registry brought it", || deployment.inbox("opened") == 6);
    assert_eq!(deployment.inbox("held"), 1);
    deployment.ask(&["inbox", "retry"]);
    eventually("still unknown, still there", || deployment.inbox("held") == 1 && deployment.inbox("waiting") == 0);
    let hosts = deployment.rows(&["hosts"]);
    assert_eq!(hosts.iter().filter(|host| host["site"] == "CERN-PRDO").count(), 2, "{hosts:?}");

    // A site that leaves the registry keeps its hosts; what they send from then on waits.
    deployment.ask(&["registry", "import", &written(deployment, "get_site.xml", &gocdb(&[("IZOLA-GRID", "")]))]);
    report("wn6", "CERN-PROD");
    eventually("it waits", || deployment.inbox("held") == 2);
    assert_eq!(deployment.rows(&["hosts"]).len(), 6);
    deployment.ask(&["registry", "remove", "cric"]);
    assert_eq!(deployment.inbox("held"), 2, "there still is a registry");
    assert!(deployment.ask_text(&["registry", "remove", "gocdb"]).contains("2 reports"));
    eventually("without one every name is taken again", || deployment.inbox("held") == 0);
}

fn outside_is_flagged(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let sealed = seal(&deployment.certificate("officer"), &text("wn1", "2026-01-02T00:00:00Z", &[("bash", "0:5-1")]));
    deployment.ask(&["registry", "declare", "CERN-PROD", "--network", "192.0.2.0/24"]);
    assert_eq!(collector.report(&sealed).0, 201);
    eventually("it is flagged, not held", || deployment.inbox("opened") == 1);
    let reader = deployment.token("reader", &[]);
    let flagged = || collector.get_as(&reader, "/hosts/CERN-PROD/wn1").1.contains("came from 127.0.0.1");
    assert!(flagged());
    deployment.ask(&["registry", "declare", "CERN-PROD", "--network", "127.0.0.0/8"]);
    assert!(!flagged());
    deployment.ask(&["registry", "declare", "CERN-PROD", "--network", "2001:db8::/32"]);
    assert!(!flagged(), "no IPv4 network is known");
}

fn imports_replace(deployment: &Deployment) {
    let full = "<COUNTRY_CODE>CH</COUNTRY_CODE><CONTACT_EMAIL>grid@cern.example.org</CONTACT_EMAIL><CSIRT_EMAIL>csirt@cern.example.org</CSIRT_EMAIL><SITE_IP>192.0.2.0/255.255.255.0</SITE_IP>";
    let many: Vec<String> = (0..1_000).map(|number| format!("GRID-{number}")).collect();
    let mut sites: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "")).collect();
    sites.extend([("CERN-PROD", full), ("has space", "")]);
    let list = written(deployment, "get_site.xml", &gocdb(&sites));
    let told = deployment.ask_text(&["registry", "import", &list]);
    assert!(told.contains("left out: site name \"has space\"") && told.contains("gocdb: 1001 sites"), "{told}");
    let cric = r#"{"CERN-PROD": {"rc_tier_level": 0, "country": "Switzerland", "netroutes": {"CERN-1": {"networks": {"ipv4": ["198.51.100.0/24"], "ipv6": ["2001:db8::/32"]}}}, "sites": [{"name": "T2_CH_CERN"}]},
        "ONLY-CRIC": {"rc_tier_level": 3, "netroutes": {}}}"#;
    let osg = "<ResourceSummary><ResourceGroup><GroupName>PRAIRIE_T2</GroupName><Disable>False</Disable><Site><Name>Prairie</Name><Country>United States</Country></Site></ResourceGroup></ResourceSummary>";
    // As `curl ... | wlcg-package-collector registry import -` hands it in.
    let mut child = deployment
        .collector()
        .args(["registry", "import", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(cric.as_bytes()).unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"cric: 2 sites\n");
    deployment.ask(&["registry", "import", &written(deployment, "rgsummary.xml", osg)]);
    let rows = deployment.rows(&["registry", "list"]);
    assert_eq!(rows.len(), 1_004);
    let cern = site(&rows, "CERN-PROD");
    for (column, expected) in [
        ("known_by", "gocdb cric"),
        ("country", "CH"),
        ("tier", "0"),
        ("contact", "grid@cern.example.org"),
        ("security", "csirt@cern.example.org"),
        ("networks", "192.0.2.0/24 198.51.100.0/24 2001:db8::/32"),
        ("also_called", "T2_CH_CERN"),
    ] {
        assert_eq!(cern[column], expected, "{column}");
    }
    assert_eq!(site(&rows, "PRAIRIE_T2")["country"], "United States");

    // What cannot be read changes nothing, and is told with file, place and next step.
    let half = gocdb(&sites).replace("</results>\n", "");
    for (name, content, told) in [
        ("half.xml", half.as_str(), "line 3"),
        ("bomb.xml", "<!DOCTYPE results [<!ENTITY a \"aa\">]><results><SITE NAME=\"&a;\"/></results>", "DOCTYPE"),
        ("signin.html", "<!DOCTYPE html>\n<html>sign in</html>", "grid certificate"),
        ("page.xml", "<results><meta><count>1</count></meta><SITE NAME=\"A\"/></results>", "next_cursor"),
        ("empty.json", "{}", "no site"),
        ("half.json", &cric[..cric.len() - 3], "line 2"),
        ("latin.xml", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><results/>", "UTF-8"),
    ] {
        let error = refused(deployment, &["registry", "import", &written(deployment, name, content)]);
        assert!(error.contains(told) && error.contains(name), "{name}: {error}");
        assert!(error.lines().count() == 1, "{error}");
    }
    let error = refused(deployment, &["registry", "import", &list, "--kind", "osg"]);
    assert!(error.contains("ResourceSummary"), "{error}");
    assert!(refused(deployment, &["registry", "import", "/nowhere.xml"]).contains("/nowhere.xml"));
    assert_eq!(deployment.rows(&["registry", "list"]).len(), 1_004);

    deployment.ask(&["registry", "import", &written(deployment, "get_site.xml", &gocdb(&[("CERN-PROD", "")]))]);
    let rows = deployment.rows(&["registry", "list"]);
    assert_eq!(rows.len(), 4, "an import takes the place of all that its registry had: {rows:?}");
    assert_eq!(site(&rows, "CERN-PROD")["country"], "Switzerland");
}

fn declarations(deployment: &Deployment) {
    let declare = ["registry", "declare", "CERN-DPM-TESTBED", "--country", "CH", "--contact", "a@cern.example.org"];
    deployment.ask(&declare);
    deployment.ask(&[&declare[..], &["--network", "192.0.2.0/24", "--network", "2001:db8::/32"]].concat());
    let rows = deployment.rows(&["registry", "list"]);
    assert_eq!(rows.len(), 1, "again is instead: {rows:?}");
    assert_eq!(
        (&rows[0]["networks"], &rows[0]["known_by"]),
        (&"192.0.2.0/24 2001:db8::/32".into(), &"declared".into())
    );
    assert!(refused(deployment, &["registry", "declare", "MY-SITE"]).contains("placeholder"));
    assert!(refused(deployment, &["registry", "declare", "A", "--network", "x"]).contains("192.0.2.0/24"));
    deployment.ask(&["registry", "forget", "CERN-DPM-TESTBED"]);
    assert!(refused(deployment, &["registry", "forget", "CERN-DPM-TESTBED"]).contains("registry list"));
    assert_eq!(deployment.rows(&["registry", "list"]).len(), 0);

    // Whatever stands in a registry, a terminal gets no escapes of it.
    let hostile = gocdb(&[("A", "<COUNTRY>&#27;[31m&#x202e;red</COUNTRY>"), ("B", "<COUNTRY>\u{9b}2J</COUNTRY>")]);
    let told = deployment.ask_text(&["registry", "import", &written(deployment, "hostile.xml", &hostile)]);
    let shown = deployment.ask_text(&["registry", "list"]);
    assert!(!format!("{told}{shown}").contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{shown}");
}
