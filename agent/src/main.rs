//! wlcg-package-reporter: arguments, configuration, run, exit status.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;
use wlcg_package_reporter::cli::{Cli, Command};
use wlcg_package_reporter::config::Config;
use wlcg_package_reporter::exit::Exit;
use wlcg_package_reporter::run::{self, Ended, RunError};
use wlcg_package_reporter::{check, clock, cron, host, status};

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
    let config = Config::load(&cli.options)?;
    let done = |message| Ended { exit: Exit::Done, message };
    if cli.cron {
        config.checked_site()?;
        let read = |file| std::fs::read_to_string(file).unwrap_or_default();
        let program = std::env::current_exe().unwrap_or_else(|_| Path::new("wlcg-package-reporter").to_owned());
        let (machine_id, passwd) = (read("/etc/machine-id"), read("/etc/passwd"));
        return Ok(done(cron::file(&cli.options, &program, &host::name(), &machine_id, &passwd)));
    }
    match cli.command.unwrap_or(Command::Report(cli.report)) {
        Command::Report(options) => {
            let to_stdout = options.output.as_deref() == Some(Path::new("-"));
            let ended = run::report(&config, &options, now)?;
            // Standard output holds the sealed bytes and nothing else.
            Ok(if to_stdout { done(String::new()) } else { ended })
        }
        Command::Show { json } => run::show(&config, json, now).map(done),
        Command::Send => run::send(&config, now),
        Command::Status { json } => status::status(&config, json, now).map(done),
        Command::Check => Ok(check::check(&config, now)),
    }
}

fn line(message: &str) -> String {
    if message.is_empty() || message.ends_with('\n') { message.to_owned() } else { format!("{message}\n") }
}
