//! Install, upgrade, remove and purge, with apt and with rpm, on a booted host.

use std::path::{Path, PathBuf};
use std::process::Command;

use wlcg_acceptance::programs::{eventually, package};
use wlcg_acceptance::systemd_box::SystemdBox;

use crate::at_home::{host_with_reporter, shown, spooled};

/// The same package with a higher version, as an upgrade finds it.
fn newer_deb(folder: &Path, deb: &Path) -> PathBuf {
    let newer = folder.join("newer.deb");
    let script = "dpkg-deb -R \"$1\" \"$2/tree\"
        sed -i 's/^Version: .*/Version: 99.0-1/' \"$2/tree/DEBIAN/control\"
        dpkg-deb --root-owner-group -b \"$2/tree\" \"$3\"; rm -r \"$2/tree\"";
    let made = Command::new("bash").args(["-ec", script, "newer"]).arg(deb).arg(folder).arg(&newer).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    newer
}

/// Files that have our name, but for what was copied in and what package managers and journals remember.
fn left_over(host: &SystemdBox) -> String {
    host.says(
        "find / -xdev \\( -path /proc -o -path /sys -o -path /root -o -path /var/log -o -path /var/cache -o -path /tmp \\) \
         -prune -o \\( -name '*wlcg-package*' -o -user 999999 \\) -print; getent passwd | grep wlcg || true",
    )
}

#[test]
fn a_deb_comes_and_goes_and_keeps_what_is_the_sites() {
    needs_a_box!();
    let (host, deployment) = host_with_reporter("deb", "# ours\n");
    host.must("systemctl enable --now wlcg-package-reporter.timer wlcg-package-reporter.path 2>&1");
    host.must("systemctl start wlcg-package-reporter.service");
    assert_eq!(spooled(&host).len(), 1, "nobody answers on the far side");

    let newer = newer_deb(deployment.folder.path(), &package("wlcg-package-reporter_", ".deb"));
    host.copy(&newer, "/root/newer.deb");
    host.must("apt-get -qq install -y /root/newer.deb");
    assert!(host.says("dpkg-query -W wlcg-package-reporter").contains("99.0-1"));
    for unit in ["wlcg-package-reporter.timer", "wlcg-package-reporter-send.timer", "wlcg-package-reporter.path"] {
        assert_eq!(shown(&host, unit, "ActiveState"), "active", "{unit}");
    }
    assert_eq!(host.says("systemctl is-enabled wlcg-package-reporter.timer").trim(), "enabled");
    assert!(host.says("cat /etc/wlcg-package-reporter/config.toml").ends_with("# ours\n"));
    assert_eq!(spooled(&host).len(), 1);

    host.must("wlcg-package-reporter --site CERN-PROD --cron > /etc/cron.d/wlcg-package-reporter");
    host.must("apt-get -qq remove -y wlcg-package-reporter");
    assert_eq!(shown(&host, "wlcg-package-reporter.timer", "ActiveState"), "inactive");
    assert_eq!(spooled(&host).len(), 1, "removal keeps what waits");
    host.must("test -e /etc/wlcg-package-reporter/config.toml");

    host.must("apt-get -qq purge -y wlcg-package-reporter");
    assert_eq!(left_over(&host), "", "purge leaves nothing");
    assert_eq!(host.says("systemctl --failed --plain --no-legend"), "");
}

