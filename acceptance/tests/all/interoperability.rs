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
    eventually("all are opened", || deployment.inbox("opened") == 4);
    let hosts: Vec<_> = deployment.rows(&["hosts"]).iter().map(|row| row["host"].clone()).collect();
    assert_eq!(hosts, ["gcm", "legacy", "p256", "smime"]);
}

#[test]
fn the_real_openssl_opens_what_the_reporter_seals() {
    let deployment = Deployment::new(None);
    let (key, certificate) = (deployment.key("officer"), deployment.certificate("officer"));
    let shown = deployment.reporter("http://127.0.0.1:1").arg("show").output().unwrap();
    let shown = without_time(&String::from_utf8(shown.stdout).unwrap());
    assert!(shown.contains("\nsite: CERN-PROD\n"));
    for (settings, program, compressed) in
        [("", "smime", true), ("compress = false\n", "smime", false), ("seal = \"aes-256-gcm\"\n", "cms", true)]
    {
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
        if compressed {
            opened = unzstd(&opened);
        }
        assert_eq!(without_time(&String::from_utf8(opened).unwrap()), shown, "{settings}");
    }
}

fn without_time(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with("collected: ")).collect()
}
