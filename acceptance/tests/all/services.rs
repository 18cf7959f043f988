//! The long-running units on a booted host: the daemon, the collector with its socket and credentials, and cron.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wlcg_acceptance::programs::{eventually, package, within};
use wlcg_acceptance::systemd_box::SystemdBox;

use crate::at_home::{host_with_reporter, shown, spooled};

const DAEMON: &str = "wlcg-package-reporter-daemon.service";

#[test]
fn the_daemon_reports_reloads_and_ends_in_the_middle_of_anything() {
    needs_a_box!();
    let (host, deployment) = host_with_reporter("daemon", "");
    let _collector = deployment.serve(&[]);
    host.must("systemctl enable --now wlcg-package-reporter.timer 2>&1");
    host.must(&format!("systemctl start {DAEMON}"));
    assert_eq!(shown(&host, "wlcg-package-reporter.timer", "ActiveState"), "inactive", "one of the two");
    eventually("a new host reports at once", || deployment.inbox("opened") == 1);
    eventually("the status text tells it", || shown(&host, DAEMON, "StatusText").contains("acknowledged"));

    // SIGHUP: a new configuration counts, a broken one does not.
    let config = "/etc/wlcg-package-reporter/config.toml";
    host.must(&format!("cp {config} /root/good.toml; echo 'sitee = 1' >> {config}; systemctl reload {DAEMON}"));
    eventually("it is told", || shown(&host, DAEMON, "StatusText").contains("the earlier one goes on"));
    host.must(&format!(
        "cp /root/good.toml {config}; echo 'period_minutes = 1' >> {config}; systemctl reload {DAEMON}"
    ));
    eventually("it is taken", || shown(&host, DAEMON, "StatusText") == "configuration read again");
    within(120, "the new period counts", || deployment.inbox("opened") == 2);

    // Hung: systemd notices and starts it again.
    host.write(&format!("/etc/systemd/system/{DAEMON}.d/short.conf"), "[Service]\nWatchdogSec=1\nRestartSec=0\n");
    host.must(&format!("systemctl daemon-reload; systemctl restart {DAEMON}"));
    host.must(&format!("kill -STOP $(systemctl show --value -p MainPID {DAEMON})"));
    eventually("the watchdog bites", || shown(&host, DAEMON, "NRestarts") == "1");
    eventually("it runs again", || shown(&host, DAEMON, "ActiveState") == "active");

    // The end, while a post hangs on a far side that swallows everything.
    host.must(&format!("sed -i 's/timeout_seconds = 2/timeout_seconds = 60/' {config}"));
    host.far_side_answers(false);
    host.must(&format!(
        "systemctl stop {DAEMON}; sed -i '/last_collected/d' /var/lib/wlcg-package-reporter/state.json; systemctl start {DAEMON}"
    ));
    eventually("a report hangs", || spooled(&host).len() == 1);
    let begun = Instant::now();
    host.must(&format!("systemctl stop {DAEMON}"));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(shown(&host, DAEMON, "Result"), "success", "{}", host.journal());
    assert_eq!(spooled(&host).len(), 1, "the report is still there");

    // What cannot be used is said once, not tried for ever.
    host.must(&format!("sed -i /^site/d {config}"));
    assert!(!host.run(&format!("systemctl start {DAEMON}")).status.success());
    assert_eq!(shown(&host, DAEMON, "NRestarts"), "0");
    assert!(host.journal().contains("--site NAME"), "{}", host.journal());
}

const COLLECTOR: &str = "wlcg-package-collector.service";

/// A box with the collector's package and a key among its credentials, and a sealed report in /root/report.p7m.
fn host_with_collector(name: &str) -> (SystemdBox, tempfile::TempDir) {
    let host = SystemdBox::boot(name);
    host.copy(&package("wlcg-package-collector_", ".deb"), "/root/collector.deb");
    host.must("apt-get -qq install -y /root/collector.deb");
    host.must("wlcg-package-collector keys new");
    let folder = tempfile::tempdir().unwrap();
    let certificate = host.says("cat /etc/wlcg-package-collector/credentials/mw-officer.cert.pem");
    let file = folder.path().join("cert.pem");
    std::fs::write(&file, certificate).unwrap();
    host.copy(&sealed(folder.path(), 1), "/root/report.p7m");
    (host, folder)
}

/// A sealed report of so many packages.
fn sealed(folder: &Path, packages: usize) -> PathBuf {
    let names: Vec<String> = (0..packages).map(|number| format!("package-number-{number}")).collect();
    let packages: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "0:5.1-1")).collect();
    let text = crate::text("wn1", "2026-01-01T00:00:00Z", &packages);
    let file = folder.join("report.p7m");
    std::fs::write(&file, crate::seal(folder.join("cert.pem").to_str().unwrap(), &text)).unwrap();
    file
}

/// Posts the report to a socket or an address, and gives the status of the answer.
fn post(host: &SystemdBox, how: &str) -> String {
    host.says(&format!(
        "curl -s -o /dev/null -w '%{{http_code}}' -H 'Content-Type: application/pkcs7-mime' \
         --data-binary @/root/report.p7m {how}/v1/reports"
    ))
}

