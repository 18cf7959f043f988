//! The inbox on the command line.

use clap::Subcommand;

/// What to do with the inbox.
#[derive(Debug, Subcommand)]
pub enum Inbox {
    /// Reports, newest first
    List {
        /// waiting, opened, held, unreadable or rejected [default: all]
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 1000)]
        limit: u32,
    },
    /// Write the sealed bytes of a report to standard output
    Show {
        /// Hash of the report
        report: String,
    },
    /// Believe a held report: its host is known by that key, or may go without one, from now on; an unknown site is declared
    Approve {
        /// Hash of the report
        report: String,
    },
    /// Decide that a held or unreadable report never counts, with all that is held of the same sender for the same trouble
    Reject {
        /// Hash of the report
        report: String,
        /// Why, for those who ask later
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Let held and unreadable reports wait again, after a key was added
    Retry {
        /// Hash of the report [default: all of them]
        report: Option<String>,
    },
}
