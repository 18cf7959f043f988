//! A key is to go for good: what is kept of reports is sealed anew for the next one, the same inside and under the same name.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use report::sealed::{self, ContentEncryption, OpeningKey, Recipient};
use wlcg_acceptance::ledger::{any_moment, bodies};
use wlcg_acceptance::openssl::openssl;
use wlcg_acceptance::programs::{Deployment, eventually};

use super::text;

on_both_databases!(what_is_kept_leaves_a_retired_key);

const REPORTS: usize = 150;

fn what_is_kept_leaves_a_retired_key(deployment: &Deployment) {
    deployment.new_key("stranger", "rsa2048");
    let contents: Vec<String> = (0..REPORTS).map(content).collect();
    let reports: Vec<Vec<u8>> =
        contents.iter().enumerate().map(|(number, content)| sealed_for(deployment, number, content)).collect();
    let collector = deployment.serve(&[]);
    for report in &reports[..REPORTS - 1] {
        assert_eq!(collector.report(report).0, 201);
    }
    eventually("all are opened but one", || deployment.inbox("opened") == REPORTS - 2);
    drop(collector);
    assert_eq!(deployment.inbox("unreadable"), 1, "the stranger's");
    // One waits for whoever opens it then.
    assert_eq!(deployment.serve(&["--no-open"]).report(&reports[REPORTS - 1]).0, 201);
    let came = bodies(deployment);
    let history = deployment.rows(&["history", "wn1"]);

    let refused = reseal(deployment, &[]).output().unwrap();
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && why.contains("no key here is retired"), "{why}");
    deployment.new_key("next", "rsa2048");
    let keys = deployment.keys();
    std::fs::remove_file(keys.join("stranger.key.pem")).unwrap();
    std::fs::write(keys.join("officer.retired"), "").unwrap();
    let told = says(&mut reseal(deployment, &["--dry-run"]));
    assert!(
        told.starts_with(&format!("{} of {REPORTS} reports were sealed for CN=officer, and would be", REPORTS - 1)),
        "{told}"
    );
    assert_eq!(bodies(deployment), came, "nothing is changed");

    // Killed at any moment, it goes on where it was.
    for _ in 0..4 {
        let mut killed = reseal(deployment, &[]).spawn().unwrap();
        std::thread::sleep(any_moment(Duration::from_millis(400)));
        let _ = killed.kill();
        killed.wait().unwrap();
    }
    let told = says(&mut reseal(deployment, &[]));
    assert!(told.ends_with("are sealed anew for CN=next\n"), "{told}");
    let told = says(&mut reseal(deployment, &[]));
    assert!(told.starts_with(&format!("0 of {REPORTS} reports")), "{told}");
    let audited = deployment.rows(&["audit", "--action", "reseal"]);
    assert!(!audited.is_empty() && audited.iter().all(|row| row["role"] == "operator"), "{audited:?}");

    let now = bodies(deployment);
    assert_eq!(now.keys().collect::<Vec<_>>(), came.keys().collect::<Vec<_>>(), "names stay");
    let contents: BTreeMap<String, &String> = reports.iter().map(|report| hash(report)).zip(&contents).collect();
    let [officer, next] = ["officer", "next"].map(|name| key(deployment, name));
    for (hash, body) in &now {
        assert!(sealed::open(body, &officer).is_err(), "{hash} still opens with the retired key");
        match sealed::open(body, &next) {
            Ok(opened) => assert_eq!(&String::from_utf8(opened).unwrap(), contents[hash]),
            Err(_) => {
                assert_eq!((body, hash), (&came[hash], &self::hash(&reports[0])), "the stranger's stays as it was")
            }
        }
        assert_eq!(sealed::encryption(body), sealed::encryption(&came[hash]), "proven whole as before");
    }
    let private = deployment.key("next");
    let open =
        ["cms", "-decrypt", "-binary", "-inform", "DER", "-recip", &deployment.certificate("next"), "-inkey", &private];
    assert_eq!(openssl(&open, &now[&hash(&reports[2])]), contents[&hash(&reports[2])].as_bytes());

    // The key is gone: what waited opens, and what came is known by its name.
    std::fs::remove_file(keys.join("officer.key.pem")).unwrap();
    let mut serving = deployment.collector();
    serving.env("WLCG_PACKAGE_COLLECTOR_KEY", &private);
    let collector = deployment.start(serving, "127.0.0.1:0", &[]);
    eventually("what waited is opened", || deployment.inbox("waiting") == 0);
    assert_eq!(deployment.inbox("opened"), REPORTS - 1);
    for report in &reports {
        assert_eq!(collector.report(report).0, 200, "acknowledged again");
    }
    assert_eq!(deployment.rows(&["history", "wn1"]), history);
}

/// Every second one proves that it is whole; the first is the stranger's.
fn sealed_for(deployment: &Deployment, number: usize, content: &str) -> Vec<u8> {
    let file = deployment.certificate(if number == 0 { "stranger" } else { "officer" });
    let recipient = Recipient::from_pem(&std::fs::read(file).unwrap()).unwrap();
    let encryption = if number.is_multiple_of(2) { ContentEncryption::Aes256Cbc } else { ContentEncryption::Aes256Gcm };
    sealed::seal(content.as_bytes(), &recipient, encryption).unwrap()
}

fn content(number: usize) -> String {
    let version = format!("0:5.{number}-1");
    text(
        &format!("wn{}", number % 9),
        &format!("2026-01-01T{:02}:{:02}:00Z", number / 60, number % 60),
        &[("bash", &version)],
    )
}

fn reseal(deployment: &Deployment, arguments: &[&str]) -> Command {
    let config = deployment.folder.path().join("keys.toml");
    std::fs::write(&config, format!("keys_folder = {:?}\n", deployment.keys())).unwrap();
    let mut command = deployment.collector();
    command
        .env_remove("WLCG_PACKAGE_COLLECTOR_KEY")
        .arg("--config")
        .arg(config)
        .args(["keys", "reseal"])
        .args(arguments);
    command
}

fn says(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn key(deployment: &Deployment, name: &str) -> [OpeningKey; 1] {
    [OpeningKey::from_pem(&std::fs::read(deployment.key(name)).unwrap(), None).unwrap()]
}

fn hash(sealed: &[u8]) -> String {
    report::hash::Hash::of(sealed).to_string()
}
