//! History, comparison, questions: the same answers on both databases, for the present and the past.

use serde_json::Value;
use wlcg_acceptance::programs::{Deployment, eventually};

use super::{seal, text};

on_both_databases!(story, late_reports);

const LIST: &str = r#"
name = "baseline"
[[reference]]
product = "xrootd"
package = "xrootd-server"
os = "el9"
minimum = "1:5.6.4-1.el9"
blocked = ["1:5.6.5-1.el9"]
"#;

fn story(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let certificate = deployment.certificate("officer");
    let bash = ("bash", "0:5.1.8-9.el9");
    for (host, collected, version) in [
        ("behind", "2026-01-01T04:00:00Z", "1:5.6.3-1.el9"),
        ("behind", "2026-01-02T04:00:00Z", "1:5.6.3-1.el9"),
        ("mended", "2026-01-01T04:00:00Z", "1:5.6.3-1.el9"),
        ("mended", "2026-01-03T04:00:00Z", "1:5.6.4-1.el9"),
        ("blocked", "2026-01-03T04:00:00Z", "1:5.6.5-1.el9"),
        ("no-epoch", "2026-01-03T04:00:00Z", "0:5.9.9-1.el9"),
    ] {
        let packages = [bash, ("xrootd-server", version)];
        assert_eq!(collector.report(&seal(&certificate, &text(host, collected, &packages))).0, 201);
    }
    eventually("every report is opened", || deployment.inbox("opened") == 6);

    let list = deployment.folder.path().join("list.toml");
    std::fs::write(&list, LIST).unwrap();
    deployment.ask(&["reference", "import", list.to_str().unwrap()]);
    assert_eq!(
        states(deployment, "2026-01-03"),
        ["behind behind", "blocked blocked", "mended compliant", "no-epoch behind"]
    );
    assert_eq!(states(deployment, "2026-01-01"), ["behind behind", "mended behind"]);
    // A week without news: never compliant.
    assert!(states(deployment, "2026-02-01").iter().all(|row| row.ends_with("unknown")));
    let reason = deployment.rows(&["compare", "--at", "2026-02-01"])[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("no report for"), "{reason}");

    let who = |at: &str| hosts(&deployment.rows(&["who", "xrootd-server < 5.6.4", "--at", at]));
    assert_eq!(who("2026-01-03"), ["behind"]);
    assert_eq!(who("2026-01-01"), ["behind", "mended"]);
    assert_eq!(hosts(&deployment.rows(&["who", "xrootd-s*"])).len(), 4);

    let history = deployment.rows(&["history", "mended"]);
    assert_eq!(history.len(), 2);
    assert_eq!(history[0]["until"], history[1]["from"]);
    assert_eq!(history[1]["changes"], "xrootd-server 1:5.6.3-1.el9 -> 1:5.6.4-1.el9");
    assert_eq!(deployment.rows(&["history", "behind"])[0]["reports"], 2, "an unchanged report adds no state");

    let diff = deployment.rows(&["diff", "mended", "--from", "2026-01-01", "--to", "2026-01-03"]);
    assert_eq!((&diff[0]["package"], diff.len()), (&Value::from("xrootd-server"), 1));
    assert_eq!(deployment.rows(&["diff", "behind", "blocked"]).len(), 1);

    let exported = deployment.ask_text(&["reference", "export"]);
    std::fs::write(&list, &exported).unwrap();
    deployment.ask(&["reference", "import", list.to_str().unwrap()]);
    assert_eq!(deployment.ask_text(&["reference", "export"]), exported);
    assert_eq!(deployment.rows(&["reference", "list"]).len(), 2, "every version is kept");

    let (status, page) = collector.get_as(&deployment.token("reader", &[]), "/");
    assert_eq!(status, 200);
    for shown in ["CERN-PROD", "xrootd", "baseline"] {
        assert!(page.contains(shown), "{shown} is not on the page");
    }
}

fn late_reports(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let certificate = deployment.certificate("officer");
    for (number, (day, version)) in [("01", "1"), ("04", "1"), ("03", "1"), ("02", "2"), ("05", "2")].iter().enumerate()
    {
        let text = text("wn1", &format!("2026-01-{day}T00:00:00Z"), &[("bash", &format!("0:{version}-1"))]);
        assert_eq!(collector.report(&seal(&certificate, &text)).0, 201);
        eventually("the report is opened", || deployment.inbox("opened") == number + 1);
    }
    let told: Vec<String> = deployment
        .rows(&["history", "wn1"])
        .iter()
        .map(|row| format!("{} {}", &row["from"].as_str().unwrap()[8..10], row["reports"]))
        .collect();
    assert_eq!(told, ["01 1", "02 1", "03 2", "05 1"]);
}

fn states(deployment: &Deployment, at: &str) -> Vec<String> {
    let rows = deployment.rows(&["compare", "--at", at]);
    rows.iter().map(|row| format!("{} {}", row["host"].as_str().unwrap(), row["state"].as_str().unwrap())).collect()
}

fn hosts(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["host"].as_str().unwrap().to_owned()).collect()
}
