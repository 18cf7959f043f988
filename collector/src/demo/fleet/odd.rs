//! Reports as they should not be: every collector gets some, and none of them may stop it or be lost.

use crate::store::InboxState;

/// What is wrong with a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Odd {
    /// Sealed for a key that the collector does not have.
    ForAnother,
    /// Bytes changed on the way.
    Damaged,
    /// Somebody changed it after the host had signed it.
    Forged,
    /// The host was installed anew and has made itself another key.
    OtherKey,
    /// The host signs, but this one it has not signed.
    NotSigned,
    /// The host claims to be at another site.
    Moved,
    /// The disk was full while it was written: the end is missing.
    Truncated,
    /// The package manager gave nothing.
    NoPackages,
    /// The administrator has not said which site it is.
    NoSite,
    /// The administrator has left the example in place; the officer rejects it and tells the site.
    Placeholder,
    /// The administrator has mistyped it.
    UnknownSite,
    /// The host lives in the day after tomorrow.
    ClockAhead,
}

impl Odd {
    pub(super) const ALL: [Odd; 12] = [
        Odd::ForAnother,
        Odd::Damaged,
        Odd::Forged,
        Odd::OtherKey,
        Odd::NotSigned,
        Odd::Moved,
        Odd::Truncated,
        Odd::NoPackages,
        Odd::NoSite,
        Odd::Placeholder,
        Odd::UnknownSite,
        Odd::ClockAhead,
    ];

    /// What becomes of it.
    pub(super) fn expected(self) -> InboxState {
        match self {
            Odd::ForAnother | Odd::Damaged => InboxState::Unreadable,
            Odd::Placeholder => InboxState::Rejected,
            _ => InboxState::Held,
        }
    }
}