#[test]
fn an_rpm_comes_and_goes_and_its_host_reports_both_managers() {
    needs_a_box!();
    let host = SystemdBox::boot("rpm");
    let mut deployment = wlcg_acceptance::programs::Deployment::new(None);
    deployment.namespace = Some(host.far_side());
    let _collector = deployment.serve(&[]);
    host.write("/etc/rpm/macros.where", "%_dbpath /var/lib/rpm\n");
    host.write("/etc/redhat-release", "AlmaLinux release 9.4 (Seafoam Ocelot)\n");
    host.copy(&package("wlcg-package-reporter-", ".rpm"), "/root/reporter.rpm");
    host.copy(&package("wlcg-package-collector-", ".rpm"), "/root/collector.rpm");
    host.must("rpm -i --nodeps /root/reporter.rpm");
    host.copy(deployment.certificate("officer").as_ref(), "/etc/wlcg-package-reporter/officer.cert.pem");
    let config = "site = \"CERN-PROD\"\nurl = \"http://10.99.0.1:8642\"\ntries = 1\nsettle_seconds = 1\n\
                  changes_apart_seconds = 1\nrecipients = [\"/etc/wlcg-package-reporter/officer.cert.pem\"]\n";
    host.write("/etc/wlcg-package-reporter/config.toml", config);
    host.must("systemctl enable --now wlcg-package-reporter.timer wlcg-package-reporter.path 2>&1");
    host.must("systemctl start wlcg-package-reporter.service");
    eventually("the report is opened", || deployment.inbox("opened") == 1);
    let rows = deployment.rows(&["who", "wlcg-package-reporter"]);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(deployment.rows(&["who", "bash"]).len(), 1, "dpkg's packages are there too");

    // Another rpm: the path unit sees it, waits until all is quiet, and reports.
    host.must("rpm -i --nodeps /root/collector.rpm");
    eventually("the change is reported", || !deployment.rows(&["who", "wlcg-package-collector"]).is_empty());

    host.must("systemctl start wlcg-package-reporter-daemon.service");
    let before = shown(&host, "wlcg-package-reporter-daemon.service", "MainPID");
    host.must("rpm -U --force --nodeps /root/reporter.rpm");
    assert_ne!(shown(&host, "wlcg-package-reporter-daemon.service", "MainPID"), before, "the new program runs");
    assert_eq!(shown(&host, "wlcg-package-reporter-daemon.service", "ActiveState"), "active");
    assert_eq!(host.says("systemctl is-enabled wlcg-package-reporter.timer").trim(), "enabled");
    assert_eq!(host.says("cat /etc/wlcg-package-reporter/config.toml"), config);

    host.must("rpm -e --nodeps wlcg-package-reporter");
    assert_eq!(shown(&host, "wlcg-package-reporter-daemon.service", "ActiveState"), "inactive");
    host.must("test -e /etc/wlcg-package-reporter/config.toml.rpmsave");
    assert_eq!(host.says("find /usr /etc/systemd -name '*wlcg-package-reporter*'"), "");
}

#[test]
fn an_rpm_fits_into_an_empty_root() {
    let root = tempfile::tempdir().unwrap();
    let installed = Command::new("rpm")
        .args(["-i", "--nodeps", "--noscripts", "--dbpath", "/var/lib/rpm", "--root"])
        .arg(root.path())
        .args([package("wlcg-package-reporter-", ".rpm"), package("wlcg-package-collector-", ".rpm")])
        .output()
        .unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    for program in ["wlcg-package-reporter", "wlcg-package-collector"] {
        for file in [
            format!("usr/bin/{program}"),
            format!("usr/lib/systemd/system/{program}.service"),
            format!("usr/lib/sysusers.d/{program}.conf"),
            format!("etc/{program}/config.toml"),
            format!("usr/share/man/man1/{program}.1"),
            format!("usr/share/bash-completion/completions/{program}"),
            format!("usr/share/licenses/{program}/LICENSE"),
            format!("usr/share/doc/{program}/CHANGELOG.md"),
        ] {
            assert!(root.path().join(&file).is_file(), "{file}");
        }
        let monitoring = root.path().join("usr/share/doc/wlcg-package-collector/monitoring");
        for file in ["grafana-dashboard.json", "prometheus-alerts.yml"] {
            assert!(monitoring.join(file).is_file(), "{file}");
        }
        let version = Command::new(root.path().join("usr/bin").join(program)).arg("--version").output().unwrap();
        assert_eq!(String::from_utf8(version.stdout).unwrap(), format!("{program} {}\n", env!("CARGO_PKG_VERSION")));
    }
}
