//! The command line, as people and units call it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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

/// Recipient keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a key pair and its certificate
    New {
        /// Name in the certificate and of the files
        #[arg(default_value = "mw-officer")]
        name: String,
        /// Kind of key; legacy hosts and `openssl smime` need RSA
        #[arg(long, value_enum, default_value_t = KeyKindName::Rsa3072)]
        kind: KeyKindName,
        /// Validity of the certificate in days; hosts keep using it after that and warn
        #[arg(long, value_name = "DAYS", default_value_t = 3650)]
        days: u32,
        /// Folder for NAME.key.pem (secret) and NAME.cert.pem (for the hosts) [default: the configured one]
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// The configured keys, how long their certificates are valid
    List,
}

/// Kinds of recipient keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyKindName {
    /// RSA, 2048 bits
    Rsa2048,
    /// RSA, 3072 bits
    Rsa3072,
    /// RSA, 4096 bits
    Rsa4096,
    /// EC P-256
    EcP256,
}

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
