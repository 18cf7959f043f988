//! From sealed bytes to what they say: opened, expanded, read, and doubted where a claim cannot be true.

use jiff::Timestamp;
use report::compression::{self, CompressionError};
use report::hash::Hash;
use report::report::Header;
use report::sealed::{self, OpenError, OpeningKey};
use report::site::{self, SiteError};
use report::text::{self, PackageSection, TextError};

/// A report's clock may be so far ahead of ours, in seconds; beyond it the host's present could not be told from its future.
const CLOCK_AHEAD: i64 = 86_400;

/// The report text inside sealed bytes, or the text itself where a legacy host sent it plain.
///
/// # Errors
/// [`Unreadable`] with the reason for the inbox.
pub fn unseal(body: &[u8], keys: &[OpeningKey]) -> Result<Vec<u8>, Unreadable> {
    // A report text begins with a separator line, DER never does.
    let content = if body.starts_with(b"#") { body.to_vec() } else { sealed::open(body, keys)? };
    Ok(compression::expand(content)?)
}

/// What a report claims, checked as far as it can be without other reports.
#[derive(Debug)]
pub struct Claim<'a> {
    /// The header lines.
    pub header: Header<'a>,
    /// The site, a name that a registry could hold.
    pub site: &'a str,
    /// When the packages were read; for legacy reports when they came.
    pub collected: Timestamp,
    /// The package lines, whole but not yet parsed.
    pub packages: PackageSection<'a>,
}

/// Reads what a report claims.
///
/// # Errors
/// [`Unreadable`]; [`Unreadable::is_held`] tells claims that a person may decide on from bytes that say nothing.
pub fn read(text: &[u8], received: Timestamp) -> Result<Claim<'_>, Unreadable> {
    let (header, packages) = text::read_header(text)?;
    let site = match header.site {
        Some(std::borrow::Cow::Borrowed(site)) => site,
        _ => return Err(Unreadable::NoSite),
    };
    site::check(site).map_err(Unreadable::Site)?;
    let collected = header.collected.unwrap_or(received);
    if collected.as_second() - received.as_second() > CLOCK_AHEAD {
        return Err(Unreadable::ClockAhead { collected, received });
    }
    Ok(Claim { site, collected, packages, header })
}

impl Claim<'_> {
    /// The header lines that describe the host, as stored: all but its identity and the time.
    #[must_use]
    pub fn facts_text(&self) -> String {
        let mut text = format!("packager: {}\n", self.header.packager);
        for (name, value) in &self.header.facts {
            text.extend([name, ": ", value, "\n"]);
        }
        text
    }

    /// The packages and the hash that names their list whatever form they came in.
    ///
    /// # Errors
    /// [`Unreadable`] with the line that is no package, or when there is none at all.
    pub fn package_list(&self) -> Result<(Hash, Vec<report::package::Package<'_>>), Unreadable> {
        let packages = self.packages.parse()?;
        if packages.is_empty() {
            return Err(Unreadable::NoPackages);
        }
        Ok((text::list_hash(self.header.packager, &packages)?, packages))
    }
}

/// Why a report cannot become part of a host's history; it stays sealed in the inbox with this reason.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The seal does not open.
    #[error("{0}")]
    Seal(#[from] OpenError),
    /// What was inside does not expand.
    #[error("{0}")]
    Compression(#[from] CompressionError),
    /// The text is not a whole report.
    #[error("{0}")]
    Text(#[from] TextError),
    /// No package at all: the collection failed on the host, and its last state stands.
    #[error("no packages: the host's package manager gave nothing, its last state stands")]
    NoPackages,
    /// No site.
    #[error("no `site:` header: the host must be told its site")]
    NoSite,
    /// A site that no registry can hold.
    #[error("{0}")]
    Site(SiteError),
    /// The host's clock.
    #[error("the host's clock is ahead: collected {collected}, received {received}")]
    ClockAhead {
        /// What the report says.
        collected: Timestamp,
        /// When it came.
        received: Timestamp,
    },
    /// The database refuses what the report holds.
    #[error("the database refuses it: {0}")]
    Store(String),
}

impl Unreadable {
    /// Whether the report was read, but is not believed as it is.
    #[must_use]
    pub fn is_held(&self) -> bool {
        match self {
            Unreadable::NoPackages | Unreadable::NoSite | Unreadable::Site(_) | Unreadable::ClockAhead { .. } => true,
            Unreadable::Text(error) => error.is_truncated(),
            Unreadable::Seal(_) | Unreadable::Compression(_) | Unreadable::Store(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "#\ncollected: 2026-01-31T04:05:06Z\nhost: a\npackager: rpm\nsite: CERN-PROD\nversion: 1\n#\nbash\t0:5-1\tx\n#\n";

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn a_claim_is_read_and_doubted() {
        let claim = read(TEXT.as_bytes(), at("2026-01-31T05:00:00Z")).unwrap();
        assert_eq!((claim.site, claim.facts_text().as_str()), ("CERN-PROD", "packager: rpm\n"));
        assert_eq!(claim.package_list().unwrap().1.len(), 1);

        let early = read(TEXT.as_bytes(), at("2026-01-29T00:00:00Z")).unwrap_err();
        assert!(early.is_held() && early.to_string().contains("clock is ahead"), "{early}");
        for (from, to, reason) in [
            ("site: CERN-PROD\n", "", "no `site:`"),
            ("CERN-PROD", "MY-SITE", "placeholder"),
            ("x\n#\n", "x\n", "truncated"),
        ] {
            let changed = TEXT.replace(from, to);
            let refused = read(changed.as_bytes(), at("2026-01-31T05:00:00Z")).unwrap_err();
            assert!(refused.is_held() && refused.to_string().contains(reason), "{refused}");
        }
        let none = TEXT.replace("bash\t0:5-1\tx\n", "");
        let claim = read(none.as_bytes(), at("2026-01-31T05:00:00Z")).unwrap();
        assert!(matches!(claim.package_list(), Err(Unreadable::NoPackages)));
    }
}
