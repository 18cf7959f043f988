//! Campaigns on the command line.

use clap::Subcommand;

/// Campaigns.
#[derive(Debug, Subcommand)]
pub enum Campaign {
    /// Every campaign with its numbers, the newest first
    List,
    /// How far each site is, those of most concern first
    Show {
        /// Name of the campaign, or its number
        name: String,
    },
}
