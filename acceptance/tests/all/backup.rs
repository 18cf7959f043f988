//! Backup and restore: while reports go on arriving, from and into either kind of database, and never half of it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use report::hash::Hash;
use wlcg_acceptance::mariadb;
use wlcg_acceptance::programs::{Deployment, eventually};

use super::{BASELINE, seal, text};

on_both_databases!(
    everything_comes_back_in_either_kind,
    what_is_acknowledged_before_is_in_it,
    a_backup_of_an_older_schema_comes_back,
    half_a_restore_is_never_used,
    what_cannot_be_is_told,
);

/// Everything that a person can ask for, apart from the log, which tells of the backups too.
const QUESTIONS: &[&[&str]] = &[
    &["hosts"],
    &["history", "wn1.example.org"],
    &["diff", "wn1.example.org"],
    &["who", "*"],
    &["who", "xrootd-server < 5.6.4", "--at", "2026-01-02"],
    &["compare"],
    &["compare", "--at", "2026-01-02"],
    &["inbox", "list"],
    &["reference", "list"],
    &["registry", "list"],
    &["token", "list"],
    &["campaign", "list"],
    &["audit", "--action", "token new"],
];

fn everything_comes_back_in_either_kind(deployment: &Deployment) {
    let sealed = fill(deployment);
    let file = deployment.folder.path().join("backup.sqlite").display().to_string();
    let told = deployment.ask_text(&["backup", &file]);
    assert!(told.contains(&format!("{} reports and 3 hosts", sealed.len())), "{told}");
    assert_eq!(deployment.rows(&["audit", "--action", "backup"]).len(), 1);
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file).unwrap());
    assert_eq!(mode & 0o777, 0o600, "nobody else reads it");

    // The file itself, and what is restored from it into a new database of each kind.
    let asked = |of: &Deployment| QUESTIONS.iter().map(|question| of.rows(question)).collect::<Vec<_>>();
    let expected = asked(deployment);
    assert!(
        expected[2..].iter().filter(|rows| rows.is_empty()).count() <= 1,
        "there is something to lose: {expected:?}"
    );
    assert_eq!(asked(&of_the_same_keys(deployment, format!("sqlite:{file}"))), expected);
    let new_sqlite = format!("sqlite:{}", deployment.folder.path().join("restored.sqlite").display());
    for database in [new_sqlite, mariadb::new_database()] {
        let restored = of_the_same_keys(deployment, database);
        let told = restored.ask_text(&["restore", &file]);
        assert!(told.contains(&format!("{} reports and 3 hosts", sealed.len())), "{told}");
        assert_eq!(asked(&restored), expected);
        for bytes in &sealed {
            let output = restored.collector().args(["inbox", "show", &Hash::of(bytes).to_string()]).output().unwrap();
            assert!(output.status.success() && output.stdout == *bytes, "bit for bit");
        }
        let restorations = restored.rows(&["audit", "--action", "restore"]);
        assert!(restorations.len() == 1 && restorations[0]["object"].as_str().unwrap().contains(&file));

        // It goes on from there: what it has it knows, what is new it takes.
        let collector = restored.serve(&[]);
        assert_eq!(collector.report(&sealed[0]).0, 200);
        let next = text("wn1.example.org", "2026-01-05T04:00:00Z", &[("bash", "0:5.2-1")]);
        assert_eq!(collector.report(&seal(&restored.certificate("officer"), &next)).0, 201);
        eventually("the new report is opened", || restored.rows(&["history", "wn1.example.org"]).len() == 3);
    }
}

fn what_is_acknowledged_before_is_in_it(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let certificate = deployment.certificate("officer");
    let (ledger, over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let file = |number: usize| deployment.folder.path().join(format!("{number}.sqlite")).display().to_string();
    let mut known = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let report =
                    text(&format!("wn{}.example.org", number % 7), "2026-01-01T04:00:00Z", &[("bash", "0:5-1")]);
                let sealed = seal(&certificate, &report);
                assert_eq!(collector.report(&sealed).0, 201);
                ledger.lock().unwrap().push(Hash::of(&sealed).to_string());
            }
        });
        for number in 0..4 {
            eventually("reports arrive", || ledger.lock().unwrap().len() > 10 * number);
            known.push(ledger.lock().unwrap().clone());
            deployment.ask(&["backup", &file(number)]);
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(
        known[3].len() > known[0].len() && ledger.into_inner().unwrap().len() > known[3].len(),
        "it went on meanwhile"
    );
    for (number, known) in known.iter().enumerate() {
        let backup = of_the_same_keys(deployment, format!("sqlite:{}", file(number)));
        let there = backup.rows(&["inbox", "list"]);
        for hash in known {
            assert!(there.iter().any(|row| row["report"] == hash.as_str()), "{hash} is missing");
        }
        let opened = there.iter().filter(|row| row["state"] == "opened").count() > 0;
        assert_eq!(!backup.rows(&["hosts"]).is_empty(), opened, "the present is that of the same moment");
    }
}

