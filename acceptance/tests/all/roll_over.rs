//! A key of the officer's is replaced, and nobody visits a host: hosts follow what the keys that they trust have signed.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use wlcg_acceptance::openssl::openssl;
use wlcg_acceptance::programs::{Collector, Deployment, program};

/// The officer's machine with the keys, and a front door that has none.
struct Officer {
    deployment: Deployment,
}

impl Officer {
    fn new() -> Self {
        let officer = Officer { deployment: Deployment::new(None) };
        let keys = officer.deployment.keys();
        let settings = format!("keys_folder = {:?}\nrecipient_bundle_file = {:?}\n", keys, officer.bundle());
        std::fs::write(officer.config(), settings).unwrap();
        officer
    }

    fn config(&self) -> PathBuf {
        self.deployment.folder.path().join("collector.toml")
    }

    fn bundle(&self) -> PathBuf {
        self.deployment.folder.path().join("recipients.p7m")
    }

    fn command(&self) -> Command {
        let mut command = self.deployment.collector();
        command.env_remove("WLCG_PACKAGE_COLLECTOR_KEY").arg("--config").arg(self.config());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn front_door(&self) -> Collector {
        let settings = format!("recipient_bundle_file = {:?}\n", self.bundle());
        let config = self.deployment.folder.path().join("front.toml");
        std::fs::write(&config, settings).unwrap();
        let mut command = self.deployment.collector();
        command.env_remove("WLCG_PACKAGE_COLLECTOR_KEY").arg("--config").arg(config);
        self.deployment.start(command, "127.0.0.1:0", &["--no-open"])
    }
}

/// A host that was told the first key, and nothing since.
struct Host<'a> {
    officer: &'a Officer,
    url: String,
    name: &'a str,
}

impl Host<'_> {
    fn folder(&self) -> PathBuf {
        self.officer.deployment.folder.path().join(self.name)
    }

    fn run_with(&self, certificate: &str, url: &str, settings: &str, arguments: &[&str]) -> Output {
        std::fs::create_dir_all(self.folder()).unwrap();
        let config = self.folder().join("config.toml");
        std::fs::write(&config, settings).unwrap();
        let mut reporter = Command::new(program("wlcg-package-reporter"));
        reporter.args(["--site", "CERN-PROD", "--host", self.name, "--url", url, "--recipient", certificate]);
        reporter.arg("--spool").arg(self.folder()).arg("--config").arg(config).args(arguments).output().unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(&self.officer.deployment.certificate("officer"), &self.url, "", arguments)
    }

    /// Reports on another day; gives what it logs.
    fn reports(&self) -> String {
        let file = self.folder().join("state.json");
        if let Ok(state) = std::fs::read(&file) {
            let mut state: Value = serde_json::from_slice(&state).unwrap();
            state["bundle_asked"] = Value::Null;
            std::fs::write(file, state.to_string()).unwrap();
        }
        let output = self.run(&[]);
        let (said, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.contains("acknowledged"), "{said}{log}");
        log.into_owned()
    }

    fn status(&self) -> Value {
        serde_json::from_slice(&self.run(&["status", "--json"]).stdout).unwrap()
    }

    /// Which of these keys open what this host seals now.
    fn seals_for(&self, keys: &[&str]) -> Vec<String> {
        opened_by(self.officer, &self.run(&["--output", "-"]).stdout, keys)
    }
}

fn opened_by(officer: &Officer, sealed: &[u8], keys: &[&str]) -> Vec<String> {
    let file = officer.deployment.folder.path().join("sealed");
    std::fs::write(&file, sealed).unwrap();
    let opens = |key: &&&str| {
        let (certificate, private) = (officer.deployment.certificate(key), officer.deployment.key(key));
        let arguments = ["cms", "-decrypt", "-binary", "-inform", "DER", "-recip", &certificate, "-inkey", &private];
        Command::new("openssl").args(arguments).arg("-in").arg(&file).output().unwrap().status.success()
    };
    keys.iter().filter(opens).map(|key| (*key).to_owned()).collect()
}

