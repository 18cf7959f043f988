//! From sealed bytes to what they say: opened, expanded, read, and doubted where a claim cannot be true.

use jiff::Timestamp;
use report::compression::{self, CompressionError};
use report::hash::Hash;
use report::report::Header;
use report::sealed::{self, KeyAway, NotOpened, OpenError, OpeningKey, SignatureError, Signer};
use report::site::{self, SiteError};
use report::text::{self, PackageSection, TextError};

use crate::problem::Problem;
use crate::sender::Doubt;
use crate::store::InboxState;

/// A report's clock may be so far ahead of ours, in seconds; beyond it the host's present could not be told from its future.
const CLOCK_AHEAD: i64 = 86_400;

/// What was inside sealed bytes.
#[derive(Debug)]
pub struct Unsealed {
    /// The report text.
    pub text: Vec<u8>,
    /// Who signed it, if it is signed.
    pub signer: Option<Signer>,
}

/// The report text inside sealed bytes, or the text itself where a legacy host sent it plain, and who signed it; `buffer` is
/// memory that the text may have.
///
/// # Errors
/// [`NotUnsealed`].
pub fn unseal(body: &[u8], keys: &[OpeningKey], buffer: Vec<u8>) -> Result<Unsealed, NotUnsealed> {
    // A report text begins with a separator line, DER never does.
    let content = if body.starts_with(b"#") { Ok(body.to_vec()) } else { sealed::open(body, keys) };
    let content = content.map_err(|reason| match reason {
        NotOpened::Never(reason) => {
            NotUnsealed::SetAside(SetAside { reason: reason.into(), claimed: Claimed::default() })
        }
        NotOpened::KeyAway(away) => NotUnsealed::Waits(away),
    })?;
    Ok(read_content(content, buffer)?)
}

fn read_content(content: Vec<u8>, buffer: Vec<u8>) -> Result<Unsealed, SetAside> {
    let (content, signer) = match sealed::verify(&content) {
        Ok(Some((content, signer))) => (content, Some(signer)),
        Ok(None) => (content, None),
        Err(reason) => {
            let claimed = sealed::unverified(&content).map_or_else(Claimed::default, |(content, signer)| {
                Claimed::by(&compression::expand(content).unwrap_or_default(), Some(&signer))
            });
            return Err(SetAside { reason: Unreadable::Signature(reason), claimed });
        }
    };
    match compression::expand_into(content, buffer) {
        Ok(text) => Ok(Unsealed { text, signer }),
        Err(reason) => Err(SetAside { reason: reason.into(), claimed: Claimed::by(b"", signer.as_ref()) }),
    }
}

/// Why sealed bytes are not open.
#[derive(Debug)]
pub enum NotUnsealed {
    /// They never will be, as they are.
    SetAside(SetAside),
    /// They are sealed for a key that cannot be used now.
    Waits(KeyAway),
}

impl From<SetAside> for NotUnsealed {
    fn from(aside: SetAside) -> Self {
        NotUnsealed::SetAside(aside)
    }
}

/// A report that does not become history: it stays sealed in the inbox.
#[derive(Debug)]
pub struct SetAside {
    /// Why.
    pub reason: Unreadable,
    /// What it says of itself.
    pub claimed: Claimed,
}

/// What a report says of itself that is not believed: for people who look for it in the inbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claimed {
    /// The site; empty when it names none that a registry could hold.
    pub site: String,
    /// The host; empty when it cannot be seen.
    pub host: String,
    /// The key that signed it, as in [`Signer::key`]; empty when it is not signed.
    pub sender: String,
}

impl Claimed {
    /// Looks for site and host in a text that need not be a report.
    #[must_use]
    pub fn by(text: &[u8], signer: Option<&Signer>) -> Self {
        let header = text.get(..text.len().min(MOST_HEADER)).unwrap_or_default();
        let header = String::from_utf8_lossy(header);
        let lines = || header.lines().skip(1).take_while(|line| line.trim_end() != "#");
        let value = |name: &str| {
            let value = lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default();
            value.split_whitespace().next().unwrap_or_default().to_owned()
        };
        let (site, host) = if header.starts_with('#') { (value("site"), value("host")) } else { Default::default() };
        let sender = signer.map(|signer| signer.key.to_string()).unwrap_or_default();
        Claimed { site: if site::check(&site).is_ok() { site } else { String::new() }, host, sender }
    }
}

