//! Kernels: their releases over the year, the packages that each consists of, and what `uname -r` says when it runs.

use std::borrow::Cow;

use report::package::Package;

use super::system::Os;

/// The first kernel came out so many days before the year began.
const EARLIER: i32 = 90;

/// The number of the kernel that is current on `day`; the first is 0.
pub(super) fn current(os: Os, day: i32) -> u8 {
    u8::try_from((day + EARLIER).max(0) / distance(os)).unwrap_or(u8::MAX)
}

/// What `uname -r` says when kernel `number` runs.
pub(super) fn running(os: Os, number: u8) -> String {
    match os {
        Os::El8 | Os::El9 => format!("{}.x86_64", version(os, number)),
        Os::Debian12 => format!("6.1.0-{}-amd64", 20 + number),
        Os::Ubuntu2404 => format!("6.8.0-{}-generic", 36 + 2 * u32::from(number)),
    }
}

/// The packages of the kernels `installed`, oldest first, and those that exist once and follow the newest.
pub(super) fn packages(os: Os, installed: &[u8]) -> Vec<Package<'static>> {
    let mut packages = Vec::new();
    let mut add = |name: Cow<'static, str>, version: &str| {
        let arch = if os.packager() == report::package::Packager::Rpm { "x86_64" } else { "amd64" };
        let version = Cow::Owned(version.to_owned());
        packages.push(Package { name, version, arch: arch.into(), packager: os.packager() });
    };
    for number in installed {
        let release = running(os, *number);
        let version = version(os, *number);
        match os {
            Os::El8 | Os::El9 => {
                let parts = ["kernel", "kernel-core", "kernel-modules", "kernel-modules-core"];
                let parts = parts.get(..if os == Os::El8 { 3 } else { 4 }).unwrap_or_default();
                for part in parts {
                    add((*part).into(), &format!("0:{version}"));
                }
            }
            Os::Debian12 => add(format!("linux-image-{release}").into(), &version),
            Os::Ubuntu2404 => {
                for part in ["image", "modules", "modules-extra"] {
                    add(format!("linux-{part}-{release}").into(), &version);
                }
            }
        }
    }
    let Some(newest) = installed.last().map(|number| version(os, *number)) else { return packages };
    match os {
        Os::El8 | Os::El9 => {
            for once in ["kernel-headers", "kernel-tools", "kernel-tools-libs"] {
                add(once.into(), &format!("0:{newest}"));
            }
        }
        Os::Debian12 => add("linux-image-amd64".into(), &newest),
        Os::Ubuntu2404 => add("linux-image-generic".into(), &newest),
    }
    packages
}

fn version(os: Os, number: u8) -> String {
    let number = u32::from(number);
    let day = i32::try_from(number).unwrap_or_default() * distance(os) - EARLIER;
    match os {
        Os::El8 => format!("4.18.0-553.{}.1.el8_10", 5 + 3 * number),
        Os::El9 => {
            let minor = os.minor(day);
            let base = match minor {
                4 => 427,
                5 => 503,
                _ => 570,
            };
            format!("5.14.0-{base}.{}.1.el9_{minor}", 13 + 3 * number)
        }
        Os::Debian12 => format!("6.1.{}-1", 80 + 4 * number),
        Os::Ubuntu2404 => format!("6.8.0-{0}.{0}", 36 + 2 * number),
    }
}

/// Days from one kernel to the next.
fn distance(os: Os) -> i32 {
    match os {
        Os::El8 => 24,
        Os::El9 => 18,
        Os::Debian12 => 36,
        Os::Ubuntu2404 => 28,
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;

    #[test]
    fn kernels_only_rise_and_the_running_one_is_found_among_the_installed() {
        for os in Os::ALL {
            for number in 0..current(os, 365) {
                let order = report::version::compare(os.packager(), &version(os, number), &version(os, number + 1));
                assert_eq!(order, Ordering::Less, "{os:?} {number}");
                let installed = packages(os, &[number, number + 1]);
                let runs = running(os, number);
                let named = |package: &Package<'_>| {
                    let of_rpm = package.version.strip_prefix("0:").map(|version| format!("{version}.x86_64"));
                    package.name.ends_with(&runs) || of_rpm.as_deref() == Some(runs.as_str())
                };
                assert!(installed.iter().any(named), "{os:?} {runs}: {installed:?}");
            }
        }
    }
}
