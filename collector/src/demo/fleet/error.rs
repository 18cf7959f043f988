//! Which step of filling a collector did not happen.

use report::sealed::KeyError;

use super::seal::SealingError;
use crate::access::sign_in::SecretError;
use crate::answers::AnswerError;
use crate::inbox_decision::DecisionError;
use crate::intake::IntakeError;
use crate::keys::KeysError;
use crate::reference::ReferenceError;
use crate::registry::DeclareError;
use crate::serve::ServeError;
use crate::store::StoreError;

/// Why the grid is not there.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// Somebody's hosts, or an earlier fleet.
    #[error(
        "{database} already holds {hosts} hosts and {reports} reports: an invented grid is filled into an empty \
         database only; name another with --folder or --database, or look at this one with `serve`"
    )]
    NotEmpty {
        /// Where, without a password.
        database: String,
        /// Hosts that are there.
        hosts: usize,
        /// Reports that are there.
        reports: i64,
    },
    /// The key that was made is not in its folder.
    #[error("the key that was made for the demo is not in its folder: choose another --folder")]
    NoKey,
    /// Something is missing or too many.
    #[error("{what}: expected {expected}, found {found}")]
    Count {
        /// What was counted.
        what: String,
        /// What was brought in.
        expected: usize,
        /// What is there.
        found: usize,
    },
    /// A page would have nothing to show.
    #[error("no host is {0}")]
    NoState(&'static str),
    /// A task ended early.
    #[error("stopped: {0}")]
    Stopped(String),
    /// A report.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The way in.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// Database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Keys on disk.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The invented registries.
    #[error(transparent)]
    Declare(#[from] DeclareError),
    /// The invented lists.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A decision on the inbox.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// Answers.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The link to the desk.
    #[error(transparent)]
    SignIn(#[from] SecretError),
    /// Serving.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Writing to the terminal.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}