const OVER_SOCKET: &str = "--unix-socket /run/wlcg-package-collector/socket http://collector";

#[test]
fn the_collector_starts_with_its_socket_and_opens_with_a_key_that_only_root_reads() {
    needs_a_box!();
    let (host, folder) = host_with_collector("collector");
    host.must("systemctl enable --now wlcg-package-collector.socket 2>&1");
    assert_eq!(shown(&host, COLLECTOR, "ActiveState"), "inactive");
    assert_eq!(
        host.says("stat -c '%U %G %a' /run/wlcg-package-collector/socket").trim(),
        "root wlcg-package-collector 660"
    );
    // The first connection starts the service.
    assert_eq!(post(&host, OVER_SOCKET), "201", "{}", host.journal());
    assert_eq!(shown(&host, COLLECTOR, "ActiveState"), "active");
    assert!(shown(&host, COLLECTOR, "StatusText").contains("listening on unix:/run/wlcg-package-collector/socket"));
    let list = "setpriv --reuid wlcg-package-collector --clear-groups wlcg-package-collector";
    eventually("it is opened", || {
        host.says(&format!("{list} inbox list --state opened --format csv")).lines().count() == 2
    });
    assert!(host.says("wlcg-package-collector hosts").contains("wn1"), "root sees the service's database");
    let key = "/etc/wlcg-package-collector/credentials/mw-officer.key.pem";
    let read = format!("setpriv --reuid wlcg-package-collector --clear-groups cat {key}");
    assert!(!host.run(&read).status.success(), "the service's user cannot read the key's file");

    // Stopped with a report half-way in: it is finished and acknowledged; the next connection starts the service again.
    host.copy(&sealed(folder.path(), 20_000), "/root/large.p7m");
    host.must(&format!(
        "curl -s -o /dev/null -w '%{{http_code}}' --limit-rate 300k -H 'Content-Type: application/pkcs7-mime' \
         --data-binary @/root/large.p7m {OVER_SOCKET}/v1/reports > /root/answer &
         sleep 1; systemctl stop {COLLECTOR}; wait"
    ));
    assert_eq!(host.says("cat /root/answer"), "201", "{}", host.journal());
    assert_eq!(shown(&host, COLLECTOR, "Result"), "success", "{}", host.journal());
    assert_eq!(post(&host, OVER_SOCKET), "200", "the same report is known");

    // TCP instead of a Unix socket.
    host.write(
        "/etc/systemd/system/wlcg-package-collector.socket.d/tcp.conf",
        "[Socket]\nListenStream=\nListenStream=127.0.0.1:8642\n",
    );
    host.must(&format!("systemctl daemon-reload; systemctl stop {COLLECTOR} wlcg-package-collector.socket"));
    host.must("systemctl start wlcg-package-collector.socket");
    assert_eq!(post(&host, "http://127.0.0.1:8642"), "200", "{}", host.journal());

    // Without a socket unit it binds the configured address itself; killed, it comes back.
    host.must(&format!("systemctl stop {COLLECTOR} wlcg-package-collector.socket; systemctl start {COLLECTOR}"));
    assert_eq!(post(&host, "http://127.0.0.1:8642"), "200");
    host.must(&format!("kill -9 $(systemctl show --value -p MainPID {COLLECTOR})"));
    eventually("it comes back", || host.run("curl -sf http://127.0.0.1:8642/readyz").status.success());

    // The key encrypted, as the operator's guide says, with a passphrase that only this machine can read.
    host.must(
        "cd /etc/wlcg-package-collector/credentials && umask 077 && head -c 24 /dev/urandom | base64 > key-passphrase &&
         openssl pkcs8 -topk8 -v2 aes-256-cbc -in mw-officer.key.pem -passout file:key-passphrase > new.pem &&
         openssl x509 -in mw-officer.key.pem >> new.pem && mv new.pem mw-officer.key.pem && mkdir -p /etc/credstore.encrypted &&
         systemd-creds encrypt --name=credentials_key-passphrase key-passphrase /etc/credstore.encrypted/collector-key-passphrase &&
         cp key-passphrase /root/ && rm key-passphrase",
    );
    let without = host.run("wlcg-package-collector keys list");
    assert!(String::from_utf8_lossy(&without.stderr).contains("encrypted, and no passphrase"), "{without:?}");
    host.write(
        "/etc/systemd/system/wlcg-package-collector.service.d/passphrase.conf",
        "[Service]\nLoadCredentialEncrypted=credentials_key-passphrase:/etc/credstore.encrypted/collector-key-passphrase\n",
    );
    host.must(&format!("systemctl daemon-reload; systemctl restart {COLLECTOR}"));
    host.copy(&sealed(folder.path(), 3), "/root/large.p7m");
    let opened = "wlcg-package-collector inbox list --state opened --format csv";
    let before = host.says(opened).lines().count();
    host.must("curl -sf -H 'Content-Type: application/pkcs7-mime' --data-binary @/root/large.p7m http://127.0.0.1:8642/v1/reports");
    eventually("the encrypted key opens it", || host.says(opened).lines().count() == before + 1);
    host.must("rm -r /etc/systemd/system/wlcg-package-collector.service.d /etc/credstore.encrypted");
    asks_for_its_passphrase(&host, opened, &sealed(folder.path(), 4));
    host.must("rm -r /etc/systemd/system/wlcg-package-collector.service.d");

    host.must("rm -r /etc/systemd/system/wlcg-package-collector.socket.d; apt-get -qq purge -y wlcg-package-collector");
    assert_eq!(
        host.says("find /etc /usr /var/lib /run -xdev -name '*wlcg-package-collector*' -not -path '*/dpkg/*'"),
        ""
    );
}

