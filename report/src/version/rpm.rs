//! The order of rpm versions, EPOCH:VERSION-RELEASE (rpm-version(7)), segment by segment by the `rpm-version` crate.

use std::cmp::Ordering;

use rpm_version::Evr;

use super::parts;

/// Compares `[EPOCH:]VERSION[-RELEASE]` as rpm's `rpmverCmp` does: a missing epoch is 0, a missing release before any.
#[must_use]
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left_epoch, left_version, left_release) = parts(left);
    let (right_epoch, right_version, right_release) = parts(right);
    segment(left_epoch.unwrap_or("0"), right_epoch.unwrap_or("0"))
        .then_with(|| segment(left_version, right_version))
        .then_with(|| match (left_release, right_release) {
            (Some(left), Some(right)) => segment(left, right),
            (left, right) => left.is_some().cmp(&right.is_some()),
        })
}

fn segment(left: &str, right: &str) -> Ordering {
    Evr::new("", left, "").cmp(&Evr::new("", right, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_tildes_and_carets_have_their_meaning() {
        for (less, more) in [
            ("0:9.9-1", "1:0.1-1"),
            ("9.9-1", "1:0.1-1"),
            ("1.0~rc1-1", "1.0-1"),
            ("1.0-1", "1.0^git1-1"),
            ("1.0^git1-1", "1.0.1-1"),
            ("1.0~rc1^git1-1", "1.0-1"),
            ("1.9-1", "1.10-1"),
            ("1.a-1", "1.1-1"),
            ("1.0-1.el9", "1.0-1.el9_4"),
            ("1.0", "1.0-1"),
        ] {
            assert_eq!(compare(less, more), Ordering::Less, "{less} {more}");
            assert_eq!(compare(more, less), Ordering::Greater, "{more} {less}");
        }
        assert_eq!(compare("1.05-1", "0:1.5-1"), Ordering::Equal);
    }
}
