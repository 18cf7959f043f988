//! `status`: did it arrive, and if not, why.

use std::fmt::Write as _;

use jiff::Timestamp;
use report::sealed::Recipient;
use serde_json::json;

use crate::config::Config;
use crate::paths::Paths;
use crate::recipients::{Recipients, Source};
use crate::run::RunError;
use crate::signing::{Found, Signing, SigningError};
use crate::spool::Spool;
use crate::state::State;

/// The state of the spool, the last acknowledgement, the next try, the certificates and the last error.
///
/// # Errors
/// [`RunError`].
pub fn status(config: &Config, as_json: bool, now: Timestamp) -> Result<String, RunError> {
    let paths = Paths::find(config.spool.as_deref())?;
    let reports = Spool::new(paths.spool.clone(), paths.refused.clone()).list()?;
    let refused = Spool::new(paths.refused.clone(), paths.refused.clone()).list()?.len();
    let state = State::read(&paths.state);
    let bytes: u64 = reports.iter().map(|report| report.size).sum();
    let oldest = reports.first().map(crate::spool::Spooled::time);
    let next = next_try(&state, reports.is_empty(), now);
    let cannot_wait =
        Spool::new(paths.spool.clone(), paths.refused.clone()).probe().err().map(|error| error.to_string());
    let clock = state.clock_ahead_seconds.filter(|ahead| ahead.abs() > TOLERATED).map(clock_line);
    let (certificates, source) = certificates(config, now);
    let signing = Signing::look(config);
    if as_json {
        let certificates: Vec<_> = certificates
            .iter()
            .map(|certificate| match certificate {
                Ok((subject, days)) => json!({"subject": subject, "days_left": days}),
                Err(error) => json!({"error": error}),
            })
            .collect();
        let object = json!({
            "spool": {"folder": paths.spool, "reports": reports.len(), "bytes": bytes, "oldest": oldest,
                "cannot_wait": cannot_wait},
            "clock_ahead_seconds": state.clock_ahead_seconds,
            "refused": refused, "last_acknowledgement": state.last_acknowledgement, "next_try": next,
            "certificates": certificates, "recipients": source, "bundle_refused": state.bundle_refused,
            "signing": signing_json(&signing), "dropped": state.dropped, "last_error": state.last_error,
        });
        return Ok(format!("{object:#}\n"));
    }
    let mut out = String::new();
    let since = oldest.map(|time| format!(", oldest {time}")).unwrap_or_default();
    let _ = writeln!(
        out,
        "spool:                {} reports, {bytes} bytes{since} ({})",
        reports.len(),
        paths.spool.display()
    );
    if let Some(reason) = cannot_wait {
        let _ = writeln!(out, "spool FAILS:          no report can wait here: {reason}");
    }
    let last =
        state.last_acknowledgement.map_or("none yet".to_owned(), |last| format!("{} {}", last.time, last.report));
    let _ = writeln!(out, "last acknowledgement: {last}");
    let _ = writeln!(out, "next try:             {next}");
    for certificate in certificates {
        let _ = match certificate {
            Ok((subject, days)) if days < 0 => {
                writeln!(
                    out,
                    "certificate:          {subject} EXPIRED {} days ago: ask the officer for the new one",
                    -days
                )
            }
            Ok((subject, days)) => writeln!(out, "certificate:          {subject}, {days} days left"),
            Err(error) => writeln!(out, "certificate FAILS:    {error}"),
        };
    }
    if let Some(source) = source {
        let _ = writeln!(out, "sealed for:           {source}");
    }
    if let Some(refused) = state.bundle_refused {
        let _ = writeln!(out, "bundle REFUSED:       {} {}", refused.time, refused.message);
    }
    let _ = match signing {
        Ok(Found::Key { file, signer, .. }) => {
            writeln!(out, "signing key:          {} ({})", signer.key, file.display())
        }
        Ok(Found::NotMade(file)) => writeln!(out, "signing key:          made by the first report, {}", file.display()),
        Ok(Found::Off(why)) => writeln!(out, "signing key:          none, {why}"),
        Err(error) => writeln!(out, "signing key FAILS:    reports go out unsigned: {error}"),
    };
    if let Some(clock) = clock {
        let _ = writeln!(out, "clock:                {clock}");
    }
    let dropped = &state.dropped;
    if let Some(last) = dropped.last {
        let (identical, oldest, aged) = (dropped.identical, dropped.oldest, dropped.aged);
        let _ = writeln!(out, "made way when full:   {identical} identical, {oldest} oldest, {aged} aged; last {last}");
    }
    if refused > 0 {
        let _ = writeln!(out, "refused:              {refused} reports in {}", paths.refused.display());
    }
    let error = state.last_error.map_or("none".to_owned(), |error| format!("{} {}", error.time, error.message));
    let _ = writeln!(out, "last error:           {error}");
    Ok(out)
}

/// Seconds that a clock may be off before it is told.
pub(crate) const TOLERATED: i64 = 600;

fn next_try(state: &State, nothing_waits: bool, now: Timestamp) -> String {
    if nothing_waits {
        return "nothing waits".to_owned();
    }
    if let Some(until) = state.not_before.filter(|_| state.silence_left(now).is_some()) {
        return format!("not before {until}, as the collector asked");
    }
    match state.next_try.filter(|_| state.pause_left(now).is_some()) {
        Some(due) => format!("{due}, after {} failures in a row", state.failures),
        None => "with the next run".to_owned(),
    }
}

/// Subject and days left of each certificate, or why it cannot be read, and where they come from.
fn certificates(config: &Config, now: Timestamp) -> (Certificates, Option<Source>) {
    let recipients = match Recipients::current(config) {
        Ok(recipients) => recipients,
        Err(error) => return (vec![Err(error.to_string())], None),
    };
    let told = |recipient: &Recipient| {
        let end = recipient.not_after().map_err(|error| error.to_string())?;
        Ok((recipient.subject(), (end.as_second() - now.as_second()).div_euclid(86_400)))
    };
    (recipients.certificates.iter().map(told).collect(), Some(recipients.source))
}

type Certificates = Vec<Result<(String, i64), String>>;

fn signing_json(signing: &Result<Found, SigningError>) -> serde_json::Value {
    match signing {
        Ok(Found::Key { file, signer, .. }) => json!({"key": signer.key, "file": file}),
        Ok(Found::NotMade(file)) => json!({"key": null, "file": file}),
        Ok(Found::Off(why)) => json!({"key": null, "off": why}),
        Err(error) => json!({"key": null, "error": error.to_string()}),
    }
}

fn clock_line(ahead: i64) -> String {
    let (word, seconds) = if ahead > 0 { ("ahead of", ahead) } else { ("behind", -ahead) };
    let amount = match seconds {
        172_800.. => format!("{} days", seconds / 86_400),
        7_200.. => format!("{} hours", seconds / 3_600),
        _ => format!("{} minutes", seconds / 60),
    };
    format!("{amount} {word} the collector's: set this host's clock, reports carry its time")
}
