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
    let host = config.host.clone().unwrap_or_else(|| text(kernel.nodename()));
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
        host: Cow::Owned(without_control(&host)),
        site: Some(Cow::Owned(site.to_owned())),
        packager,
        collected: Some(collected),
        facts,
    }
}

/// The name that the host was given by its administrator, for a stable hour in cron.
#[must_use]
pub fn name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
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

fn without_control(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