/// Most bytes of a text that are searched for what it claims.
const MOST_HEADER: usize = 64 * 1024;

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
/// [`Unreadable`]; [`Unreadable::state`] tells claims that a person may decide on from bytes that say nothing.
pub fn read(text: &[u8], received: Timestamp, now: Timestamp) -> Result<Claim<'_>, Unreadable> {
    let (header, packages) = text::read_header(text)?;
    let site = match header.site {
        Some(std::borrow::Cow::Borrowed(site)) => site,
        _ => return Err(Unreadable::NoSite),
    };
    site::check(site).map_err(Unreadable::Site)?;
    let collected = header.collected.unwrap_or(received);
    // Our own clock may have been behind when it was received: what is past by now can be believed when it is tried again.
    if collected.as_second() - received.max(now).as_second() > CLOCK_AHEAD {
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
    /// Something was changed after it was signed.
    #[error("{0}")]
    Signature(SignatureError),
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
    /// A site that no registry names.
    #[error(
        "site {site:?} is in no registry and not declared{near}: correct the host's site, import a registry that names it, or `registry declare {site}`"
    )]
    UnknownSite {
        /// The site.
        site: String,
        /// Names near to it, for people: empty, or `; near to it: CERN-PROD`.
        near: String,
    },
    /// The host's clock.
    #[error("the host's clock is ahead: collected {collected}, received {received}")]
    ClockAhead {
        /// What the report says.
        collected: Timestamp,
        /// When it came.
        received: Timestamp,
    },
    /// Nobody can tell that it is its host's.
    #[error("{0}")]
    Sender(Box<Doubt>),
    /// The database refuses what the report holds.
    #[error("the database refuses it: {0}")]
    Store(String),
}

impl Unreadable {
    /// The kind of trouble.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Unreadable::Seal(_) => Problem::NotOpened,
            Unreadable::Signature(_) => Problem::BadSignature,
            Unreadable::Compression(_) => Problem::Damaged,
            Unreadable::Text(error) if error.is_truncated() => Problem::Truncated,
            Unreadable::Text(_) => Problem::NoReport,
            Unreadable::NoPackages => Problem::NoPackages,
            Unreadable::NoSite => Problem::NoSite,
            Unreadable::Site(_) => Problem::SiteName,
            Unreadable::UnknownSite { .. } => Problem::UnknownSite,
            Unreadable::ClockAhead { .. } => Problem::ClockAhead,
            Unreadable::Sender(doubt) => doubt.problem(),
            Unreadable::Store(_) => Problem::Database,
        }
    }

    /// Where the report goes: held when it was read, but is not believed as it is.
    #[must_use]
    pub fn state(&self) -> InboxState {
        match self {
            Unreadable::Seal(_) | Unreadable::Compression(_) | Unreadable::Store(_) => InboxState::Unreadable,
            Unreadable::Text(error) if !error.is_truncated() => InboxState::Unreadable,
            Unreadable::Sender(doubt) => doubt.state(),
            _ => InboxState::Held,
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
        let now = at("2026-01-31T05:00:00Z");
        let claim = read(TEXT.as_bytes(), now, now).unwrap();
        assert_eq!((claim.site, claim.facts_text().as_str()), ("CERN-PROD", "packager: rpm\n"));
        assert_eq!(claim.package_list().unwrap().1.len(), 1);

        let behind = at("2026-01-29T00:00:00Z");
        assert!(read(TEXT.as_bytes(), behind, now).is_ok(), "our own clock was behind, and is right again");
        let early = read(TEXT.as_bytes(), behind, behind).unwrap_err();
        assert!(early.state() == InboxState::Held && early.to_string().contains("clock is ahead"), "{early}");
        for (from, to, reason) in [
            ("site: CERN-PROD\n", "", "no `site:`"),
            ("CERN-PROD", "MY-SITE", "placeholder"),
            ("x\n#\n", "x\n", "truncated"),
        ] {
            let changed = TEXT.replace(from, to);
            let refused = read(changed.as_bytes(), now, now).unwrap_err();
            assert!(refused.state() == InboxState::Held && refused.to_string().contains(reason), "{refused}");
        }
        let none = TEXT.replace("bash\t0:5-1\tx\n", "");
        let claim = read(none.as_bytes(), now, now).unwrap();
        assert!(matches!(claim.package_list(), Err(Unreadable::NoPackages)));
    }

    #[test]
    fn what_is_claimed_is_found_in_broken_texts_and_nothing_else_is() {
        let claimed = |text: &[u8]| {
            let Claimed { site, host, sender } = Claimed::by(text, None);
            assert_eq!(sender, "");
            (site, host)
        };
        let is = |site: &str, host: &str| (site.to_owned(), host.to_owned());
        assert_eq!(claimed(TEXT.as_bytes()), is("CERN-PROD", "a"));
        assert_eq!(claimed(&TEXT.as_bytes()[..60]), is("", "a"), "cut in the header");
        assert_eq!(claimed(b"#\r\nhost: a b\r\nsite: <b>\r\n#\r\nsite: CERN-PROD\n"), is("", "a"));
        assert_eq!(claimed(b"\xff\xfehost: a\nsite: CERN-PROD\n"), is("", ""));
        assert_eq!(claimed(&[b'#'; 200_000]), is("", ""));
    }
}
