//! The story of a report: collect, write, sign, seal, spool, deliver.

use std::borrow::Cow;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use report::compression::{self, CompressionError};
use report::hash::Hash;
use report::report::Report;
use report::sealed::{self, KeyError, Recipient, SealError};
use report::text::{self, TextError};

use crate::cli;
use crate::config::{Config, ConfigError, Protocol};
use crate::delivery::{self, Delivered};
use crate::exit::Exit;
use crate::packages::{self, CollectError};
use crate::paths::Paths;
use crate::recipients::{self, Recipients};
use crate::send::{Outcome, Sender};
use crate::signing::{Signing, SigningError};
use crate::spool::{Bounds, Spool, SpoolError, make_way};
use crate::state::State;
use crate::status::TOLERATED;
use crate::{host, systemd};

/// Days before the end of a certificate from which it is warned.
const WARN_DAYS: i64 = 30;

/// How a run ended, in one line.
#[derive(Debug)]
pub struct Ended {
    /// For whoever started the program.
    pub exit: Exit,
    /// For people.
    pub message: String,
}

/// `report`: from the package databases to the collector, or to the spool.
///
/// # Errors
/// [`RunError`]; what was spooled before stays.
pub fn report(config: &Config, options: &cli::Report, now: Timestamp) -> Result<Ended, RunError> {
    remembered(config, now, try_report(config, options, now))
}

fn try_report(config: &Config, options: &cli::Report, now: Timestamp) -> Result<Ended, RunError> {
    let recipients = Recipients::current(config)?.certificates;
    if recipients.is_empty() {
        return Err(RunError::NoRecipient);
    }
    let signing = Signing::prepare(config, now);
    let text = match (&options.input, &signing) {
        (Some(input), _) => read_input(input)?,
        (None, Signing::Fails(error)) => compose(config, &recipients, Some(error), now)?,
        (None, _) => compose(config, &recipients, None, now)?,
    };
    // Pakiti servers read plain text alone.
    let content = if config.compress && config.protocol == Protocol::Wlcg {
        compression::compress(text.as_bytes())?
    } else {
        text.clone().into_bytes()
    };
    let content = match &signing {
        Signing::With(key) => key.sign(&content).map_err(RunError::Sign)?,
        Signing::Off(_) => content,
        Signing::Fails(error) => {
            let _ = writeln!(std::io::stderr(), "wlcg-package-reporter: the report goes out unsigned: {error}");
            content
        }
    };
    let sealed = sealed::seal(&content, &recipients, config.seal)?;
    let hash = Hash::of(&sealed);
    if let Some(output) = &options.output {
        write_output(output, &sealed)?;
        // pakiti-client sends as well when its configuration names both.
        if config.legacy.is_none() || config.url.is_none() {
            return Ok(Ended { exit: Exit::Done, message: format!("sealed report {hash} written, nothing sent") });
        }
    }
    let url = config.url.as_deref().ok_or(RunError::NoUrl)?;
    match keep(config, (hash, &sealed), content_identity(&text), now) {
        Ok(place) => Ok(ended(deliver(&place, config, url, now)?, Some(hash))),
        Err(source) => without_spool(config, url, (hash, &sealed), source, now),
    }
}

/// A report that cannot wait here is posted at once; whatever waits already goes too, which may free the disk.
fn without_spool(
    config: &Config,
    url: &str,
    (hash, sealed): (Hash, &[u8]),
    source: RunError,
    now: Timestamp,
) -> Result<Ended, RunError> {
    let answer = delivery::post(&Sender::new(url, config), hash, sealed, config.tries.max(1), now);
    let reason = match answer.outcome {
        Outcome::Acknowledged => {
            let _ = Paths::make(config.spool.as_deref()).map(|paths| deliver(&Place::at(paths), config, url, now));
            let message = format!("report {hash} acknowledged, but it could not have waited here: {source}");
            if let Ok(paths) = Paths::make(config.spool.as_deref()) {
                State::note(&paths.state, now, message.clone());
            }
            return Ok(Ended { exit: Exit::Other, message });
        }
        Outcome::Later { reason, .. } | Outcome::Misconfigured { reason } | Outcome::Refused { reason } => reason,
    };
    Err(RunError::NeitherKeptNorSent { reason, source: Box::new(source) })
}

/// `send`: delivers what is spooled.
///
/// # Errors
/// [`RunError`].
pub fn send(config: &Config, when_due: bool, now: Timestamp) -> Result<Ended, RunError> {
    remembered(config, now, try_send(config, when_due, now))
}

