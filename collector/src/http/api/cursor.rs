//! Where a reader left off: the last row's place in the order, as a word that any address can hold.

use serde::Deserialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::answers::select::Place;

/// A place between two rows. Rows that come or go meanwhile do not move the others: nothing is read twice or missed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Cursor(Vec<String>);

/// Each byte as two digits.
const PATTERN: &str = "^([0-9a-f]{2})+$";

impl Cursor {
    /// After a row that is placed by these words.
    pub(super) fn after(words: &[&str]) -> String {
        words.join("\n").bytes().map(|byte| format!("{byte:02x}")).collect()
    }

    /// After a host.
    pub(super) fn after_host((site, name): &Place) -> String {
        Cursor::after(&[site, name])
    }

    /// The host that it stands after.
    pub(super) fn host(&self) -> Place {
        let mut words = self.0.iter().cloned();
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    /// The one word that it stands after.
    pub(super) fn word(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// So many words that it stands after.
    pub(super) fn words(&self, number: usize) -> Vec<&str> {
        self.0.iter().map(String::as_str).chain(std::iter::repeat("")).take(number).collect()
    }
}

impl PartialSchema for Cursor {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(PATTERN)).build().into()
    }
}

impl ToSchema for Cursor {}

impl TryFrom<String> for Cursor {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || "cursor: expected the one from `next` of the page before".to_owned();
        if text.is_empty() || !text.len().is_multiple_of(2) {
            return Err(wrong());
        }
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let byte = |pair: &[u8]| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
        let words = String::from_utf8_lossy(&bytes.ok_or_else(wrong)?).split('\n').map(str::to_owned).collect();
        Ok(Cursor(words))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_place_comes_back(site in "[^\n]{1,9}", name in "[^\n]{0,9}") {
            let place = (site, name);
            prop_assert_eq!(Cursor::try_from(Cursor::after_host(&place)).unwrap().host(), place);
        }

        #[test]
        fn no_text_panics(text in "[0-9a-fg\u{e9}]{0,9}") {
            let _ = Cursor::try_from(text);
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for wrong in ["", "a", "AB", "zz", "é"] {
            assert!(Cursor::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
        assert_eq!(Cursor::try_from("ff".to_owned()).unwrap().word(), "\u{fffd}");
    }
}
