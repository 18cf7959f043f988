//! The installed package on a booted host: enabled once and never thought of again.

use wlcg_acceptance::programs::{Deployment, FAR_SIDE, eventually, package};
use wlcg_acceptance::systemd_box::SystemdBox;

/// A box with the reporter's package and configuration, and a deployment whose collector belongs on its far side.
pub(crate) fn host_with_reporter(name: &str, settings: &str) -> (SystemdBox, Deployment) {
    let host = SystemdBox::boot(name);
    let mut deployment = Deployment::new(None);
    deployment.namespace = Some(host.far_side());
    host.copy(&package("wlcg-package-reporter_", ".deb"), "/root/reporter.deb");
    host.must("apt-get -qq install -y /root/reporter.deb");
    host.copy(deployment.certificate("officer").as_ref(), "/etc/wlcg-package-reporter/officer.cert.pem");
    host.write(
        "/etc/wlcg-package-reporter/config.toml",
        &format!(
            "site = \"CERN-PROD\"\nurl = \"http://{FAR_SIDE}\"\nhost = \"wn1.example.org\"\ntries = 1\ntimeout_seconds = 2\n\
             recipients = [\"/etc/wlcg-package-reporter/officer.cert.pem\"]\n{settings}"
        ),
    );
    (host, deployment)
}

/// Reports in the spool of the box, oldest first.
pub(crate) fn spooled(host: &SystemdBox) -> Vec<String> {
    let names = host.says("cd /var/lib/wlcg-package-reporter/spool; ls -tr *.p7m 2> /dev/null || true");
    names.lines().map(|name| name.trim_end_matches(".p7m").to_owned()).collect()
}

/// What a unit is asked for.
pub(crate) fn shown(host: &SystemdBox, unit: &str, property: &str) -> String {
    host.says(&format!("systemctl show --value -p {property} {unit}")).trim().to_owned()
}

/// Hashes of the reports that the collector has opened, in the order in which they came.
fn opened(deployment: &Deployment) -> Vec<String> {
    let mut rows = deployment.rows(&["inbox", "list", "--state", "opened"]);
    rows.reverse();
    rows.iter().map(|row| row["report"].as_str().unwrap().to_owned()).collect()
}

const REPORT: &str = "systemctl start wlcg-package-reporter.service";
const STATE: &str = "/var/lib/wlcg-package-reporter/state.json";

