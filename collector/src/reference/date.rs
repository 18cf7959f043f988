//! The dates of reference lists: TOML's own, and the same written as text (RFC 3339, full-date).

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Reads `2026-01-31` and nothing else: a time of day would be dropped without a word.
#[must_use]
pub fn parse(text: &str) -> Option<Date> {
    text.parse().ok().filter(|date: &Date| date.year() >= 0 && date.to_string() == text)
}

pub(super) fn serialize<S: Serializer>(date: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
    let native = date.and_then(|date| date.to_string().parse::<toml::value::Datetime>().ok());
    native.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a date, YEAR-MONTH-DAY")]
    enum Written {
        Native(toml::value::Datetime),
        Text(String),
    }
    let text = match Written::deserialize(deserializer)? {
        Written::Native(date) => date.to_string(),
        Written::Text(text) => text,
    };
    parse(&text).map(Some).ok_or_else(|| serde::de::Error::custom(format!("date {text:?}: expected YEAR-MONTH-DAY")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_dates_are_dates() {
        assert_eq!(parse("2026-01-31"), Some(Date::constant(2026, 1, 31)));
        for wrong in ["2026-02-30", "20260131", "2026-01-31T10:00:00", "2026-01-31 ", "-000001-01-01", "soon", ""] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
