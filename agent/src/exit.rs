//! What a run ends with: sysexits that timers, cron and people can tell apart.

use crate::config::ConfigError;
use crate::packages::CollectError;
use crate::run::RunError;

/// Exit statuses (sysexits.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Delivered, or nothing to do.
    Done = 0,
    /// EX_DATAERR: the collector, or this program, refuses the report.
    Refused = 65,
    /// Anything else.
    Other = 70,
    /// EX_TEMPFAIL: spooled, will be delivered later.
    Later = 75,
    /// EX_CONFIG: somebody must change something.
    Configuration = 78,
}

impl From<&RunError> for Exit {
    fn from(error: &RunError) -> Self {
        match error {
            RunError::Config(_) | RunError::NoUrl | RunError::NoRecipient => Exit::Configuration,
            RunError::Input { .. } => Exit::Refused,
            _ => Exit::Other,
        }
    }
}

impl From<&ConfigError> for Exit {
    fn from(_: &ConfigError) -> Self {
        Exit::Configuration
    }
}

impl From<&CollectError> for Exit {
    fn from(_: &CollectError) -> Self {
        Exit::Other
    }
}
