//! The guides followed literally: every line of their shell blocks runs on a booted host, as it stands.

use wlcg_acceptance::programs::{Deployment, eventually, package};
use wlcg_acceptance::systemd_box::SystemdBox;

/// The lines of the ```sh blocks, without the remarks behind them.
fn commands(guide: &str) -> Vec<String> {
    let file = format!("{}/../docs/{guide}.md", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).map(|line| line.split("  #").next().unwrap().trim().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

fn follow(host: &SystemdBox, guide: &str, before: impl Fn(&str)) {
    let commands = commands(guide);
    assert!(commands.len() > 3, "{commands:?}");
    for command in commands {
        before(&command);
        if let Some(rpm) = command.strip_prefix("dnf install ./") {
            // The same file, into an empty root: this host has no dnf, and has the .deb already.
            host.must(&format!("rpm -i --nodeps --noscripts --root /root/el --dbpath /var/lib/rpm /root/{rpm}"));
            continue;
        }
        host.must(&format!("cd /root; {command}"));
    }
}

/// Copies both packages of a program in, under the names that the guides give them.
fn with_packages(host: &SystemdBox, program: &str) {
    let version = env!("CARGO_PKG_VERSION");
    host.copy(&package(&format!("{program}_"), ".deb"), &format!("/root/{program}_{version}-1_amd64.deb"));
    host.copy(&package(&format!("{program}-"), ".rpm"), &format!("/root/{program}-{version}-1.x86_64.rpm"));
    // For `| less`, and so that nothing waits for an answer.
    host.must("mkdir -p /root/el; ln -sf /bin/cat /usr/bin/less");
}

#[test]
fn of_a_site() {
    needs_a_box!();
    let host = SystemdBox::boot("site");
    let mut deployment = Deployment::new(None);
    deployment.namespace = Some(host.far_side());
    let _collector = deployment.serve(&[]);
    with_packages(&host, "wlcg-package-reporter");
    let certificate = std::fs::read_to_string(deployment.certificate("officer")).unwrap();
    host.write("/root/officer.cert.pem", &certificate);
    host.write(
        "/etc/pakiti/pakiti-client.conf",
        &format!("site = CERN-PROD\nurl = http://10.99.0.1:8642/feeder/\nencrypt = <<EOT\n{certificate}EOT\n"),
    );
    follow(&host, "site", |command| {
        // What the guide asks to be put there before it goes on.
        if command == "wlcg-package-reporter check" {
            host.must("cp /root/officer.cert.pem /etc/wlcg-package-reporter/");
            host.write(
                "/etc/wlcg-package-reporter/config.toml",
                "site = \"CERN-PROD\"\nurl = \"http://10.99.0.1:8642\"\nrecipients = [\"/etc/wlcg-package-reporter/officer.cert.pem\"]\n",
            );
        }
    });
    // The last one by pakiti-client's configuration, and so unsigned, for a host that has begun to sign.
    eventually("reports came", || deployment.inbox("opened") >= 1 && deployment.inbox("held") == 1);
    assert_eq!(deployment.rows(&["inbox", "list", "--state", "held"])[0]["problem"], "signature_missing");
    assert_eq!(host.says("systemctl --failed --plain --no-legend"), "");
    let status = host.says("setpriv --reuid wlcg-package-reporter --clear-groups wlcg-package-reporter status");
    assert!(status.contains("last error:           none"), "{status}");
}

#[test]
fn of_an_operator() {
    needs_a_box!();
    let host = SystemdBox::boot("operator");
    with_packages(&host, "wlcg-package-collector");
    follow(&host, "operator", |_| {});
    let check = host.says("wlcg-package-collector check");
    assert!(
        check.contains("keys: 2 ok") && check.contains("/var/lib/wlcg-package-collector/collector.sqlite ok"),
        "{check}"
    );
    assert_eq!(host.says("systemctl --failed --plain --no-legend"), "");
}
