//! The command line, as people, units and cron call it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Reports the installed packages of this host, sealed for the officer's certificates.
#[derive(Debug, Parser)]
#[command(name = "wlcg-package-reporter", version, max_term_width = 100)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub options: Options,
    /// Print a file for /etc/cron.d that reports daily and delivers hourly
    #[arg(long)]
    pub cron: bool,
    /// What `report` takes, when no command is given.
    #[command(flatten)]
    pub report: Report,
    /// What to do [default: report]
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options that may stand before or after the command.
#[derive(Debug, Clone, Default, Args)]
pub struct Options {
    /// Configuration file [default: /etc/wlcg-package-reporter/config.toml, else the user's own]
    #[arg(long, global = true, value_name = "FILE", env = "WLCG_PACKAGE_REPORTER_CONFIG")]
    pub config: Option<PathBuf>,
    /// Configuration file of pakiti-client, taken as it is
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "config")]
    pub conf: Option<PathBuf>,
    /// The site's name in GOCDB or OSG Topology
    #[arg(long, global = true, value_name = "NAME", env = "WLCG_PACKAGE_REPORTER_SITE")]
    pub site: Option<String>,
    /// A word that groups hosts of the site
    #[arg(long, global = true, value_name = "WORD", env = "WLCG_PACKAGE_REPORTER_TAG")]
    pub tag: Option<String>,
    /// Host name to report [default: the kernel's]
    #[arg(long, global = true, value_name = "NAME", env = "WLCG_PACKAGE_REPORTER_HOST")]
    pub host: Option<String>,
    /// The collector's address, such as https://packages.example.org
    #[arg(long, global = true, value_name = "URL", env = "WLCG_PACKAGE_REPORTER_URL")]
    pub url: Option<String>,
    /// PEM file with certificates to seal for; may be repeated
    #[arg(long, visible_alias = "encrypt", global = true, value_name = "FILE")]
    #[arg(env = "WLCG_PACKAGE_REPORTER_RECIPIENT", value_delimiter = ':')]
    pub recipient: Vec<PathBuf>,
    /// What a Pakiti 3 server is asked to do: store-only, report-only, store-and-report
    #[arg(long, global = true, value_name = "MODE")]
    pub mode: Option<String>,
    /// Folder for sealed reports that wait for delivery
    #[arg(long, global = true, value_name = "DIR", env = "WLCG_PACKAGE_REPORTER_SPOOL")]
    pub spool: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Collect, seal, spool, deliver
    Report(Report),
    /// Print the report text; sends nothing
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Deliver what is spooled
    Send {
        /// Do nothing while the pause after earlier failures lasts, as the timer does
        #[arg(long)]
        when_due: bool,
    },
    /// Report and deliver for as long as the program runs, for hosts without timers
    Daemon,
    /// Configuration files
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Spool, last acknowledgement, next try, certificates, last error
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Check configuration, certificates, packages, spool and the collector; sends no report
    Check,
}

/// Configuration files.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Print pakiti-client's configuration as one of this program
    Import {
        /// Such as /etc/pakiti/pakiti-client.conf
        file: PathBuf,
    },
}

/// Options of `report`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Report {
    /// Take a ready report text instead of collecting; - is standard input
    #[arg(long, short, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Write the sealed bytes there and post nothing; - is standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Wait for a random time of at most so many seconds first
    #[arg(long, short, value_name = "SECONDS")]
    pub rndsleep: Option<u64>,
    /// Wait until the package manager has been quiet for a while first, and report again what changed meanwhile
    #[arg(long)]
    pub when_settled: bool,
}

impl Report {
    /// These options, and where one is not given, that of pakiti-client's configuration.
    #[must_use]
    pub fn or(self, legacy: &Report) -> Report {
        Report {
            input: self.input.or_else(|| legacy.input.clone()),
            output: self.output.or_else(|| legacy.output.clone()),
            rndsleep: self.rndsleep.or(legacy.rndsleep),
            when_settled: self.when_settled,
        }
    }
}
