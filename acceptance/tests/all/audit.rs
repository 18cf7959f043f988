//! The audit log: sign-ins, reads and changes, whoever made them, for officers alone.

use wlcg_acceptance::programs::{Deployment, eventually};

use super::{seal, text};

on_both_databases!(old_lines_are_removed, who_did_what, a_change_without_its_line_is_none, long_logs_page);

fn lines(deployment: &Deployment, arguments: &[&str]) -> Vec<String> {
    let rows = deployment.rows(&[&["audit"][..], arguments].concat());
    let value = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap().to_owned();
    let line = |row| format!("{} {} {}", value(row, "person"), value(row, "action"), value(row, "object"));
    rows.iter().rev().map(line).collect()
}

fn who_did_what(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let report = text("wn1", "2026-01-03T04:00:00Z", &[("bash", "0:5.1.8-9.el9")]);
    assert_eq!(collector.report(&seal(&deployment.certificate("officer"), &report)).0, 201);
    eventually("the report is opened", || deployment.inbox("opened") == 1);

    let hostile = "<script>=1+1\u{202E}";
    let link = deployment.link(&collector, &["--name", hostile]);
    let cookie = collector.sign_in(&link);
    assert_eq!(collector.ask("/sign-in", &[], link.split_once('?').map(|(_, form)| form)).status, 403);
    let (reader, contact) = (deployment.token("reader", &[]), deployment.token("site", &["DESY-HH"]));
    for _ in 0..3 {
        assert_eq!(collector.get_with("/hosts/CERN-PROD/wn1?q=ba", &[("cookie", &cookie)]).0, 200);
        assert_eq!(collector.get_as(&reader, "/sites").0, 200);
        assert_eq!(collector.get_as(&contact, "/hosts/CERN-PROD/wn1").0, 404);
        assert_eq!(collector.get_as("wpc_0", "/").0, 401);
        assert_eq!(collector.get("/").0, 401, "nobody in particular is no news");
    }
    let list = deployment.folder.path().join("list.toml");
    std::fs::write(&list, "name = \"baseline\"\n").unwrap();
    deployment.ask(&["reference", "import", list.to_str().unwrap()]);
    deployment.ask(&["registry", "declare", "CERN-DPM-TESTBED"]);
    deployment.ask(&["token", "revoke", "1"]);

    let noted = |what: &str| lines(deployment, &[]).iter().filter(|line| line.contains(what)).count();
    eventually("the reads are noted", || noted("read ") == 2 && noted("refused") == 3);
    let person = deployment.rows(&["audit", "--action", "token new"])[0]["person"].as_str().unwrap().to_owned();
    for (line, times) in [
        (format!("{person} sign-in link {hostile}, officer"), 1),
        (format!("{hostile} sign-in by a link"), 1),
        (" sign-in refused by a link".to_owned(), 1),
        (format!("{hostile} read /hosts/CERN-PROD/wn1?q=ba"), 1),
        ("token test read /sites".to_owned(), 1),
        ("token test refused 404: /hosts/CERN-PROD/wn1".to_owned(), 1),
        (" sign-in refused by a token".to_owned(), 1),
        (format!("{person} token new test, site of DESY-HH"), 1),
        (format!("{person} reference list baseline, version 1"), 1),
        (format!("{person} registry declare CERN-DPM-TESTBED"), 1),
        (format!("{person} token revoke token 1"), 1),
    ] {
        assert_eq!(noted(&line), times, "{line}: {:#?}", lines(deployment, &[]));
    }
    let of_token = deployment.rows(&["audit", "--person", "token test", "--since", "2020-01-01"]);
    assert_eq!((of_token.len(), &of_token[0]["source"]), (2, &"127.0.0.1".into()), "{of_token:?}");
    assert!(deployment.rows(&["audit", "--since", "2100-01-01"]).is_empty());
    eventually("the use of a token is noted", || deployment.rows(&["token", "list"])[1]["last_used"].is_string());

    // For officers alone, and harmless to them.
    assert_eq!(collector.get_as(&deployment.token("reader", &[]), "/audit").0, 403);
    assert_eq!(collector.get_as(&contact, "/audit").0, 403);
    let (status, page) = collector.get_with("/audit", &[("cookie", &cookie)]);
    assert!(status == 200 && page.contains("reference list") && page.contains("token test"), "{page}");
    assert!(!page.contains("<script") && !page.contains('\u{202E}'), "{page}");
    let (_, page) =
        collector.get_with("/audit?person=token%20test&action=read&since=2020-01-01", &[("cookie", &cookie)]);
    assert!(page.contains("/sites") && !page.contains("baseline, version"), "{page}");
    let (status, told) = collector.get_with("/audit?since=yesterday", &[("cookie", &cookie)]);
    assert!(status == 400 && told.contains("yesterday"), "{told}");
}