const KEYS: [&str; 3] = ["officer", "second", "third"];

#[test]
fn hosts_follow_from_key_to_key() {
    let officer = Officer::new();
    let mut collector = officer.front_door();
    let host = Host { officer: &officer, url: collector.url.clone(), name: "wn1.example.org" };
    let off = Host { officer: &officer, url: collector.url.clone(), name: "wn2.example.org" };

    // Nothing is published: all is as it was, and no error.
    assert_eq!(collector.get("/v1/recipients").0, 404);
    assert_eq!(host.reports(), "");
    assert_eq!(
        (host.status()["recipients"]["from"].as_str(), host.status()["last_error"].clone()),
        (Some("configuration"), Value::Null)
    );
    // This one is switched off with a report in its spool, before it hears of any other key.
    let certificate = officer.deployment.certificate("officer");
    assert_eq!(off.run_with(&certificate, "http://127.0.0.1:1", "tries = 1\n", &[]).status.code(), Some(75));
    let late = std::fs::read_dir(off.folder()).unwrap().map(|entry| entry.unwrap().path());
    let late = late.into_iter().find(|file| file.extension().is_some_and(|kind| kind == "p7m")).unwrap();
    assert_eq!(opened_by(&officer, &std::fs::read(late).unwrap(), &KEYS[..1]), KEYS[..1]);

    // The next key, both in use, and the bundle as openssl reads it.
    officer.says(&["keys", "new", "second", "--kind", "ec-p256"]);
    let told = officer.says(&["keys", "publish"]);
    assert!(told.contains("hosts seal for: CN=officer and CN=second"), "{told}");
    let first_bundle = std::fs::read(officer.bundle()).unwrap();
    let read = openssl(&["cms", "-verify", "-noverify", "-inform", "DER"], &first_bundle);
    let read = String::from_utf8(read).unwrap();
    assert!(read.starts_with("recipient-bundle: 1") && read.matches("BEGIN CERTIFICATE").count() == 2, "{read}");
    let answer = collector.ask("/v1/recipients", &[], None);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/pkcs7-mime; smime-type=signed-data"))
    );
    let etag = answer.header("etag").unwrap().to_owned();
    assert_eq!(collector.bytes("/v1/recipients", &[]), (200, first_bundle.clone()));
    assert_eq!(collector.ask("/v1/recipients", &[("if-none-match", &etag)], None).status, 304);
    let log = host.reports();
    assert!(log.contains("accepted: reports are sealed for CN=officer and CN=second"), "{log}");
    assert_eq!(host.seals_for(&KEYS[..2]), KEYS[..2]);
    assert_eq!(host.reports(), "", "the same bundle is not told twice");

    // The first key is retired. Whoever was told goes on to the second alone, by itself.
    officer.says(&["keys", "retire", "officer"]);
    let list = officer.says(&["keys", "list", "--format", "json"]);
    let list: Vec<Value> = serde_json::from_str(&list).unwrap();
    assert_eq!(list.iter().map(|key| key["state"].as_str().unwrap()).collect::<Vec<_>>(), ["retired", "in use"]);
    officer.says(&["keys", "publish"]);
    host.reports();
    assert_eq!(host.seals_for(&KEYS[..2]), ["second"]);
    let refused = officer.run(&["keys", "retire", "second"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the only key in use"));

    // A third, while the other host is still off: what it knows is the first key, and that signs as well.
    officer.says(&["keys", "new", "third", "--kind", "rsa2048"]);
    officer.says(&["keys", "retire", "second"]);
    officer.says(&["keys", "publish"]);
    host.reports();
    let log = off.reports();
    assert!(log.contains("accepted: reports are sealed for CN=third"), "{log}");
    for follows in [&host, &off] {
        assert_eq!(follows.seals_for(&KEYS), ["third"]);
        let status = String::from_utf8(follows.run(&["status"]).stdout).unwrap();
        assert!(
            status.contains("CN=third, ")
                && status.contains("sealed for:           the certificates of recipient bundle"),
            "{status}"
        );
    }
    let checked = String::from_utf8(host.run(&["check"]).stdout).unwrap();
    assert!(
        checked.contains("ok     recipients: CN=third until") && checked.contains("of recipient bundle"),
        "{checked}"
    );
    // What its administrator says comes first.
    let sealed = |certificate: &str, settings: &str| {
        opened_by(&officer, &host.run_with(certificate, &host.url, settings, &["--output", "-"]).stdout, &KEYS)
    };
    assert_eq!(sealed(&certificate, "follow_recipient_bundle = false\n"), ["officer"]);
    assert_eq!(sealed(&officer.deployment.certificate("second"), ""), ["third"], "the second has signed it");

    // The late report and all the others open, whichever key they were sealed for.
    assert_eq!(host.reports(), "");
    assert!(officer.says(&["check"]).contains(" for CN=third"));
    officer.says(&["open", "--once"]);
    let inbox = |state| officer.deployment.inbox(state);
    assert_eq!(["waiting", "held", "unreadable"].map(inbox), [0, 0, 0]);
    assert_eq!(inbox("opened"), 8);
    assert!(collector.terminate().success());
}

#[test]
fn a_bundle_that_is_not_the_officers_moves_nobody_and_holds_nothing_up() {
    let officer = Officer::new();
    let collector = officer.front_door();
    let host = Host { officer: &officer, url: collector.url.clone(), name: "wn1.example.org" };
    officer.says(&["keys", "publish"]);
    let older = std::fs::read(officer.bundle()).unwrap();
    officer.says(&["keys", "new", "second", "--kind", "ec-p256"]);
    officer.says(&["keys", "publish"]);
    assert!(host.reports().contains("accepted"));

    let stranger = Officer::new();
    stranger.says(&["keys", "new", "second", "--kind", "ec-p256"]);
    let before = std::fs::read(host.folder().join("recipients.bundle")).unwrap();
    // A stranger's is issued later, so that its number is higher.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    stranger.says(&["keys", "publish"]);
    let good = std::fs::read(officer.bundle()).unwrap();
    let stranger = std::fs::read(stranger.bundle()).unwrap();
    for (bundle, reason) in [(&stranger, "nobody who is trusted here"), (&older, "is not higher than")] {
        std::fs::write(officer.bundle(), bundle).unwrap();
        let log = host.reports();
        assert!(
            log.contains("recipient bundle not followed") && log.contains(reason) && log.lines().count() == 1,
            "{log}"
        );
        let status = String::from_utf8(host.run(&["status"]).stdout).unwrap();
        assert!(status.contains("bundle REFUSED:") && status.contains(reason), "{status}");
        assert_eq!(std::fs::read(host.folder().join("recipients.bundle")).unwrap(), before);
    }

    // What is no bundle is not shown to anybody: neither half of one nor a key that was named by mistake.
    let secret = std::fs::read(officer.deployment.key("officer")).unwrap();
    for content in [&good[..good.len() / 2], &secret] {
        std::fs::write(officer.bundle(), content).unwrap();
        let (status, body) = collector.get("/v1/recipients");
        assert!(status == 500 && !body.contains("PRIVATE"), "{status} {body}");
        assert_eq!(host.reports(), "");
    }
    assert!(officer.deployment.log().contains("not one CMS SignedData"), "{}", officer.deployment.log());

    std::fs::write(officer.bundle(), good).unwrap();
    host.reports();
    assert_eq!(host.status()["bundle_refused"], Value::Null);
    assert_eq!(host.seals_for(&KEYS[..2]), KEYS[..2]);
    officer.says(&["open", "--once"]);
    assert_eq!((officer.deployment.inbox("opened"), officer.deployment.inbox("unreadable")), (6, 0));
}
