//! What templates may ask for beside plain values.
#![allow(missing_docs, reason = "the macro of the template engine makes types that cannot be documented")]

use askama::Values;

use crate::compare::State;
use crate::table::cut;

/// Longer values are cut on pages, in characters; answers as JSON and CSV have them whole.
const LONGEST: usize = 200;

/// A value that is not longer than a page can bear.
#[askama::filter_fn]
pub fn short(value: impl std::fmt::Display, _: &dyn Values) -> askama::Result<String> {
    Ok(cut(&value.to_string(), LONGEST))
}

/// A value as one piece of a path or query (RFC 3986, section 2.1).
#[askama::filter_fn]
pub fn piece(value: impl std::fmt::Display, _: &dyn Values) -> askama::Result<String> {
    Ok(super::piece(&value.to_string()))
}

/// A shape beside each word, so that no state is told by colour alone.
#[askama::filter_fn]
pub fn shape(state: &State, _: &dyn Values) -> askama::Result<&'static str> {
    Ok(match state {
        State::Compliant => "✔",
        State::Unknown => "?",
        State::Behind => "▼",
        State::Blocked => "✖",
    })
}

/// A time as people read it, to the minute, UTC.
#[askama::filter_fn]
pub fn minute(time: &jiff::Timestamp, _: &dyn Values) -> askama::Result<String> {
    Ok(jiff::tz::Offset::UTC.to_datetime(*time).strftime("%Y-%m-%d %H:%M").to_string())
}

/// How long ago something was, in the largest unit that tells.
#[askama::filter_fn]
pub fn ago(time: &jiff::Timestamp, _: &dyn Values, now: &jiff::Timestamp) -> askama::Result<String> {
    let seconds = now.as_second().saturating_sub(time.as_second());
    let (number, unit) = match seconds {
        ..60 => return Ok("just now".to_owned()),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    Ok(format!("{number} {unit}{plural} ago"))
}
