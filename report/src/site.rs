//! Which texts may name a site, shared by the host that claims one and the collector that believes it.

/// Longest site name, in bytes; the longest in GOCDB has 39.
pub const MAX_LENGTH: usize = 100;

/// Checks a site name: 1 to 100 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit, and no placeholder.
///
/// # Errors
/// [`SiteError`] says what is wrong and what to do.
pub fn check(name: &str) -> Result<(), SiteError> {
    if name.is_empty() {
        return Err(SiteError::Missing);
    }
    if PLACEHOLDERS.iter().any(|placeholder| name.eq_ignore_ascii_case(placeholder)) {
        return Err(SiteError::Placeholder(name.to_owned()));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if name.len() > MAX_LENGTH || !begins_well || !name.bytes().all(allowed) {
        return Err(SiteError::NotAllowed(name.escape_debug().to_string()));
    }
    Ok(())
}

/// What people leave in place when they copy an example.
const PLACEHOLDERS: [&str; 8] =
    ["MY-SITE", "MY_SITE", "MYSITE", "YOUR-SITE", "YOUR_SITE", "SITE", "SITE-NAME", "EXAMPLE-SITE"];

/// Why a text cannot name a site.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SiteError {
    /// No name at all.
    #[error(
        "no site name: give your site's name in GOCDB or OSG Topology with --site NAME, or as `site` in the configuration"
    )]
    Missing,
    /// A name copied from an example.
    #[error(
        "site name {0:?} is a placeholder: put your site's name in GOCDB or OSG Topology in its place, such as CERN-PROD"
    )]
    Placeholder(String),
    /// Characters or length that no registry uses.
    #[error(
        "site name \"{0}\" is not allowed: use 1 to 100 letters, digits, '.', '_' or '-', beginning with a letter or digit"
    )]
    NotAllowed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_the_registries_pass() {
        for name in [
            "CERN-PROD",
            "T2_CH_CERN",
            "UKI-NORTHGRID-MAN-HEP",
            "praguelcg2",
            "SARA-MATRIX",
            "NIKHEF-ELPROD",
            "wuppertalprod",
            "ru-PNPI",
        ] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn placeholders_are_told_from_names() {
        assert!(matches!(check(""), Err(SiteError::Missing)));
        for name in ["MY-SITE", "my-site", "YOUR_SITE"] {
            assert!(matches!(check(name), Err(SiteError::Placeholder(_))), "{name}");
        }
    }

    #[test]
    fn characters_that_a_shell_a_page_or_a_spreadsheet_reads_are_refused() {
        for name in ["a b", "a'b", "=A", "-a", "a\nb", "a;b", "a%b", "é", "<b>", &"x".repeat(101)] {
            assert!(matches!(check(name), Err(SiteError::NotAllowed(_))), "{name:?}");
        }
    }
}
