//! `check`: whether a report could be made and delivered, without sending one.

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;

use crate::config::{Config, Protocol};
use crate::exit::Exit;
use crate::packages;
use crate::paths::Paths;
use crate::recipients::Recipients;
use crate::run::Ended;
use crate::send::Sender;
use crate::signing::{Found, Signing};
use crate::spool::Spool;

/// One line for each thing that must be right.
#[must_use]
pub fn check(config: &Config, now: Timestamp) -> Ended {
    let mut lines = String::new();
    let mut exit = Exit::Done;
    let mut tell = |what: &str, found: Result<String, String>, worse: Exit| {
        let (word, text) = match found {
            Ok(text) => ("ok    ", text),
            Err(text) => {
                exit = if exit == Exit::Configuration { exit } else { worse };
                ("FAILED", text)
            }
        };
        let _ = writeln!(lines, "{word} {what}: {text}");
    };
    let site = config.checked_site().map(str::to_owned).map_err(|error| error.to_string());
    tell("site", site, Exit::Configuration);
    tell("recipients", recipients(config, now), Exit::Configuration);
    let signing = match Signing::look(config) {
        Ok(Found::Key { file, signer, .. }) => Ok(format!("{} ({})", signer.key, file.display())),
        Ok(Found::NotMade(file)) => Ok(format!("made by the first report, {}", file.display())),
        Ok(Found::Off(why)) => Ok(format!("none, {why}")),
        Err(error) => Err(format!("reports go out unsigned: {error}")),
    };
    tell("signing key", signing, Exit::Configuration);
    let found = packages::collect(Path::new("/"), &config.skip)
        .map(|found| format!("{} packages, {}", found.packages.len(), found.packager))
        .map_err(|error| error.to_string());
    tell("packages", found, Exit::Configuration);
    tell("spool", spool(config), Exit::Configuration);
    match &config.url {
        None => tell("collector", Err("no url: give --url".to_owned()), Exit::Configuration),
        Some(url) => {
            let ready = match config.protocol {
                Protocol::Wlcg => Sender::new(url, config).ready().map(|()| format!("{url} is ready")),
                Protocol::Pakiti => Ok(format!("{url}, not asked: a Pakiti server answers reports alone")),
            };
            tell("collector", ready, Exit::Later);
        }
    }
    Ended { exit, message: lines.trim_end().to_owned() }
}

fn spool(config: &Config) -> Result<String, String> {
    let mut paths = Paths::find(config.spool.as_deref()).map_err(|error| error.to_string())?;
    if !paths.are_anothers() {
        paths = Paths::make(config.spool.as_deref()).map_err(|error| error.to_string())?;
    }
    Spool::new(paths.spool.clone(), paths.refused).probe().map_err(|error| error.to_string())?;
    Ok(paths.spool.display().to_string())
}

fn recipients(config: &Config, now: Timestamp) -> Result<String, String> {
    let Recipients { certificates: recipients, source } =
        Recipients::current(config).map_err(|error| error.to_string())?;
    let mut told = Vec::new();
    for recipient in &recipients {
        let end = recipient.not_after().map_err(|error| error.to_string())?;
        let word = if end < now { "EXPIRED" } else { "until" };
        told.push(format!("{} {word} {end}", recipient.subject()));
    }
    if told.is_empty() {
        return Err("none: give --recipient FILE".to_owned());
    }
    Ok(format!("{}; {source}", told.join("; ")))
}
