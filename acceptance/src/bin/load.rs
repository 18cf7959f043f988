//! The load generator: floods a collector that is named with invented reports, bounded in number and time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a tool for one's own collector, at a terminal"
)]

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use report::sealed::Recipient;
use wlcg_acceptance::load::{self, Plan};

/// Posts invented reports to a collector and tells how fast they are acknowledged. They stay in its inbox: not for a collector in use.
#[derive(Debug, Parser)]
#[command(name = "load", max_term_width = 100)]
struct Cli {
    /// The collector's address, such as http://127.0.0.1:8642; there is no default
    #[arg(long)]
    url: String,
    /// Reports to post, each once; they are prepared in memory, some 30 kB each
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// No report is begun after so many seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Connections, each with one report under way at a time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    connections: u16,
    /// Reports a second; as fast as they are answered without it
    #[arg(long)]
    rate: Option<f64>,
    /// Packages in each report; 720 make 30 kB
    #[arg(long, default_value_t = 720)]
    packages: usize,
    /// Site that the reports claim
    #[arg(long, default_value = "LOAD-TEST")]
    site: String,
    /// PEM file with a certificate to seal for; without it nobody can open them
    #[arg(long)]
    recipient: Option<PathBuf>,
}

fn main() {
    let cli = Cli::parse();
    let recipient = cli.recipient.map(|file| {
        let pem = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Recipient::from_pem(&pem).unwrap().remove(0)
    });
    println!("preparing {} reports of {} packages", cli.count, cli.packages);
    let reports = load::prepare(cli.count as usize, cli.packages, &cli.site, recipient.as_ref());
    println!("posting {} bytes each to {} over {} connections", reports[0].len(), cli.url, cli.connections);
    let longest = Duration::from_secs(cli.seconds);
    let plan = Plan { url: cli.url, connections: cli.connections.into(), rate: cli.rate, longest };
    print!("{}", load::post(&plan, &reports));
}
