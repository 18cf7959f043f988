//! Keys and the database's password as systemd hands them over, with a real MariaDB that asks for it.

use std::process::{Command, Output};

use wlcg_acceptance::mariadb;
use wlcg_acceptance::programs::{Deployment, program};

#[test]
fn keys_and_the_password_come_from_the_credentials() {
    let deployment = Deployment::new(None);
    let credentials = deployment.folder.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    // systemd puts the name of the folder's credential before the names of its files.
    std::fs::copy(deployment.key("officer"), credentials.join("credentials_officer.key.pem")).unwrap();
    let password = "p@ss:w/rd% '\\";
    let url = mariadb::new_database_of("collector", password);
    let check = |command: &str| -> Output {
        let mut collector = Command::new(program("wlcg-package-collector"));
        collector.args(["--database", &url, command]).env("CREDENTIALS_DIRECTORY", &credentials);
        collector.env("HOME", deployment.folder.path()).output().unwrap()
    };
    let told = |output: &Output| {
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let without = check("migrate");
    assert!(!without.status.success() && told(&without).contains("denied"), "{}", told(&without));

    std::fs::write(credentials.join("credentials_database-password"), format!("{password}\n")).unwrap();
    assert!(check("migrate").status.success(), "{}", told(&check("migrate")));
    let checked = check("check");
    assert!(checked.status.success() && told(&checked).contains("keys: 1 ok"), "{}", told(&checked));
    assert!(!told(&checked).contains("p@ss"), "{}", told(&checked));

    // A key that openssl encrypted, in the form of today and in the older one.
    for arguments in ["pkcs8 -topk8 -v2 aes-256-cbc", "rsa -traditional -aes256"] {
        let script = format!(
            "(openssl {arguments} -in officer.key.pem -passout pass:'open sesame'; openssl x509 -in officer.key.pem) > $1"
        );
        let key = credentials.join("credentials_officer.key.pem");
        let keys = deployment.keys();
        let made = Command::new("sh").args(["-ec", &script, "sh"]).arg(&key).current_dir(keys).output().unwrap();
        assert!(
            made.status.success() && std::fs::read_to_string(&key).unwrap().contains("ENCRYPTED"),
            "{}",
            told(&made)
        );
        let _ = std::fs::remove_file(credentials.join("credentials_key-passphrase"));
        let without = check("check");
        assert!(!without.status.success() && told(&without).contains("no passphrase is given"), "{}", told(&without));
        std::fs::write(credentials.join("credentials_key-passphrase"), "open sesame\n").unwrap();
        assert!(told(&check("check")).contains("keys: 1 ok"), "{}", told(&check("check")));
    }
}

#[test]
fn a_new_key_is_encrypted_where_a_passphrase_is_configured() {
    let deployment = Deployment::new(None);
    let folder = deployment.folder.path();
    std::fs::write(folder.join("passphrase"), "open sesame\n").unwrap();
    let config = folder.join("config.toml");
    std::fs::write(&config, format!("key_passphrase_file = \"{}\"\n", folder.join("passphrase").display())).unwrap();
    let config = config.to_str().unwrap();
    let keys = deployment.keys().display().to_string();
    deployment.ask(&["--config", config, "keys", "new", "locked", "--kind", "rsa2048", "--folder", &keys]);
    let openssl = |passphrase: &str| {
        let passphrase = format!("pass:{passphrase}");
        Command::new("openssl")
            .args(["pkey", "-noout", "-in", &deployment.key("locked"), "-passin", &passphrase])
            .output()
    };
    assert!(openssl("open sesame").unwrap().status.success() && !openssl("wrong").unwrap().status.success());

    let collector = deployment.serve(&["--no-open"]);
    let report = super::text("wn1.example.org", "2026-01-01T04:00:00Z", &[("bash", "0:5-1")]);
    assert_eq!(collector.report(&super::seal(&deployment.certificate("locked"), &report)).0, 201);
    deployment.ask(&["--config", config, "--key", &deployment.key("locked"), "open", "--once"]);
    assert_eq!(deployment.inbox("opened"), 1);
}
