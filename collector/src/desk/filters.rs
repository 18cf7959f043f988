//! What templates may ask for beside plain values.
#![allow(missing_docs, reason = "the macro of the template engine makes types that cannot be documented")]

use askama::Values;

use crate::compare::State;
use crate::table::cut;

/// Longer values are cut on pages, in characters; answers as JSON and CSV have them whole.
const LONGEST: usize = 200;

/// How much of a hash is shown where two are to be told apart, in characters.
const BEGINNING: usize = 12;

/// Characters of a whole one: SHA-256 in hexadecimal.
const HASH: usize = 64;

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

/// A shape beside each state's word, so that no state is told by colour alone; by its word, however deep the reference.
#[askama::filter_fn]
pub fn shape(state: impl std::fmt::Display, _: &dyn Values) -> askama::Result<&'static str> {
    let word = state.to_string();
    let state = State::ALL.into_iter().find(|state| state.as_str() == word);
    Ok(state.unwrap_or(State::Unknown).shape())
}

impl State {
    /// The shape beside its word.
    pub(super) fn shape(self) -> &'static str {
        match self {
            State::Compliant => "✔",
            State::Behind => "▼",
            State::Blocked => "✖",
            State::Unknown => "?",
        }
    }
}

/// A time (RFC 3339) as people read it, to the minute.
#[askama::filter_fn]
pub fn minute(time: impl std::fmt::Display, _: &dyn Values) -> askama::Result<String> {
    Ok(time.to_string().replacen('T', " ", 1).chars().take("2026-01-31 04:05".len()).collect())
}

/// Unix seconds as a time (RFC 3339).
#[askama::filter_fn]
pub fn instant(seconds: &i64, _: &dyn Values) -> askama::Result<String> {
    Ok(crate::answers::time(*seconds).to_string())
}

/// The beginning of a hash: enough for people to tell two apart.
#[askama::filter_fn]
pub fn begin(hash: impl std::fmt::Display, _: &dyn Values) -> askama::Result<String> {
    Ok(hash.to_string().chars().take(BEGINNING).collect())
}

/// A reason that is not longer than a list can bear: of each key and hash in it the beginning.
#[askama::filter_fn]
pub fn brief(value: impl std::fmt::Display, _: &dyn Values) -> askama::Result<String> {
    Ok(cut(&with_short_hashes(&value.to_string()), LONGEST))
}

fn with_short_hashes(text: &str) -> String {
    let piece = |piece: &str| {
        let end = piece.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        match piece.get(..BEGINNING) {
            Some(beginning) if piece.len() - end.len() == HASH => format!("{beginning}…{end}"),
            _ => piece.to_owned(),
        }
    };
    text.split_inclusive(|c: char| !c.is_ascii_hexdigit()).map(piece).collect()
}

/// A number with the word for what is counted.
#[askama::filter_fn]
pub fn many(number: impl std::fmt::Display, _: &dyn Values, one: &str) -> askama::Result<String> {
    let number = number.to_string();
    let plural = if number == "1" { "" } else { "s" };
    Ok(format!("{number} {one}{plural}"))
}

/// How long ago something was, in the largest unit that tells.
#[askama::filter_fn]
pub fn ago(time: &jiff::Timestamp, _: &dyn Values, now: &jiff::Timestamp) -> askama::Result<String> {
    Ok(told(now.as_second().saturating_sub(time.as_second())))
}

/// How long ago unix seconds were, in the largest unit that tells.
#[askama::filter_fn]
pub fn since(seconds: &i64, _: &dyn Values, now: &jiff::Timestamp) -> askama::Result<String> {
    Ok(told(now.as_second().saturating_sub(*seconds)))
}

fn told(seconds: i64) -> String {
    let (number, unit) = match seconds {
        ..60 => return "just now".to_owned(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural} ago")
}

#[cfg(test)]
mod tests {
    use askama::Template as _;
    use jiff::Timestamp;

    use super::super::filters;

    #[derive(askama::Template)]
    #[template(
        ext = "html",
        source = "{{ long|short }} {{ path|piece }} {{ time|minute }} {{ time|ago(now) }} {{ 1|many(\"host\") }} {{ 2|many(\"host\") }}"
    )]
    struct Page {
        long: String,
        path: &'static str,
        time: Timestamp,
        now: Timestamp,
    }

    #[test]
    fn of_a_key_in_a_reason_the_beginning_is_shown() {
        let (one, other) = ("364309eb17ec".repeat(6), "ab".repeat(32));
        let one = one.get(..64).unwrap();
        let reason = format!("signed by key {one} (CN=é), the host is known by key {other}");
        let expected = "signed by key 364309eb17ec… (CN=é), the host is known by key abababababab…";
        assert_eq!(super::with_short_hashes(&reason), expected);
        for whole in ["", "no packages", "\u{202E}é", &"a".repeat(63), &format!("{other}0")] {
            assert_eq!(super::with_short_hashes(whole), whole);
        }
    }

    #[test]
    fn values_are_told_in_few_words() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let page = |time, now| Page { long: "x".repeat(10_000), path: "a/b ?", time: at(time), now: at(now) }.render();
        let told = page(0, 7_200).unwrap();
        assert!(told.len() < 300, "{}", told.len());
        assert!(told.ends_with("… a%2Fb%20%3F 1970-01-01 00:00 2 hours ago 1 host 2 hosts"), "{told}");
        for (now, expected) in [(-5, "just now"), (60, "1 minute ago"), (86_400 * 3, "3 days ago")] {
            assert!(page(0, now).unwrap().contains(expected), "{expected}");
        }
    }
}
