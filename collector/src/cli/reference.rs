//! Reference lists on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Reference lists.
#[derive(Debug, Subcommand)]
pub enum Reference {
    /// Take a list from a TOML or CSV file; a list of the same name gets a new version
    Import {
        /// The file, or - for TOML from standard input
        file: PathBuf,
        /// Name of a list that comes as CSV [default: the file's]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Why, for those who look at the versions later
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
    },
    /// The lists and their versions: who brought each, when and why
    List,
    /// What differs between two versions of a list
    Diff {
        /// The list
        name: String,
        /// Number of the earlier version [default: the one before the later]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
        from: Option<i64>,
        /// Number of the later version [default: the newest]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
        to: Option<i64>,
    },
    /// Take minimum versions from repository metadata on disk: prints the list with them, or stores it with --import
    FromRepository(FromRepository),
    /// Print the current lists: TOML, or CSV and JSON by --format
    Export {
        /// Only this list
        name: Option<String>,
    },
}

/// Minimum versions from a repository.
#[derive(Debug, Args)]
pub struct FromRepository {
    /// primary.xml, repomd.xml, a repository's folder, or Packages; packed with gzip, zstd or xz, or not
    pub file: PathBuf,
    /// The list that is updated, or made
    #[arg(long, value_name = "LIST")]
    pub name: String,
    /// The product that the packages belong to
    #[arg(long)]
    pub product: String,
    /// A package whose newest version becomes the minimum, * and ? allowed; may be repeated
    #[arg(long, value_name = "NAME", required = true)]
    pub package: Vec<String>,
    /// The system that the repository is for, such as el9 or debian12 [default: every system]
    #[arg(long)]
    pub os: Option<String>,
    /// Store the result as a new version of the list
    #[arg(long)]
    pub import: bool,
    /// Why, for those who look at the versions later
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub note: String,
}
