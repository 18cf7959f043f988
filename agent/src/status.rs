//! `status`: did it arrive, and if not, why.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::json;

use crate::config::Config;
use crate::paths::Paths;
use crate::run::RunError;
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
    let next = match state.not_before.filter(|until| *until > now) {
        Some(until) if !reports.is_empty() => format!("not before {until}"),
        _ if reports.is_empty() => "nothing waits".to_owned(),
        _ => "with the next run".to_owned(),
    };
    let certificates: Vec<(String, i64)> = config
        .read_recipients()?
        .iter()
        .filter_map(|recipient| {
            let left = recipient.not_after().ok()?.as_second() - now.as_second();
            Some((recipient.subject(), left.div_euclid(86_400)))
        })
        .collect();
    if as_json {
        let certificates: Vec<_> =
            certificates.iter().map(|(subject, days)| json!({"subject": subject, "days_left": days})).collect();
        let object = json!({
            "spool": {"folder": paths.spool, "reports": reports.len(), "bytes": bytes, "oldest": oldest},
            "refused": refused, "last_acknowledgement": state.last_acknowledgement, "next_try": next,
            "certificates": certificates, "dropped": state.dropped, "last_error": state.last_error,
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
    let last =
        state.last_acknowledgement.map_or("none yet".to_owned(), |last| format!("{} {}", last.time, last.report));
    let _ = writeln!(out, "last acknowledgement: {last}");
    let _ = writeln!(out, "next try:             {next}");
    for (subject, days) in certificates {
        let word = if days < 0 { " EXPIRED" } else { "" };
        let _ = writeln!(out, "certificate:          {subject}, {days} days left{word}");
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
