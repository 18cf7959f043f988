//! With the real programs: what we seal they open, what they seal we take.

use wlcg_acceptance::openssl::{openssl, unzstd};
use wlcg_acceptance::programs::{Deployment, eventually};

use super::{seal, text};

on_both_databases!(sealed_by_others);

fn sealed_by_others(deployment: &Deployment) {
    deployment.new_key("curve", "ec-p256");
    let collector = deployment.serve(&["--key", &deployment.key("officer"), "--key", &deployment.key("curve")]);
    let report = |host: &str| text(host, "2026-01-01T00:00:00Z", &[("bash", "0:5-1")]);
    let (rsa, curve) = (deployment.certificate("officer"), deployment.certificate("curve"));
    let cms = |host: &str, cipher: &str, certificate: &str| {
        openssl(&["cms", "-encrypt", "-binary", cipher, "-outform", "DER", certificate], report(host).as_bytes())
    };
    let legacy = seal(&rsa, &report("legacy"));
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let (status, answer) = collector.post("/feeder/?protocol=5&mode=store-only", &form, &legacy);
    assert_eq!((status, answer.ends_with("OK")), (200, true), "{answer}");
    let (status, again) = collector.post("/package-report?protocol=5", &form, &legacy);
    assert_eq!((status, again), (200, answer));
    for sealed in [seal(&rsa, &report("smime")), cms("gcm", "-aes-256-gcm", &rsa), cms("p256", "-aes-256-gcm", &curve)]
    {
        assert_eq!(collector.report(&sealed).0, 201);
    }
    let (host_key, host_certificate) = signer(deployment);
    for (host, program) in [("signed-cms", "cms"), ("signed-smime", "smime")] {
        let sign = [program, "-sign", "-binary", "-nodetach", "-outform", "DER"];
        let sign = [&sign[..], &["-signer", &host_certificate, "-inkey", &host_key]].concat();
        let signed = openssl(&sign, report(host).as_bytes());
        let encrypt = ["smime", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", &rsa];
        assert_eq!(collector.report(&openssl(&encrypt, &signed)).0, 201);
    }
    eventually("all are opened", || deployment.inbox("opened") == 6);
    let hosts: Vec<_> = deployment.rows(&["hosts"]).iter().map(|row| row["host"].clone()).collect();
    assert_eq!(hosts, ["gcm", "legacy", "p256", "signed-cms", "signed-smime", "smime"]);
    let key = key_of(&host_key);
    for row in deployment.rows(&["inbox"]) {
        let signed = row["host"].as_str().unwrap().starts_with("signed-");
        assert_eq!(row["sender"], if signed { key.as_str() } else { "" }, "{row}");
    }
}

/// A host's key with its certificate, made by openssl.
pub(crate) fn signer(deployment: &Deployment) -> (String, String) {
    let file = |name: &str| deployment.folder.path().join(name).display().to_string();
    let (key, certificate) = (file("host.key.pem"), file("host.cert.pem"));
    let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/DC=ch/DC=cern/CN=wn1"];
    let _ = openssl(&[&request[..], &["-keyout", &key, "-out", &certificate]].concat(), b"");
    (key, certificate)
}

/// What the collector knows a key by, as openssl tells it.
fn key_of(file: &str) -> String {
    report::hash::Hash::of(&openssl(&["pkey", "-in", file, "-pubout", "-outform", "DER"], b"")).to_string()
}

#[test]
fn the_real_openssl_opens_and_verifies_what_the_reporter_seals_and_signs() {
    let deployment = Deployment::new(None);
    let (key, certificate) = (deployment.key("officer"), deployment.certificate("officer"));
    let shown = deployment.reporter("http://127.0.0.1:1").arg("show").output().unwrap();
    let shown = without_time(&String::from_utf8(shown.stdout).unwrap());
    assert!(shown.contains("\nsite: CERN-PROD\n"));
    let (host_key, host_certificate) = signer(&deployment);
    let host_pem = deployment.folder.path().join("host.pem");
    let read = |file: &str| std::fs::read_to_string(file).unwrap();
    std::fs::write(&host_pem, read(&host_key) + &read(&host_certificate)).unwrap();
    let given = format!("signing_key = {host_pem:?}\n");
    let own_key = deployment.spool().join("signing.key.pem").display().to_string();
    for (settings, program, compressed, signed_by) in [
        ("", "smime", true, Some(&own_key)),
        ("compress = false\n", "smime", false, Some(&own_key)),
        ("seal = \"aes-256-gcm\"\n", "cms", true, Some(&own_key)),
        (&given, "smime", true, Some(&host_key)),
        ("sign = false\n", "smime", true, None),
        ("protocol = \"pakiti\"\n", "smime", false, None),
    ] {
        let config = deployment.folder.path().join("config.toml");
        std::fs::write(&config, settings).unwrap();
        let sealed = deployment
            .reporter("http://127.0.0.1:1")
            .arg("--config")
            .arg(&config)
            .args(["--output", "-"])
            .output()
            .unwrap();
        assert!(sealed.status.success(), "{}", String::from_utf8_lossy(&sealed.stderr));
        let arguments = [program, "-decrypt", "-binary", "-inform", "DER", "-recip", &certificate, "-inkey", &key];
        let mut opened = openssl(&arguments, &sealed.stdout);
        if let Some(key) = signed_by {
            assert_eq!(key_told(&deployment, &config), key_of(key), "{settings}");
            let signer = deployment.folder.path().join("signer.pem").display().to_string();
            let verify = ["-verify", "-noverify", "-binary", "-inform", "DER", "-signer", &signer];
            opened = openssl(&[&["smime"], &verify[..]].concat(), &opened);
            let public = openssl(&["x509", "-in", &signer, "-noout", "-pubkey"], b"");
            assert_eq!(public, openssl(&["pkey", "-in", key, "-pubout"], b""), "{settings}");
        }
        if compressed {
            opened = unzstd(&opened);
        }
        assert_eq!(without_time(&String::from_utf8(opened).unwrap()), shown, "{settings}");
    }
}

/// The key that `status` tells.
fn key_told(deployment: &Deployment, config: &std::path::Path) -> String {
    let mut reporter = deployment.reporter("http://127.0.0.1:1");
    let said = reporter.arg("--config").arg(config).args(["status", "--json"]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    status["signing"]["key"].as_str().unwrap().to_owned()
}

fn without_time(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with("collected: ")).collect()
}
