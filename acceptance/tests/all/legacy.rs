//! pakiti-client's place taken: its configuration, its options, its server.

use wlcg_acceptance::programs::{Deployment, eventually, program};

use crate::reporter::answering;

/// A configuration as Puppet modules write it, with the certificate inside.
fn configuration(deployment: &Deployment, url: &str, more: &str) -> String {
    let certificate = std::fs::read_to_string(deployment.certificate("officer")).unwrap();
    let file = deployment.folder.path().join("pakiti-client.conf");
    let text = format!(
        "# managed by Puppet\nsite = CERN-PROD\ntag = worker\nhost = wn1.example.org\nurl = {url}\nrndsleep = 1\n\
         curl = /usr/bin/curl\nencrypt = <<EOT\n{certificate}EOT\n{more}"
    );
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

fn reporter(deployment: &Deployment, arguments: &[&str]) -> std::process::Output {
    std::process::Command::new(program("wlcg-package-reporter"))
        .arg("--spool")
        .arg(deployment.spool())
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_program_alone_is_swapped() {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&[]);
    let conf = configuration(&deployment, &format!("{}/feeder/", collector.url), "");
    let sent = reporter(&deployment, &["--conf", &conf]);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    eventually("the report is opened", || deployment.inbox("opened") == 1);
    assert_eq!(deployment.rows(&["hosts"])[0]["host"], "wn1.example.org");

    // The file that `config import` prints does the same.
    let imported = reporter(&deployment, &["config", "import", &conf]);
    let toml = deployment.folder.path().join("imported.toml");
    std::fs::write(&toml, &imported.stdout).unwrap();
    let sent = reporter(&deployment, &["--config", toml.to_str().unwrap()]);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    eventually("the second one too", || deployment.inbox("opened") == 2);

    // Without an address pakiti-client prints, here only what is sealed; its options come before its file.
    let sealed = deployment.folder.path().join("sealed");
    let nowhere = configuration(&deployment, "http://127.0.0.1:1/", "").replace("pakiti-client.conf", "nowhere.conf");
    let text = std::fs::read_to_string(&conf).unwrap();
    std::fs::write(&nowhere, text.lines().filter(|line| !line.starts_with("url")).collect::<Vec<_>>().join("\n"))
        .unwrap();
    let printed = reporter(&deployment, &["--conf", &nowhere, "--host", "other.example.org", "--tag", "t", "-r", "0"]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    std::fs::write(&sealed, &printed.stdout).unwrap();
    let arguments = ["smime", "-decrypt", "-binary", "-inform", "DER", "-in", sealed.to_str().unwrap()];
    let certificate = deployment.certificate("officer");
    let key = deployment.key("officer");
    let text =
        wlcg_acceptance::openssl::openssl(&[&arguments[..], &["-recip", &certificate, "-inkey", &key]].concat(), b"");
    let text = String::from_utf8(text).unwrap();
    assert!(text.starts_with("#\n") && text.contains("host: other.example.org\n"), "readable for old servers: {text}");
}

#[test]
fn a_pakiti_server_must_say_that_it_has_the_report() {
    for (answer, more, exit) in [
        ("200 OK\n\nsome report\nOK\n", "mode = store-and-report\n", 0),
        ("200 OK\n\nth4nk y0u", "expect = th4nk y0u\n", 0),
        ("200 OK\n\n<html>Please sign in</html>", "", 75),
        ("500 Oops\n\nOK", "", 75),
        ("200 OK\n\nOK, but", "", 75),
    ] {
        let deployment = Deployment::new(None);
        let conf = configuration(&deployment, &answering(answer), &format!("{more}input = /dev/null\n"));
        let text = std::fs::read_to_string(&conf).unwrap().replace("input = /dev/null\n", "");
        std::fs::write(&conf, text).unwrap();
        let config = reporter(&deployment, &["--conf", &conf]);
        let said = String::from_utf8_lossy(&config.stderr).into_owned();
        assert_eq!(config.status.code(), Some(exit), "{answer}: {said}");
        assert_eq!(deployment.spooled().len(), usize::from(exit == 75), "{answer}");
        if answer.contains("html") {
            assert!(said.contains("does not end with \"OK\""), "{said}");
        }
    }
}

#[test]
fn what_is_no_configuration_of_pakiti_client_is_told_with_its_line() {
    let deployment = Deployment::new(None);
    for (text, told) in [
        ("site = A\nsvmonreport = 1\n", "line 2"),
        ("encrypt = <<EOT\n", "EOT"),
        ("encrypt = /no/such/file\nsite = CERN-PROD\n", "/no/such/file"),
        ("site = CERN-PROD\nurl = http://127.0.0.1:1/\n", "--recipient"),
    ] {
        let file = deployment.folder.path().join("strange.conf");
        std::fs::write(&file, text).unwrap();
        let output = reporter(&deployment, &["--conf", file.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{text}: {said}");
        assert!(said.contains(told), "{text}: {said}");
    }
}
