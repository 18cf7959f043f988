//! The command line, as people and units call it.

mod access;
mod campaign;
mod inbox;
mod keys;
mod purge;
mod reference;
mod registry;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use access::{RoleName, Token};
pub use campaign::Campaign;
pub use inbox::Inbox;
pub use keys::{KeyKindName, Keys};
pub use purge::Purge;
pub use reference::{FromRepository, Reference};
pub use registry::{Registry, RegistryKind};

/// Receives sealed package reports of grid hosts, keeps every host's history and shows who is behind.
#[derive(Debug, Parser)]
#[command(name = "wlcg-package-collector", version, max_term_width = 100)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub options: Options,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that may stand before or after the command.
#[derive(Debug, Args)]
pub struct Options {
    /// Configuration file [default: /etc/wlcg-package-collector/config.toml when it exists]
    #[arg(long, global = true, value_name = "FILE", env = "WLCG_PACKAGE_COLLECTOR_CONFIG")]
    pub config: Option<PathBuf>,
    /// Database: sqlite:PATH (made when new) or mysql://USER:PASSWORD@HOST/DATABASE
    #[arg(long, global = true, value_name = "URL", env = "WLCG_PACKAGE_COLLECTOR_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// PEM file with a private key and its certificate, to open reports with; may be repeated
    #[arg(long, global = true, value_name = "FILE", env = "WLCG_PACKAGE_COLLECTOR_KEY", value_delimiter = ':')]
    pub key: Vec<PathBuf>,
    /// Form of answers
    #[arg(long, global = true, value_enum, default_value_t = FormatName::Table, env = "WLCG_PACKAGE_COLLECTOR_FORMAT")]
    pub format: FormatName,
}

/// Forms of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// For people.
    Table,
    /// For programs: an array of objects.
    Json,
    /// For spreadsheets: RFC 4180.
    Csv,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Receive, open and show: all roles on one address unless switched off
    Serve(Serve),
    /// Open what waits in the inbox, with the key, from anywhere that reaches the database
    Open {
        /// End when nothing waits any more
        #[arg(long)]
        once: bool,
    },
    /// Recipient key pairs and certificates
    #[command(subcommand)]
    Keys(Keys),
    /// Reference lists
    #[command(subcommand)]
    Reference(Reference),
    /// Sites as registries know them: whose reports are believed, whom to write to, where their hosts are
    #[command(subcommand)]
    Registry(Registry),
    /// Every host with its last report
    Hosts {
        /// Only this site
        #[arg(long, value_name = "SITE")]
        site: Option<String>,
        /// As it was: 2026-01-31 (the end of that day, UTC) or RFC 3339
        #[arg(long, value_name = "DATE")]
        at: Option<String>,
    },
    /// How a host changed over time
    History(HostName),
    /// What differs between two dates of a host, or between two hosts
    Diff {
        /// The host
        host: String,
        /// Another host to compare it with
        other: Option<String>,
        /// First date [default: the one before the last change]
        #[arg(long, value_name = "DATE")]
        from: Option<String>,
        /// Second date [default: now]
        #[arg(long, value_name = "DATE")]
        to: Option<String>,
        /// The site, when several have a host of that name
        #[arg(long, value_name = "SITE")]
        site: Option<String>,
    },
    /// Which hosts have a package: 'xrootd-server < 5.6.4', names with * and ?
    Who {
        /// PACKAGE or 'PACKAGE OP VERSION', OP one of < <= = != >= >
        question: String,
        /// As it was: 2026-01-31 (the end of that day, UTC) or RFC 3339
        #[arg(long, value_name = "DATE")]
        at: Option<String>,
        /// Only this site
        #[arg(long, value_name = "SITE")]
        site: Option<String>,
    },
    /// Hosts against the reference lists: compliant, behind, blocked or unknown, with the reason
    Compare {
        /// Only this site
        #[arg(long, value_name = "SITE")]
        site: Option<String>,
        /// Only this product
        #[arg(long, value_name = "PRODUCT")]
        product: Option<String>,
        /// As it was: 2026-01-31 (the end of that day, UTC) or RFC 3339
        #[arg(long, value_name = "DATE")]
        at: Option<String>,
        /// By the lists of another day than the one looked at: a date, or `now` for those of today
        #[arg(long, value_name = "DATE")]
        list_of: Option<String>,
    },
    /// Campaigns and how far their sites are
    #[command(subcommand)]
    Campaign(Campaign),
    /// Send the mails and webhook events that officers have approved, from anywhere that reaches the database
    Mail {
        /// End when nothing is due any more
        #[arg(long)]
        once: bool,
    },
    /// What waits, failed or is held
    Inbox {
        /// What to do with the inbox [default: list]
        #[command(subcommand)]
        action: Option<Inbox>,
    },
    /// Print a link that signs a person in once, where no proxy says who asks
    SignIn {
        /// Who it is for, as the audit log will show it
        #[arg(long, value_name = "NAME", default_value = "operator")]
        name: String,
        /// What they may do
        #[arg(long, value_enum, default_value_t = RoleName::Officer)]
        role: RoleName,
        /// A site that role `site` sees; may be repeated
        #[arg(long, value_name = "SITE")]
        site: Vec<String>,
    },
    /// Tokens that programs show to the API
    #[command(subcommand)]
    Token(Token),
    /// Who signed in, read host data or changed something, newest first
    Audit {
        /// Only of this person
        #[arg(long, value_name = "NAME")]
        person: Option<String>,
        /// Only this action, such as sign-in or read
        #[arg(long, value_name = "ACTION")]
        action: Option<String>,
        /// Since the beginning of 2026-01-31 (UTC), or RFC 3339
        #[arg(long, value_name = "DATE")]
        since: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 1000)]
        limit: u32,
    },
    /// Bring the database schema up to this program
    Migrate,
    /// Write everything that the database holds into a new file, while reports go on arriving
    Backup {
        /// The file: an SQLite database, which every command can be asked of with --database sqlite:FILE
        file: PathBuf,
    },
    /// Fill the configured database, which has to be empty, from a backup of either kind of database
    Restore {
        /// The file that `backup` wrote
        file: PathBuf,
    },
    /// Delete opened reports that were kept long enough, as serve does every hour, or a host, a site or old history on request
    Purge(Purge),
    /// Check configuration, keys and database; changes nothing
    Check,
    /// The main job on loopback with SQLite, for a newcomer
    Demo {
        /// End by itself, with status 0 only if everything happened
        #[arg(long)]
        once: bool,
        /// Fill a fresh collector with an invented grid of so many hosts and their year of reports, here or in --database
        #[arg(long, value_name = "HOSTS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        fleet: Option<u32>,
        /// Folder to keep the demo in [default: a temporary one]
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
        /// The reporter program [default: beside this one, then from PATH]
        #[arg(long, value_name = "FILE")]
        reporter: Option<PathBuf>,
    },
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Address and port, or unix:PATH [default: 127.0.0.1:8642]
    #[arg(long, value_name = "ADDR", env = "WLCG_PACKAGE_COLLECTOR_LISTEN")]
    pub listen: Option<String>,
    /// Do not open reports here
    #[arg(long)]
    pub no_open: bool,
    /// Show no pages
    #[arg(long)]
    pub no_desk: bool,
    /// Take no reports
    #[arg(long)]
    pub no_receive: bool,
}

/// Names one host.
#[derive(Debug, Args)]
pub struct HostName {
    /// Host name as reported
    pub host: String,
    /// The site, when several have a host of that name
    #[arg(long, value_name = "SITE")]
    pub site: Option<String>,
}