fn a_change_without_its_line_is_none(deployment: &Deployment) {
    deployment.ask(&["migrate"]);
    deployment.sql("ALTER TABLE audit RENAME TO elsewhere");
    let list = deployment.folder.path().join("list.toml");
    std::fs::write(&list, "name = \"baseline\"\n").unwrap();
    let list = list.display().to_string();
    for change in [
        &["token", "new", "--name", "x", "--role", "reader", "--days", "1"][..],
        &["sign-in"],
        &["reference", "import", &list],
        &["registry", "declare", "CERN-DPM-TESTBED"],
        &["inbox", "retry"],
    ] {
        let output = deployment.collector().args(change).output().unwrap();
        assert!(!output.status.success(), "{change:?}");
    }
    deployment.sql("ALTER TABLE elsewhere RENAME TO audit");
    assert!(deployment.rows(&["token", "list"]).is_empty());
    assert!(deployment.rows(&["reference", "list"]).is_empty());
    assert!(deployment.rows(&["registry", "list"]).is_empty());
    assert!(deployment.rows(&["audit"]).is_empty());
}

fn long_logs_page(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let cookie = collector.sign_in(collector.link.as_ref().unwrap());
    for at in 0..450 {
        deployment.sql(&format!(
            "INSERT INTO audit (at, person, role, source, action, object) VALUES ({at}, 'p', '', '', 'old', 'line-{at}.')"
        ));
    }
    let mut path = "/audit?action=old".to_owned();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (status, page) = collector.get_with(&path, &[("cookie", &cookie)]);
        assert_eq!(status, 200);
        seen.extend(
            page.split("<td>line-").skip(1).map(|rest| rest.split('.').next().unwrap().parse::<u32>().unwrap()),
        );
        let next = page.split_once("rel=\"next\" href=\"").map(|(_, rest)| rest.split('"').next().unwrap().to_owned());
        path = next.unwrap_or_default().replace("&amp;", "&").replace("&#38;", "&");
    }
    assert_eq!(path, "");
    assert_eq!(seen, (0..450).rev().collect::<Vec<_>>(), "each line once, newest first");
}

fn old_lines_are_removed(deployment: &Deployment) {
    let lines = || deployment.number("SELECT COUNT(*) FROM audit");
    let _ = deployment.token("reader", &[]);
    let now = jiff::Timestamp::now().as_second();
    let insert = |days: i64, number: usize| {
        let row = format!("({}, 'Old', 'reader', '192.0.2.1', 'read', '/{days}')", now - days * 86_400);
        let rows = vec![row; number].join(", ");
        deployment.sql(&format!("INSERT INTO audit (at, person, role, source, action, object) VALUES {rows}"));
    };
    insert(30, 3);
    for _ in 0..20 {
        insert(400, 300);
    }
    let config = deployment.folder.path().join("keep.toml");
    let serve = |days: u32| {
        std::fs::write(&config, format!("audit_keep_days = {days}\n")).unwrap();
        deployment.serve(&["--config", config.to_str().unwrap()])
    };
    let before = lines();
    let collector = serve(0);
    assert_eq!(collector.get("/healthz").0, 200);
    drop(collector);
    assert!(lines() >= before, "0 keeps everything");

    let of = |object: &str| deployment.number(&format!("SELECT COUNT(*) FROM audit WHERE object = '{object}'"));
    let collector = serve(365);
    eventually("old lines are removed", || of("/400") == 0);
    assert_eq!(of("/30"), 3);
    let notes = deployment.rows(&["audit", "--action", "audit pruned"]);
    let told: Vec<&str> = notes.iter().filter_map(|note| note["object"].as_str()).collect();
    assert_eq!(told, ["1000 lines older than 365 days", "5000 lines older than 365 days"]);
    eventually("the log says so", || deployment.log().contains("old lines of the audit log removed"));
    drop(collector);
    let _collector = serve(7);
    eventually("younger lines are removed with a shorter time", || of("/30") == 0);
}