fn a_backup_of_an_older_schema_comes_back(deployment: &Deployment) {
    // What release 0.1 had stored: its schema, with a host in it.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = wlcg_package_collector::store::Store::connect(&deployment.database).await.unwrap();
        store.migrate_to(1).await.unwrap();
        store.close().await;
    });
    deployment.sql(
        "INSERT INTO inbox (hash, received, source, size, body, state, reason) VALUES ('00', 1767300000, '192.0.2.1', 2, x'3000', 'opened', '');
         INSERT INTO package (id, digest, packager, name, version, arch) VALUES (1, 'p', 'rpm', 'bash', '0:5.1-1', 'x86_64');
         INSERT INTO lineage (id, first_list) VALUES (1, 'l');
         INSERT INTO package_list (id, digest, lineage, revision, base, packages, content) VALUES (1, 'l', 1, 0, 0, 1, x'000102');
         INSERT INTO presence (package, lineage, first_revision, last_revision) VALUES (1, 1, 0, 9223372036854775807);
         INSERT INTO host_state (host, first_seen, list, facts, seen) VALUES (1, 1767300000, 1, 1, x'');
         INSERT INTO facts (id, digest, text) VALUES (1, 'f', 'packager: rpm\n');
         INSERT INTO host (id, digest, site, name) VALUES (1, 'h', 'CERN-PROD', 'wn1.example.org');
         INSERT INTO reference_list (id, name, imported, author, content) VALUES (1, 'baseline', 1767200000, 'olga', 'name = \"baseline\"');",
    );
    let file = deployment.folder.path().join("old.sqlite").display().to_string();
    deployment.ask(&["backup", &file]);
    assert_eq!(deployment.number("SELECT MAX(version) FROM _sqlx_migrations"), 1, "a backup changes nothing");
    let new_sqlite = format!("sqlite:{}", deployment.folder.path().join("restored.sqlite").display());
    let mut lists = Vec::new();
    for database in [new_sqlite, mariadb::new_database()] {
        let restored = of_the_same_keys(deployment, database);
        restored.ask(&["restore", &file]);
        assert!(restored.number("SELECT MAX(version) FROM _sqlx_migrations") > 1);
        assert_eq!(restored.inbox("opened"), 1);
        assert_eq!(restored.rows(&["who", "bash < 0:6"])[0]["host"], "wn1.example.org", "what is derived is made anew");
        lists.push(restored.rows(&["reference", "list"]));
    }
    deployment.ask(&["migrate"]);
    assert!(lists[0].len() == 1 && lists.iter().all(|list| *list == deployment.rows(&["reference", "list"])));
}

fn half_a_restore_is_never_used(deployment: &Deployment) {
    let source = Deployment::new(None);
    fill(&source);
    source.sql(
        "WITH RECURSIVE line(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM line WHERE n < 50000)
         INSERT INTO audit (at, person, role, source, action, object) SELECT n, 'olga', 'officer', '', 'read', '/' FROM line",
    );
    let file = source.folder.path().join("backup.sqlite");
    source.ask(&["backup", file.to_str().unwrap()]);

    let mut restore = deployment
        .collector()
        .args(["restore", file.to_str().unwrap()])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let tables = if deployment.database.starts_with("sqlite:") { "sqlite_master" } else { "information_schema.tables" };
    let schema = if deployment.database.starts_with("sqlite:") { "1 = 1" } else { "table_schema = DATABASE()" };
    let column = if deployment.database.starts_with("sqlite:") { "name" } else { "table_name" };
    let begun = format!("SELECT COUNT(*) FROM {tables} WHERE {schema} AND {column} = 'unfinished_copy'");
    eventually("rows are copied", || deployment.number(&begun) == 1);
    restore.kill().unwrap();
    assert!(restore.wait().unwrap().code().is_none(), "it was killed before its end");

    let elsewhere = deployment.folder.path().join("of-half").display().to_string();
    for arguments in [&["hosts"][..], &["migrate"], &["serve"], &["backup", &elsewhere]] {
        let problem = refused(deployment, arguments);
        assert!(problem.contains("unfinished copy"), "{arguments:?}: {problem}");
    }
    let problem = refused(deployment, &["restore", file.to_str().unwrap()]);
    assert!(problem.contains("unfinished copy"), "{problem}");
}