/// The passphrase is nowhere on the machine: whoever is there is asked for it by the system's own means.
fn asks_for_its_passphrase(host: &SystemdBox, opened: &str, report: &Path) {
    host.must("systemctl enable --now wlcg-package-collector-passphrase.socket 2>&1");
    host.write(
        "/etc/systemd/system/wlcg-package-collector.service.d/passphrase.conf",
        "[Service]\nLoadCredential=credentials_key-passphrase:/run/wlcg-package-collector-passphrase\nTimeoutStartSec=infinity\n",
    );
    host.must(&format!("systemctl daemon-reload; systemctl restart --no-block {COLLECTOR}"));
    let question = "sed -n 's/^Socket=//p' /run/systemd/ask-password/ask.* 2>/dev/null";
    let answer = format!("/lib/systemd/systemd-reply-password 1 $({question})");
    eventually("somebody is asked", || !host.says(&format!("{question} || :")).is_empty());
    let asked = host.says("systemd-tty-ask-password-agent --list");
    assert!(asked.contains("Passphrase of the WLCG package collector's private keys"), "{asked}");
    assert_eq!(shown(host, COLLECTOR, "ActiveState"), "activating", "as long as it takes");

    // A wrong one is told, and asked for again at the next start.
    host.must(&format!("printf wrong | {answer}"));
    eventually("it says so", || host.journal().contains("another passphrase"));
    eventually("it asks again", || !host.says(&format!("{question} || :")).is_empty());
    host.must(&format!("tr -d '\\n' < /root/key-passphrase | {answer}"));
    eventually("it is up", || shown(host, COLLECTOR, "ActiveState") == "active");

    let before = host.says(opened).lines().count();
    host.copy(report, "/root/asked.p7m");
    host.must("curl -sf -H 'Content-Type: application/pkcs7-mime' --data-binary @/root/asked.p7m http://127.0.0.1:8642/v1/reports");
    eventually("the key opens it", || host.says(opened).lines().count() == before + 1);
    // Commands of root's ask in the same way.
    let keys = host.says(&format!(
        "systemd-run -q --pipe --wait -p LoadCredential=credentials_key-passphrase:/run/wlcg-package-collector-passphrase \
           wlcg-package-collector --key /etc/wlcg-package-collector/credentials/mw-officer.key.pem keys list &
         until [ -n \"$({question})\" ]; do sleep 0.1; done; tr -d '\\n' < /root/key-passphrase | {answer}; wait"
    ));
    assert!(keys.contains("mw-officer"), "{keys}");
    host.must("systemctl disable --now wlcg-package-collector-passphrase.socket 2>&1");
}

#[test]
fn a_real_cron_runs_the_printed_file() {
    needs_a_box!();
    let (host, deployment) = host_with_reporter("cron", "");
    let _collector = deployment.serve(&[]);
    // Every minute instead of once a day; nothing else is changed.
    host.must(
        "wlcg-package-reporter --site CERN-PROD --cron | sed -E 's/^[0-9]+ ([0-9]+|\\*) /* * /' > /etc/cron.d/wlcg-package-reporter
         grep -q '^\\* \\* \\* \\* \\* wlcg-package-reporter .* report$' /etc/cron.d/wlcg-package-reporter
         systemctl restart cron",
    );
    within(130, "cron reports", || deployment.inbox("opened") > 0);
    assert_eq!(host.says("stat -c %U /var/lib/wlcg-package-reporter/state.json").trim(), "wlcg-package-reporter");
}

#[test]
fn the_units_are_hardened() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd");
    let units = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let services: Vec<_> = units.filter(|unit| unit.extension().is_some_and(|kind| kind == "service")).collect();
    assert_eq!(services.len(), 6);
    for unit in services {
        let limit = if unit.to_string_lossy().contains("collector") { "20" } else { "15" };
        let told = std::process::Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager", "--threshold", limit])
            .arg(&unit)
            .output()
            .unwrap();
        let table = String::from_utf8_lossy(&told.stdout);
        assert!(table.contains("Overall exposure level"), "{table}");
        assert!(told.status.success(), "{}: {table}", unit.display());
    }
}
