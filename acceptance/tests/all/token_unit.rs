//! The guide's "A key in a token" followed as it stands on a booted host: the hardened unit, its credentials and a SoftHSM.

use wlcg_acceptance::programs::{eventually, package};
use wlcg_acceptance::systemd_box::SystemdBox;

const COLLECTOR: &str = "wlcg-package-collector.service";

/// The script of the section.
fn script() -> String {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operator.md")).unwrap();
    let section = text.split("## A key in a token\n").nth(1).unwrap();
    section.split("```bash\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

/// How many reports of the box are in a state.
fn inbox(host: &SystemdBox, state: &str) -> usize {
    host.says(&format!("wlcg-package-collector inbox list --state {state} --format csv")).lines().count() - 1
}

/// Sealed by the openssl that is there, as legacy hosts do.
fn send(host: &SystemdBox, name: &str) {
    host.write("/root/report", &super::text(name, "2026-01-01T04:00:00Z", &[("bash", "0:5-1")]));
    host.must(
        "openssl smime -encrypt -binary -aes256 -outform DER -in /root/report /etc/wlcg-package-collector/mw-token.cert.pem \
           > /root/report.p7m
         curl -sf -H 'Content-Type: application/pkcs7-mime' --data-binary @/root/report.p7m \
           --unix-socket /run/wlcg-package-collector/socket http://collector/v1/reports",
    );
}

#[test]
fn the_hardened_unit_opens_with_a_key_in_a_token() {
    needs_a_box!();
    let host = SystemdBox::boot("token");
    host.copy(&package("wlcg-package-collector_", ".deb"), "/root/collector.deb");
    host.must("apt-get -qq install -y /root/collector.deb");
    host.must("systemctl enable --now wlcg-package-collector.socket 2>&1");
    host.write("/root/token.bash", &script());
    let said = host.says("bash -eu /root/token.bash 2>&1");
    assert!(said.contains("token mw-token: opens what is sealed for CN=mw-token"), "{said}");
    send(&host, "wn1.example.org");
    eventually("it is opened", || inbox(&host, "opened") == 1);
    assert!(!host.journal().contains("a key cannot be used"), "{}", host.journal());

    // Without what the guide gives back of the hardening the report waits, and the service serves.
    let unit = "/etc/systemd/system/wlcg-package-collector.service.d/token.conf";
    host.must(&format!("mv {unit} /root/; systemctl daemon-reload; systemctl restart {COLLECTOR}"));
    send(&host, "wn2.example.org");
    eventually("it is told", || host.journal().contains("a key cannot be used"));
    assert_eq!((inbox(&host, "opened"), inbox(&host, "waiting")), (1, 1));
    host.must(&format!("mv /root/token.conf {unit}; systemctl daemon-reload; systemctl restart {COLLECTOR}"));
    eventually("it is opened", || inbox(&host, "opened") == 2);
    host.must(&format!("systemctl stop {COLLECTOR}"));
    assert_eq!(host.says(&format!("systemctl show --value -p Result {COLLECTOR}")).trim(), "success");
    assert_eq!(host.says("systemctl --failed --plain --no-legend"), "");
}