fn what_cannot_be_is_told(deployment: &Deployment) {
    fill(deployment);
    let folder = deployment.folder.path();
    let path = |name: &str| folder.join(name).display().to_string();
    std::fs::write(path("there"), "mine").unwrap();
    assert!(refused(deployment, &["backup", &path("there")]).contains("exists already"));
    assert_eq!(std::fs::read(path("there")).unwrap(), b"mine");
    assert!(refused(deployment, &["backup", &path("no/folder")]).contains("No such file"));
    assert!(refused(deployment, &["restore", &path("missing")]).contains("No such file"));
    assert!(!folder.join("missing").exists(), "asking for it does not make it");
    assert!(refused(deployment, &["restore", &path("there")]).contains("is no backup"));

    deployment.ask(&["backup", &path("backup")]);
    let problem = refused(deployment, &["restore", &path("backup")]);
    assert!(problem.contains("not empty"), "{problem}");
    let new = Deployment::new(None);
    assert!(refused(&new, &["backup", &path("of-nothing")]).contains("no schema of the collector"));

    // A copy of the file whose last pages have nothing in them, as from a disk that went away.
    let mut pages = std::fs::read(path("backup")).unwrap();
    let from = pages.len() - 8192;
    pages[from..].fill(0);
    std::fs::write(path("damaged"), &pages).unwrap();
    let problem = refused(&new, &["restore", &path("damaged")]);
    assert!(problem.contains("is no backup"), "{problem}");

    // A newer program's: it knows what to do with it, we do not.
    let step = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (999, 'x', 1, 'x', 0)";
    rusqlite::Connection::open(path("backup")).unwrap().execute_batch(step).unwrap();
    let problem = refused(&new, &["restore", &path("backup")]);
    assert!(problem.contains("newer") && problem.contains("999"), "{problem}");
    deployment.sql(step);
    for arguments in [&["hosts"][..], &["serve"], &["open", "--once"], &["backup", &path("newer")]] {
        let problem = refused(deployment, arguments);
        assert!(problem.contains("newer"), "{arguments:?}: {problem}");
    }
}

/// Three hosts of two days, one of them with what hosts may send, a list, a site, a token, a report that is held and one that
/// cannot be opened. Gives every sealed report.
fn fill(deployment: &Deployment) -> Vec<Vec<u8>> {
    let list = deployment.folder.path().join("list.toml");
    std::fs::write(&list, BASELINE).unwrap();
    deployment.ask(&["reference", "import", list.to_str().unwrap(), "--note", "Größe \u{1f980}"]);
    let registry = deployment.folder.path().join("sites.xml");
    std::fs::write(&registry, r#"<results><SITE NAME="CERN-PROD" COUNTRY="Switzerland"/></results>"#).unwrap();
    deployment.ask(&["registry", "import", registry.to_str().unwrap()]);
    let _ = deployment.token("reader", &[]);
    let certificate = deployment.certificate("officer");
    let mut sealed = vec![seal(&certificate, "no report")];
    for host in 0..3 {
        for day in 1..3 {
            let own = format!("<b>own-{host}=\u{202e}");
            let packages = [("bash", "0:5.1-1"), (own.as_str(), "0:1-1"), ("xrootd-server", &format!("1:5.6.{day}-1"))];
            let report = text(&format!("wn{host}.example.org"), &format!("2026-01-0{day}T04:00:00Z"), &packages);
            sealed.push(seal(&certificate, &report));
        }
    }
    let elsewhere =
        text("wn9.example.org", "2026-01-01T04:00:00Z", &[("bash", "0:5-1")]).replace("CERN-PROD", "CERN-PRDO");
    sealed.push(seal(&certificate, &elsewhere));
    let collector = deployment.serve(&[]);
    for report in &sealed {
        assert_eq!(collector.report(report).0, 201);
    }
    eventually("every report is opened or set aside", || deployment.inbox("waiting") == 0);
    assert_eq!((deployment.inbox("held"), deployment.inbox("unreadable")), (1, 1));
    sealed
}

/// The same deployment with another database.
fn of_the_same_keys(deployment: &Deployment, database: String) -> Deployment {
    let other = Deployment::new(Some(database));
    for file in [deployment.key("officer"), deployment.certificate("officer")] {
        let name = std::path::Path::new(&file).file_name().unwrap();
        std::fs::copy(&file, other.keys().join(name)).unwrap();
    }
    other
}

fn refused(deployment: &Deployment, arguments: &[&str]) -> String {
    let output = deployment.collector().args(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}
