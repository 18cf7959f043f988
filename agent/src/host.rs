//! What the host says of itself: name, kernel, architecture, processor, system.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use report::package::Packager;
use report::report::Header;

use crate::config::Config;

/// This program and its version, as the report names it.
pub const REPORTER: &str = concat!("wlcg-package-reporter ", env!("CARGO_PKG_VERSION"));

/// The header lines of this host's report, read below `root`.
#[must_use]
pub fn header(
    config: &Config,
    site: &str,
    packager: Packager,
    collected: jiff::Timestamp,
    root: &Path,
) -> Header<'static> {
    let kernel = rustix::system::uname();
    let text = |name: &std::ffi::CStr| name.to_string_lossy().into_owned();
    let mut facts: BTreeMap<Cow<'static, str>, Cow<'static, str>> = BTreeMap::new();
    for (name, value) in [
        ("arch", text(kernel.machine())),
        ("cpu", cpu(root)),
        ("kernel", text(kernel.release())),
        ("reporter", REPORTER.to_owned()),
        ("system", system(root)),
        ("tag", config.tag.clone().unwrap_or_default()),
    ] {
        facts.insert(Cow::Borrowed(name), Cow::Owned(without_control(&value)));
    }
    Header {
        host: Cow::Owned(host(config, root)),
        site: Some(Cow::Owned(site.to_owned())),
        packager,
        collected: Some(collected),
        facts,
    }
}

/// The name that this host reports under.
#[must_use]
pub fn host(config: &Config, root: &Path) -> String {
    without_control(&config.host.clone().unwrap_or_else(|| full_name(root, name())))
}

/// The name that the host was given by its administrator, for a stable hour in cron.
#[must_use]
pub fn name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The name with its domain, when the kernel knows only the first part and /etc/hosts the whole (hosts(5)).
///
/// DNS is not asked: a host must not be called another name on a day when it does not answer.
fn full_name(root: &Path, name: String) -> String {
    if name.contains('.') {
        return name;
    }
    let hosts = std::fs::read_to_string(root.join("etc/hosts")).unwrap_or_default();
    let full = hosts.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let names = || line.split_whitespace().skip(1);
        let known = names().any(|other| other.eq_ignore_ascii_case(&name));
        let starts = |full: &&str| full.split('.').next().is_some_and(|first| first.eq_ignore_ascii_case(&name));
        names().filter(|_| known).find(|other| other.contains('.') && starts(other)).map(str::to_owned)
    });
    full.unwrap_or(name)
}

fn cpu(root: &Path) -> String {
    let text = std::fs::read_to_string(root.join("proc/cpuinfo")).unwrap_or_default();
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
    value("model name").or_else(|| value("Model")).unwrap_or_default().trim().to_owned()
}

/// The system in its own words: the first line of redhat-release, which names the minor release, else os-release(5).
fn system(root: &Path) -> String {
    let first_line = |file: &str| {
        let text = std::fs::read_to_string(root.join(file)).ok()?;
        text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
    };
    if let Some(line) = first_line("etc/redhat-release") {
        return line;
    }
    ["etc/os-release", "usr/lib/os-release"]
        .iter()
        .find_map(|file| {
            let text = std::fs::read_to_string(root.join(file)).ok()?;
            let value = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
            Some(value.trim().trim_matches(['"', '\'']).to_owned())
        })
        .unwrap_or_default()
}

/// One line without characters that would end it or move a cursor.
pub(crate) fn without_control(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_completed_by_its_own_line_alone() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc")).unwrap();
        let text = "127.0.0.1 localhost localhost.localdomain\n# 10.0.0.1 wn1.no.org wn1\n10.0.0.2 other.example.org wn1\n10.0.0.1\twn1.example.org wn1 # ours\n";
        std::fs::write(root.path().join("etc/hosts"), text).unwrap();
        let full = |name: &str| full_name(root.path(), name.to_owned());
        assert_eq!(full("wn1"), "wn1.example.org");
        assert_eq!(full("wn2"), "wn2");
        assert_eq!(full("wn1.site.org"), "wn1.site.org");
        assert_eq!(full_name(Path::new("/nonexistent"), "wn1".to_owned()), "wn1");
    }

    #[test]
    fn the_system_is_named_in_its_own_words() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc")).unwrap();
        std::fs::write(
            root.path().join("etc/os-release"),
            "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
        )
        .unwrap();
        assert_eq!(system(root.path()), "Debian GNU/Linux 12 (bookworm)");
        std::fs::write(root.path().join("etc/redhat-release"), "AlmaLinux release 9.4 (Seafoam Ocelot)\n").unwrap();
        assert_eq!(system(root.path()), "AlmaLinux release 9.4 (Seafoam Ocelot)");
    }
}