#[test]
fn enabled_once_it_reports_through_pulled_cables_and_reboots() {
    needs_a_box!();
    let (mut host, deployment) = host_with_reporter("cable", "");
    let _collector = deployment.serve(&[]);
    host.must("systemctl enable --now wlcg-package-reporter.timer 2>&1");
    for timer in ["wlcg-package-reporter.timer", "wlcg-package-reporter-send.timer"] {
        assert_eq!(shown(&host, timer, "ActiveState"), "active", "{timer}");
    }
    let next =
        host.says("date -d \"$(systemctl show --value -p NextElapseUSecRealtime wlcg-package-reporter.timer)\" +%H%M");
    assert!((110..=711).contains(&next.trim().parse::<u32>().unwrap()), "not at midnight: {next}");

    // The unit's own user, below the hardening, sees all there is to see.
    host.must(REPORT);
    eventually("the report is opened", || deployment.inbox("opened") == 1);
    assert_eq!(host.says("stat -c %U /var/lib/wlcg-package-reporter/spool").trim(), "wlcg-package-reporter");
    let installed = "dpkg-query -W -f '${db:Status-Abbrev}\\n' | grep -c '^ii'";
    let rows = deployment.rows(&["hosts"]);
    assert_eq!(rows[0]["packages"].to_string(), host.says(installed).trim(), "{rows:?}");
    let kernel = host.says("uname -r");
    assert_eq!(rows[0]["kernel"].as_str(), Some(kernel.trim()), "{rows:?}");
    let text = host.says("setpriv --reuid wlcg-package-reporter --clear-groups wlcg-package-reporter show");
    assert!(text.contains("system: Debian GNU/Linux 12"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("cpu: ") && line.len() > 6), "{text}");

    // Nothing waits: the unit that delivers starts no process.
    host.must("systemctl start wlcg-package-reporter-send.service");
    assert_eq!(shown(&host, "wlcg-package-reporter-send.service", "ConditionResult"), "no");

    // The cable out: no route. The far side gone: silence. Neither is a failure of the host.
    host.cable(false);
    host.must(REPORT);
    host.cable(true);
    host.far_side_answers(false);
    host.must(REPORT);
    assert_eq!(spooled(&host).len(), 2, "{}", host.journal());
    assert_eq!(shown(&host, "wlcg-package-reporter.service", "Result"), "success");
    assert_eq!(host.says("systemctl --failed --plain --no-legend | wc -l").trim(), "0");
    let journal = host.says("journalctl -o cat -u wlcg-package-reporter.service | grep 'spooled for later'");
    assert_eq!(journal.lines().count(), 2, "one line a run: {journal}");
    let status = host.says("wlcg-package-reporter status");
    assert!(status.contains("2 reports") && status.contains("after 2 failures in a row"), "{status}");
    assert_eq!(status.lines().filter(|line| line.contains("does not answer")).count(), 1, "{status}");

    // Power off in between; nothing but a report that waits is left of it.
    host.reboot();
    assert_eq!(shown(&host, "wlcg-package-reporter.timer", "ActiveState"), "active", "comes back with the host");
    let waiting = spooled(&host);
    assert_eq!(waiting.len(), 2);

    // CERN stays away: the pause is kept, and no request is made before it ends.
    host.must("systemctl start wlcg-package-reporter-send.service");
    let said = host.says("journalctl -b -o cat -u wlcg-package-reporter-send.service | grep 'nothing tried'");
    assert!(said.contains("of the pause after the last failure"), "{said}");

    // The cable is back and the pause over: all of it, oldest first, once each.
    host.far_side_answers(true);
    host.must(&format!("sed -i 's/\"next_try\": \"[^\"]*\"/\"next_try\": \"2020-01-01T00:00:00Z\"/' {STATE}"));
    host.must("systemctl start wlcg-package-reporter-send.service");
    assert_eq!(spooled(&host), Vec::<String>::new(), "{}", host.journal());
    eventually("all are opened", || deployment.inbox("opened") == 3);
    assert_eq!(opened(&deployment)[1..], waiting, "oldest first");
    assert_eq!(deployment.rows(&["inbox", "list"]).len(), 3, "once each");

    missed_runs_are_caught_up(&mut host, &deployment);
}

fn missed_runs_are_caught_up(host: &mut SystemdBox, deployment: &Deployment) {
    let forget = "touch -d '3 days ago' /var/lib/systemd/timers/stamp-wlcg-package-reporter.timer";
    // With the shipped delay the missed run comes within six hours after the boot.
    host.must("systemctl stop wlcg-package-reporter.timer");
    host.must(forget);
    host.reboot();
    let left = "next=$(systemctl show --value -p NextElapseUSecRealtime wlcg-package-reporter.timer); \
                echo $(( $(date -d \"$next\" +%s) - $(date +%s) ))";
    let left = host.says(left).trim().parse::<i64>().unwrap();
    assert!((-1..=6 * 3600 + 60).contains(&left), "{left} seconds");
    // Without a delay it comes at once.
    host.write(
        "/etc/systemd/system/wlcg-package-reporter.timer.d/at-once.conf",
        "[Timer]\nRandomizedDelaySec=0\nAccuracySec=1s\n",
    );
    host.must(&format!("systemctl stop wlcg-package-reporter.timer; {forget}"));
    let before = deployment.inbox("opened");
    host.reboot();
    eventually("the missed run is caught up", || deployment.inbox("opened") == before + 1);
}
