//! Reference lists by file: numbered versions with author and note, their differences, and the list of the day.

use serde_json::Value;
use wlcg_acceptance::programs::{Deployment, eventually};
use wlcg_package_collector::access::deed::By;
use wlcg_package_collector::store::{Added, NewVersion, Store};

use super::{seal, text};

on_both_databases!(versions_and_differences, the_list_of_the_day, two_editors, older_versions_get_their_numbers);

fn list(references: &[(&str, &str)]) -> String {
    let rows = references.iter().map(|(package, minimum)| {
        format!("[[reference]]\nproduct = \"xrootd\"\npackage = \"{package}\"\nminimum = \"{minimum}\"\n")
    });
    format!("name = \"baseline\"\n{}", rows.collect::<String>())
}

fn import(deployment: &Deployment, references: &[(&str, &str)], note: &str) -> String {
    let file = deployment.folder.path().join("list.toml");
    std::fs::write(&file, list(references)).unwrap();
    deployment.ask_text(&["reference", "import", file.to_str().unwrap(), "--note", note])
}

fn versions_and_differences(deployment: &Deployment) {
    assert!(import(deployment, &[("server", "1"), ("client", "1")], "first").contains("version 1: 2 references"));
    import(deployment, &[("server", "2"), ("libs", "1")], "=\u{202E}after <b>the</b> incident");
    let versions = deployment.rows(&["reference", "list"]);
    let told = |row: &Value| (row["version"].clone(), row["references"].clone(), row["note"].clone());
    assert_eq!(told(&versions[0]), (1.into(), 2.into(), "first".into()));
    assert_eq!(told(&versions[1]), (2.into(), 2.into(), "=\u{202E}after <b>the</b> incident".into()));
    assert!(!deployment.ask_text(&["reference", "list"]).contains('\u{202E}'));
    assert!(deployment.ask_text(&["reference", "list", "--format", "csv"]).contains("'="));

    let diff = |arguments: &[&str]| {
        let rows = deployment.rows(&[&["reference", "diff", "baseline"], arguments].concat());
        let word = |row: &Value, column: &str| row[column].as_str().unwrap().to_owned();
        let told = rows
            .iter()
            .map(|row| ["change", "package", "column", "before", "after"].map(|column| word(row, column)).join("|"));
        told.collect::<Vec<_>>()
    };
    let expected = ["removed|client||minimum 1|", "changed|server|minimum|1|2", "added|libs|||minimum 1"];
    assert_eq!(diff(&[]), expected);
    assert_eq!(diff(&["--from", "1", "--to", "2"]), expected);
    assert_eq!(diff(&["--from", "0", "--to", "1"]).len(), 2, "before the first version there was nothing");
    assert_eq!(diff(&["--to", "1"]).len(), 2);
    assert_eq!(diff(&["--from", "2", "--to", "2"]).len(), 0);
    for (arguments, told) in [
        (["diff", "baseline", "--from", "7"], "no version 7"),
        (["diff", "other", "--to", "1"], "no version 1 of the reference list \"other\""),
    ] {
        let refused = deployment.collector().arg("reference").args(arguments).output().unwrap();
        let error = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && error.contains(told), "{error}");
    }
}

fn the_list_of_the_day(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let certificate = deployment.certificate("officer");
    assert_eq!(
        collector.report(&seal(&certificate, &text("wn1", "2026-01-03T04:00:00Z", &[("server", "0:2-1")]))).0,
        201
    );
    eventually("the report is opened", || deployment.inbox("opened") == 1);
    import(deployment, &[("server", "0:1-1")], "");
    deployment.sql("UPDATE reference_list SET imported = 1767225600 WHERE number = 1"); // 2026-01-01
    import(deployment, &[("server", "0:3-1")], "");
    deployment.sql("UPDATE reference_list SET imported = 1768003200 WHERE number = 2"); // 2026-01-10

    let state = |arguments: &[&str]| {
        let rows = deployment.rows(&[&["compare", "--at", "2026-01-04"], arguments].concat());
        rows.iter().map(|row| row["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(state(&[]), ["compliant"], "by the list of that day");
    assert_eq!(state(&["--list-of", "now"]), ["behind"]);
    assert_eq!(state(&["--list-of", "2026-01-11"]), ["behind"]);
    assert_eq!(state(&["--list-of", "2026-01-09"]), ["compliant"]);

    import(deployment, &[], "retired");
    assert_eq!(state(&["--list-of", "now"]), Vec::<String>::new(), "a list without references asks nothing");
    assert_eq!(state(&[]), ["compliant"], "and has still asked in the past");
    assert_eq!(deployment.ask_text(&["reference", "export"]), "");
    assert!(deployment.ask_text(&["reference", "export", "baseline"]).contains("name = \"baseline\""));
}

fn two_editors(deployment: &Deployment) {
    import(deployment, &[("server", "1")], "");
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let store = Store::open(&deployment.database).await.unwrap();
        for base in 1..6 {
            let mut editors = tokio::task::JoinSet::new();
            for editor in 0..4 {
                let store = store.clone();
                editors.spawn(async move {
                    let author = format!("editor {editor}");
                    let version = NewVersion {
                        name: "baseline",
                        by: By::operator(&author, base),
                        note: "",
                        content: "name = \"baseline\"\n",
                        size: 0,
                    };
                    loop {
                        let mut writing = store.begin().await.unwrap();
                        match writing.add_reference_list(&version, base).await {
                            Ok(Added::Overtaken) => return false,
                            Ok(added) => {
                                assert_eq!(added, Added::Stored(base + 1));
                                writing.commit().await.unwrap();
                                return true;
                            }
                            Err(error) => assert!(error.is_conflict(), "{error}"),
                        }
                    }
                });
            }
            let stored = editors.join_all().await.into_iter().filter(|stored| *stored).count();
            assert_eq!(stored, 1, "version {}", base + 1);
        }
        // Imports by file never ask: each goes after whatever is there.
        let mut imports = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let store = store.clone();
            imports.spawn(async move {
                let version = NewVersion { name: "other", by: By::operator("", 1), note: "", content: "", size: 0 };
                store.import_reference_list(&version).await.unwrap()
            });
        }
        let mut numbers = imports.join_all().await;
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
    });
    assert_eq!(deployment.rows(&["reference", "list"]).len(), 6 + 8);
}

fn older_versions_get_their_numbers(deployment: &Deployment) {
    for minimum in ["1", "2", "3"] {
        import(deployment, &[("server", minimum), ("client", "1")], "");
    }
    let before = deployment.rows(&["reference", "list"]);
    let (drop, migration) = if deployment.database.starts_with("sqlite:") {
        ("DROP INDEX reference_list_by_number", include_str!("../../../collector/migrations/sqlite/0002_desk.sql"))
    } else {
        (
            "DROP INDEX reference_list_by_number ON reference_list",
            include_str!("../../../collector/migrations/mysql/0002_desk.sql"),
        )
    };
    deployment.sql(drop);
    deployment.sql("UPDATE reference_list SET number = 0, size = 0");
    let numbering: Vec<&str> =
        migration.split(';').filter(|statement| statement.contains("UPDATE reference_list")).collect();
    assert_eq!(numbering.len(), 2);
    numbering.into_iter().for_each(|statement| deployment.sql(statement));
    assert_eq!(deployment.rows(&["reference", "list"]), before);
}
