//! The kinds of trouble that a report in the inbox may be in: words for programs, beside the reason for people.

use std::fmt;

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// Sealed for another key, or damaged on its way.
    NotOpened,
    /// What was inside the seal does not expand.
    Damaged,
    /// What was inside is no report text.
    NoReport,
    /// The text ends before its closing separator.
    Truncated,
    /// No package at all.
    NoPackages,
    /// No site.
    NoSite,
    /// A site that no registry can hold.
    SiteName,
    /// A site that no registry names.
    UnknownSite,
    /// Collected later than it came.
    ClockAhead,
    /// Changed after it was signed.
    BadSignature,
    /// Signed with another key than its host's.
    KeyChanged,
    /// Signed with the key of another site's hosts, or not signed and of the name of one.
    SiteChanged,
    /// Not signed, of a host that signs.
    SignatureMissing,
    /// Not signed, of a site whose hosts are to sign.
    Unsigned,
    /// The database refuses what it holds.
    Database,
}

impl Problem {
    /// Every kind.
    pub const ALL: [Problem; 15] = [
        Problem::NotOpened,
        Problem::Damaged,
        Problem::NoReport,
        Problem::Truncated,
        Problem::NoPackages,
        Problem::NoSite,
        Problem::SiteName,
        Problem::UnknownSite,
        Problem::ClockAhead,
        Problem::BadSignature,
        Problem::KeyChanged,
        Problem::SiteChanged,
        Problem::SignatureMissing,
        Problem::Unsigned,
        Problem::Database,
    ];

    /// The word in the database and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Problem::NotOpened => "not_opened",
            Problem::Damaged => "damaged",
            Problem::NoReport => "no_report",
            Problem::Truncated => "truncated",
            Problem::NoPackages => "no_packages",
            Problem::NoSite => "no_site",
            Problem::SiteName => "site_name",
            Problem::UnknownSite => "unknown_site",
            Problem::ClockAhead => "clock_ahead",
            Problem::BadSignature => "bad_signature",
            Problem::KeyChanged => "key_changed",
            Problem::SiteChanged => "site_changed",
            Problem::SignatureMissing => "signature_missing",
            Problem::Unsigned => "unsigned",
            Problem::Database => "database",
        }
    }

    /// Whether the trouble is with whoever sent the report: then it is that of all such reports of the same sender.
    #[must_use]
    pub fn is_of_a_sender(self) -> bool {
        matches!(
            self,
            Problem::BadSignature
                | Problem::KeyChanged
                | Problem::SiteChanged
                | Problem::SignatureMissing
                | Problem::Unsigned
        )
    }

    /// Whether the trouble is that a person has to say whether the sender is the host; a signature that is wrong names nobody.
    #[must_use]
    pub fn is_doubt(self) -> bool {
        self.is_of_a_sender() && self != Problem::BadSignature
    }

    /// The kind that a word stands for.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Problem::ALL.into_iter().find(|problem| problem.as_str() == word)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
