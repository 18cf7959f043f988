//! Why a report was not acknowledged: one word for each, as a label.

/// A reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not a sealed report.
    NotSealed,
    /// Changed on its way, or an unreadable digest.
    Digest,
    /// Larger than any report.
    TooLarge,
    /// A type that is not taken.
    MediaType,
    /// Readable text.
    PlainText,
    /// The connection ended within the body.
    Incomplete,
    /// The body took too long.
    Slow,
    /// Handed in, and no report text.
    NoReport,
    /// Handed in for a site by somebody who may not.
    NotAllowed,
    /// More than an address or a site may send in a minute.
    TooOften,
    /// Too much lies in the inbox unopened.
    Full,
    /// More on their way at once than there is memory for.
    Crowded,
    /// Not now: the database, or the program ends.
    Unavailable,
}

impl Refusal {
    /// Every reason.
    pub const ALL: [Refusal; 13] = [
        Refusal::NotSealed,
        Refusal::Digest,
        Refusal::TooLarge,
        Refusal::MediaType,
        Refusal::PlainText,
        Refusal::Incomplete,
        Refusal::Slow,
        Refusal::NoReport,
        Refusal::NotAllowed,
        Refusal::TooOften,
        Refusal::Full,
        Refusal::Crowded,
        Refusal::Unavailable,
    ];

    /// The label's value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::NotSealed => "not_sealed",
            Refusal::Digest => "digest",
            Refusal::TooLarge => "too_large",
            Refusal::MediaType => "media_type",
            Refusal::PlainText => "plain_text",
            Refusal::Incomplete => "incomplete",
            Refusal::Slow => "slow",
            Refusal::NoReport => "no_report",
            Refusal::NotAllowed => "not_allowed",
            Refusal::TooOften => "too_often",
            Refusal::Full => "full",
            Refusal::Crowded => "crowded",
            Refusal::Unavailable => "unavailable",
        }
    }
}
