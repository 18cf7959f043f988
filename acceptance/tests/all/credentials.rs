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
}
