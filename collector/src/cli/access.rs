//! People and programs on the command line: roles and tokens.

use clap::{Subcommand, ValueEnum};

/// Roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Sees and changes everything
    Officer,
    /// Sees everything
    Reader,
    /// Sees its own sites
    Site,
}

/// API tokens.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token and print it: this once, only its hash is kept
    New {
        /// What it is for, as the audit log will show it
        #[arg(long, value_name = "NAME")]
        name: String,
        /// What it may do
        #[arg(long, value_enum)]
        role: RoleName,
        /// A site that role `site` sees; may be repeated
        #[arg(long, value_name = "SITE")]
        site: Vec<String>,
        /// For how many days it holds
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
    },
    /// Every token, never its secret
    List,
    /// End a token for good
    Revoke {
        /// Its number in `token list`
        id: i64,
    },
}