fn try_send(config: &Config, when_due: bool, now: Timestamp) -> Result<Ended, RunError> {
    let url = config.url.as_deref().ok_or(RunError::NoUrl)?;
    let place = Place::at(Paths::make(config.spool.as_deref())?);
    if when_due && let Some(seconds) = State::read(&place.paths.state).pause_left(now) {
        let message = format!("nothing tried: {seconds} seconds are left of the pause after the last failure");
        return Ok(Ended { exit: Exit::Done, message });
    }
    Ok(ended(deliver(&place, config, url, now)?, None))
}

/// When the last report was collected.
#[must_use]
pub fn last_collected(config: &Config) -> Option<Timestamp> {
    State::read(&Paths::make(config.spool.as_deref()).ok()?.state).last_collected
}

/// Lets `status` tell what a run that failed told whoever started it.
fn remembered(config: &Config, now: Timestamp, run: Result<Ended, RunError>) -> Result<Ended, RunError> {
    if let Err(error) = &run
        && let Ok(paths) = Paths::make(config.spool.as_deref())
    {
        State::note(&paths.state, now, error.to_string());
    }
    run
}

/// `show`: the report text as it would be sealed.
///
/// # Errors
/// [`RunError`].
pub fn show(config: &Config, json: bool, now: Timestamp) -> Result<String, RunError> {
    let text = compose(config, &Recipients::current(config)?.certificates, Signing::look(config).err().as_ref(), now)?;
    if !json {
        return Ok(text);
    }
    let Report { header, packages } = text::read(text.as_bytes())?;
    let packages: Vec<_> = packages
        .iter()
        .map(|p| serde_json::json!({"name": p.name, "version": p.version, "arch": p.arch, "packager": p.packager}))
        .collect();
    let mut object = serde_json::json!({
        "host": header.host, "site": header.site, "packager": header.packager,
        "collected": header.collected.map(|time| time.to_string()), "packages": packages,
    });
    if let Some(object) = object.as_object_mut() {
        object.extend(header.facts.iter().map(|(name, value)| (name.to_string(), value.as_ref().into())));
    }
    Ok(format!("{object:#}\n"))
}

/// Reads the host and its packages and writes the report text.
fn compose(
    config: &Config,
    recipients: &[Recipient],
    unsigned: Option<&SigningError>,
    now: Timestamp,
) -> Result<String, RunError> {
    let site = config.checked_site()?;
    let root = Path::new("/");
    let installed = packages::collect(root, &config.skip)?;
    let mut header = host::header(config, site, installed.packager, now, root);
    let unsigned = unsigned.map(|error| format!("unsigned: {error}"));
    let warnings = [certificate_warning(recipients, now), unsigned, clock_warning(config)];
    let warnings: Vec<String> = warnings.into_iter().flatten().collect();
    if !warnings.is_empty() {
        let warning = host::without_control(&warnings.join("; "));
        header.facts.insert(Cow::Borrowed("reporter-warning"), Cow::Owned(warning));
    }
    Ok(text::write(&Report { header, packages: installed.packages })?)
}

/// A certificate that ends soon is told with its date: the text stays the same from day to day.
fn certificate_warning(recipients: &[Recipient], now: Timestamp) -> Option<String> {
    recipients.iter().find_map(|recipient| {
        let end = recipient.not_after().ok()?;
        let left = end.as_second() - now.as_second();
        (left < WARN_DAYS * 86_400).then(|| {
            let verb = if left < 0 { "expired" } else { "expires" };
            format!("recipient certificate {} {verb} {end}", recipient.subject())
        })
    })
}

/// A clock that is behind: only the host can tell it from a report that has waited, by the answers that it was given.
///
/// Without the seconds, which would make each report another one. A clock that is ahead is told by the report's own time.
fn clock_warning(config: &Config) -> Option<String> {
    let state = State::read(&Paths::find(config.spool.as_deref()).ok()?.state);
    let is_behind = state.clock_ahead_seconds.is_some_and(|ahead| ahead < -TOLERATED);
    let minutes = TOLERATED / 60;
    is_behind.then(|| format!("at the last delivery its clock was more than {minutes} minutes behind the collector's"))
}

