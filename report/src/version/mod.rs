//! The order of versions, each distribution's own.

pub mod deb;
pub mod rpm;

use std::cmp::Ordering;

use crate::package::Packager;

/// Compares two full versions of one package manager; a missing epoch is 0 in both.
#[must_use]
pub fn compare(packager: Packager, left: &str, right: &str) -> Ordering {
    match packager {
        Packager::Dpkg => deb::compare(left, right),
        Packager::Rpm => rpm::compare(left, right),
    }
}

/// Compares an installed version with one a person asked for: what the person leaves out (epoch, release, revision) is not compared.
///
/// So `xrootd-server < 5.6.4` finds `1:5.6.3-1.el9`, and `= 5.6.4` every rebuild of it.
#[must_use]
pub fn compare_with_query(packager: Packager, installed: &str, asked: &str) -> Ordering {
    let (installed_epoch, installed_version, installed_release) = parts(installed);
    let (asked_epoch, asked_version, asked_release) = parts(asked);
    let epoch = match asked_epoch {
        Some(asked) => compare(packager, installed_epoch.unwrap_or("0"), asked),
        None => Ordering::Equal,
    };
    epoch.then_with(|| compare(packager, installed_version, asked_version)).then_with(|| match asked_release {
        Some(asked) => compare(packager, installed_release.unwrap_or("0"), asked),
        None => Ordering::Equal,
    })
}

/// Epoch, version and release or revision; the last hyphen parts them in both managers' versions.
fn parts(version: &str) -> (Option<&str>, &str, Option<&str>) {
    let (epoch, rest) = match version.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (Some(epoch), rest),
        _ => (None, version),
    };
    match rest.rsplit_once('-') {
        Some((version, release)) => (epoch, version, Some(release)),
        None => (epoch, rest, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_is_not_compared() {
        let rpm = |installed, asked| compare_with_query(Packager::Rpm, installed, asked);
        assert_eq!(rpm("1:5.6.3-1.el9", "5.6.4"), Ordering::Less);
        assert_eq!(rpm("1:5.6.4-2.el9", "5.6.4"), Ordering::Equal);
        assert_eq!(rpm("1:5.6.4-2.el9", "5.6.4-3.el9"), Ordering::Less);
        assert_eq!(rpm("0:5.6.9-1.el9", "1:5.6.4"), Ordering::Less);
        assert_eq!(compare_with_query(Packager::Dpkg, "5.2.15-2+b2", "5.2.15"), Ordering::Equal);
        assert_eq!(compare_with_query(Packager::Dpkg, "2:1.0-1", "1:9"), Ordering::Greater);
    }
}
