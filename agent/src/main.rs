//! wlcg-package-reporter: arguments, configuration, run, exit status.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use wlcg_package_reporter::cli::{Cli, Command, ConfigCommand, Report};
use wlcg_package_reporter::config::{self, Config};
use wlcg_package_reporter::exit::Exit;
use wlcg_package_reporter::run::{self, Ended, RunError};
use wlcg_package_reporter::{check, clock, cron, daemon, delivery, host, settle, status};

fn main() -> ExitCode {
    let ended =
        run(Cli::parse()).unwrap_or_else(|error| Ended { exit: Exit::from(&error), message: error.to_string() });
    // A reader that has seen enough (`| head`) is no failure.
    let _ = match ended.exit {
        Exit::Done => std::io::stdout().write_all(line(&ended.message).as_bytes()),
        _ => std::io::stderr().write_all(format!("wlcg-package-reporter: {}", line(&ended.message)).as_bytes()),
    };
    ExitCode::from(ended.exit as u8)
}

fn run(cli: Cli) -> Result<Ended, RunError> {
    let now = clock::now();
    let done = |message| Ended { exit: Exit::Done, message };
    if let Some(Command::Config(ConfigCommand::Import { file })) = &cli.command {
        return Ok(done(config::read_legacy(file)?.to_toml(file)));
    }
    let config = Config::load(&cli.options)?;
    if cli.cron {
        config.checked_site()?;
        let read = |file| std::fs::read_to_string(file).unwrap_or_default();
        let program = std::env::current_exe().unwrap_or_else(|_| Path::new("wlcg-package-reporter").to_owned());
        let (machine_id, passwd) = (read("/etc/machine-id"), read("/etc/passwd"));
        return Ok(done(cron::file(&cli.options, &program, &host::name(), &machine_id, &passwd)));
    }
    match cli.command.unwrap_or(Command::Report(cli.report)) {
        Command::Report(options) => report(&config, options),
        Command::Show { json } => run::show(&config, json, now).map(done),
        Command::Send { when_due } => run::send(&config, when_due, now),
        Command::Daemon => daemon::run(&cli.options, config),
        Command::Status { json } => status::status(&config, json, now).map(done),
        Command::Check => Ok(check::check(&config, now)),
        Command::Config(ConfigCommand::Import { .. }) => Ok(done(String::new())),
    }
}

/// Reports once, as the options say, or what pakiti-client's configuration says instead of them.
fn report(config: &Config, mut options: Report) -> Result<Ended, RunError> {
    if let Some(legacy) = &config.legacy {
        options = options.or(legacy);
        if config.url.is_none() && options.output.is_none() {
            options.output = Some(Path::new("-").to_owned());
        }
    }
    std::thread::sleep(delivery::at_random(Duration::from_secs(options.rndsleep.unwrap_or_default())));
    let to_stdout = options.output.as_deref() == Some(Path::new("-"));
    let root = Path::new("/");
    let ended = loop {
        if options.when_settled {
            settle::wait(config, root, run::last_collected(config), clock::now);
        }
        let now = clock::now();
        let ended = run::report(config, &options, now)?;
        if !options.when_settled || !settle::changed_since(root, now) {
            break ended;
        }
    };
    // Standard output holds the sealed bytes and nothing else.
    Ok(match ended.exit {
        Exit::Done if to_stdout => Ended { exit: Exit::Done, message: String::new() },
        _ => ended,
    })
}

fn line(message: &str) -> String {
    if message.is_empty() || message.ends_with('\n') { message.to_owned() } else { format!("{message}\n") }
}