fn read_input(input: &Path) -> Result<String, RunError> {
    let failed = |what: String| RunError::Input { input: input.to_owned(), what };
    let mut bytes = Vec::new();
    let limit = compression::MAX_TEXT as u64 + 1;
    let read = if input == Path::new("-") {
        std::io::stdin().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(input).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    read.map_err(|error| failed(error.to_string()))?;
    if bytes.len() > compression::MAX_TEXT {
        return Err(failed(format!("larger than {} bytes", compression::MAX_TEXT)));
    }
    text::read(&bytes).map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

fn write_output(output: &Path, sealed: &[u8]) -> Result<(), RunError> {
    let written = if output == Path::new("-") {
        std::io::stdout().write_all(sealed).and_then(|()| std::io::stdout().flush())
    } else {
        std::fs::write(output, sealed)
    };
    written.map_err(|source| RunError::Output { output: output.to_owned(), source })
}

/// Two reports say the same when they differ in nothing but the time.
fn content_identity(text: &str) -> Hash {
    Hash::of_parts(text.split_inclusive('\n').filter(|line| !line.starts_with("collected: ")).map(str::as_bytes))
}

/// The spool and the folders around it.
struct Place {
    paths: Paths,
    spool: Spool,
}

impl Place {
    fn at(paths: Paths) -> Self {
        Place { spool: Spool::new(paths.spool.clone(), paths.refused.clone()), paths }
    }
}

/// Spools a report and lets others make way if the spool is full.
fn keep(config: &Config, (hash, sealed): (Hash, &[u8]), content: Hash, now: Timestamp) -> Result<Place, RunError> {
    let place = Place::at(Paths::make(config.spool.as_deref())?);
    let (spool, paths) = (&place.spool, &place.paths);
    let lock = spool.lock()?;
    lock.put(hash, sealed)?;
    let mut state = State::read(&paths.state);
    state.contents.insert(hash.to_string(), content);
    state.last_collected = Some(now);
    let bounds = Bounds {
        bytes: config.spool_max_bytes,
        reports: config.spool_max_reports,
        age_seconds: i64::from(config.spool_max_age_days) * 86_400,
    };
    let reports = spool.list()?;
    state.contents.retain(|known, _| reports.iter().any(|report| report.hash.to_string() == *known));
    let reports: Vec<_> = reports
        .into_iter()
        .map(|report| {
            let content = state.contents.get(&report.hash.to_string()).copied();
            (report, content)
        })
        .collect();
    for (dropped, why) in make_way(&reports, bounds, now) {
        lock.remove(dropped)?;
        state.contents.remove(&dropped.to_string());
        state.count(why, now);
        let _ = writeln!(std::io::stderr(), "spool is full: report {dropped} made way ({why:?})");
    }
    let _ = state.write(&paths.state);
    drop(lock);
    Ok(place)
}

fn deliver(place: &Place, config: &Config, url: &str, now: Timestamp) -> Result<Delivered, RunError> {
    let sender = Sender::new(url, config);
    let delivered = delivery::deliver(&place.spool, &place.paths.state, &sender, config.tries.max(1), now)?;
    if delivered.acknowledged > 0 && delivered.waiting == 0 {
        recipients::follow(config, &place.paths, &place.spool, &sender, now);
    }
    Ok(delivered)
}

fn ended(delivered: Delivered, own: Option<Hash>) -> Ended {
    let Delivered { acknowledged, refused, waiting, reason } = delivered;
    let reason = reason.unwrap_or_default();
    let ended = match (refused, waiting) {
        (0, 0) if acknowledged == 0 => Ended { exit: Exit::Done, message: "nothing to deliver".to_owned() },
        (0, 0) => {
            let own = own.map(|hash| format!(", report {hash} acknowledged")).unwrap_or_default();
            Ended { exit: Exit::Done, message: format!("{acknowledged} delivered{own}") }
        }
        (0, _) => Ended {
            exit: Exit::Later,
            message: format!("{waiting} spooled for later, {acknowledged} delivered: {reason}"),
        },
        _ => Ended {
            exit: Exit::Refused,
            message: format!("{refused} refused and kept aside, {waiting} spooled, {acknowledged} delivered: {reason}"),
        },
    };
    systemd::status(&ended.message);
    ended
}

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nowhere to send to.
    #[error("no collector: give its address with --url, or as `url` in the configuration")]
    NoUrl,
    /// Nobody to seal for.
    #[error(
        "no recipient certificate: give the officer's with --recipient FILE, or as `recipients` in the configuration"
    )]
    NoRecipient,
    /// Packages.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// The text.
    #[error("writing the report: {0}")]
    Text(#[from] TextError),
    /// Compression.
    #[error("compressing the report: {0}")]
    Compression(#[from] CompressionError),
    /// The signature.
    #[error("signing the report: {0}; `sign = false` sends it unsigned")]
    Sign(#[source] KeyError),
    /// The seal.
    #[error("sealing the report: {0}")]
    Seal(#[from] SealError),
    /// A text that another tool made.
    #[error("report text {input}: {what}; nothing was sent")]
    Input {
        /// The file.
        input: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The sealed bytes cannot be written.
    #[error("writing {output}: {source}")]
    Output {
        /// The file.
        output: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The spool.
    #[error("spool: {0}")]
    Spool(#[from] SpoolError),
    /// No spool and no collector.
    #[error(
        "this report is neither delivered ({reason}) nor kept ({source}): mend the spool, the next run reports again"
    )]
    NeitherKeptNorSent {
        /// Why it was not delivered.
        reason: String,
        /// Why it was not kept.
        source: Box<RunError>,
    },
    /// Signals.
    #[error("listening to signals: {0}")]
    Signals(std::io::Error),
}
