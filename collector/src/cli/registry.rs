//! Registries of sites on the command line.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

/// Registries of sites.
#[derive(Debug, Subcommand)]
pub enum Registry {
    /// Take a registry's sites from a file that was fetched, in the place of those it had; the kind is recognised
    Import {
        /// GOCDB's get_site or get_site_list, CRIC's rcsite/query/?json or OSG's rgsummary/xml; - for standard input
        file: PathBuf,
        /// Which registry it is of [default: told from the file]
        #[arg(long, value_enum, value_name = "KIND")]
        kind: Option<RegistryKind>,
    },
    /// Every site that a registry names or that is declared
    List,
    /// Declare a site that is in no registry, such as a testbed; again with other values to change it
    Declare {
        /// Name of the site, as its hosts report it
        name: String,
        /// Country, two letters
        #[arg(long)]
        country: Option<String>,
        /// Tier, 0 to 3
        #[arg(long)]
        tier: Option<String>,
        /// Mail address of its administrators; may be repeated
        #[arg(long, value_name = "MAIL")]
        contact: Vec<String>,
        /// Mail address of its security team; may be repeated
        #[arg(long, value_name = "MAIL")]
        security: Vec<String>,
        /// Network of its hosts, such as 192.0.2.0/24; may be repeated
        #[arg(long, value_name = "PREFIX")]
        network: Vec<String>,
    },
    /// Take a declaration back; what a registry says of the site stays
    Forget {
        /// Name of the site
        name: String,
    },
    /// Take back all that was imported from a registry
    Remove {
        /// Which one
        #[arg(value_enum)]
        kind: RegistryKind,
    },
}

/// Kinds of registries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RegistryKind {
    /// GOCDB, XML
    Gocdb,
    /// CRIC, JSON
    Cric,
    /// OSG topology, XML
    Osg,
}
