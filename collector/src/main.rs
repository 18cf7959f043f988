//! wlcg-package-collector: receives sealed reports, opens them, keeps their history, answers who is behind.

mod command;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use command::{Invocation, say};
use wlcg_package_collector::access::operator;
use wlcg_package_collector::cli::{Cli, Command};
use wlcg_package_collector::clock;
use wlcg_package_collector::config::Config;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")
        .and_then(|runtime| runtime.block_on(run(cli)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "wlcg-package-collector: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// The story: what was asked, with what is configured, answered on standard output.
async fn run(cli: Cli) -> anyhow::Result<()> {
    let config = Config::load(cli.options.config.as_deref())?;
    let call = Invocation { options: cli.options, config, now: clock::now(), operator: operator::name() };
    match cli.command {
        Command::Serve(roles) => command::serve::serve(call, roles).await,
        Command::Open { once } => command::serve::open(&call, once).await,
        Command::Mail { once } => command::serve::mail(&call, once).await,
        Command::Keys(keys) => command::keys::run(&call, keys).await,
        Command::Demo { fleet: None, once, folder, reporter } => {
            command::demo::main_job(call, folder, reporter, once).await
        }
        Command::Demo { fleet: Some(hosts), once, folder, .. } => command::demo::fleet(call, hosts, folder, once).await,
        Command::Check => command::check::run(&call).await,
        Command::Migrate => {
            call.store().await?.close().await;
            say("the schema is up to date\n")
        }
        Command::Backup { file } => command::backup::backup(&call, &file).await,
        Command::Restore { file } => command::backup::restore(&call, &file).await,
        Command::Purge(what) => command::purge::run(&call, &what).await,
        Command::Reference(reference) => command::reference::run(&call, reference).await,
        Command::Registry(registry) => command::registry::run(&call, registry).await,
        Command::Inbox { action } => command::inbox::run(&call, action).await,
        Command::SignIn { name, role, site } => command::access::sign_in(&call, name, role, site).await,
        Command::Token(token) => command::access::token(&call, token).await,
        question => {
            let store = call.store().await?;
            call.show(&command::question::answer(&call, &store, question).await?)
        }
    }
}

/// An error with its causes; most messages quote their cause already.
fn told(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |told, cause| match cause.to_string() {
        cause if told.contains(&cause) => told,
        cause if told.is_empty() => cause,
        cause => format!("{told}: {cause}"),
    })
}

/// A reader that has seen enough (`| head`) is no failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("WLCG_PACKAGE_COLLECTOR_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("wlcg_package_collector=info,warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
}
