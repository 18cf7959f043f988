//! The only way of a value onto a page: HTML escaped, controls and marks of direction made visible.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};

use crate::table;

/// The escaper of every template (`askama.toml`).
#[derive(Debug, Clone, Copy)]
pub struct Harmless;

impl Escaper for Harmless {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        // Most of what is shown is plain ASCII, which is told by its bytes.
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.contains(misleads) {
            return Html.write_escaped_str(dest, text);
        }
        for piece in text.split_inclusive(misleads) {
            let plain = piece.trim_end_matches(misleads);
            Html.write_escaped_str(&mut dest, plain)?;
            if plain.len() < piece.len() {
                dest.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

/// Line feeds and tabs are space in HTML, and belong into texts that people edit.
fn misleads(c: char) -> bool {
    table::misleads(c) && c != '\n' && c != '\t'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn harmless(text: &str) -> String {
        let mut out = String::new();
        Harmless.write_escaped_str(&mut out, text).unwrap();
        out
    }

    #[test]
    fn what_hosts_say_stays_text() {
        assert_eq!(harmless("bash 5.1"), "bash 5.1");
        assert!(!harmless("<script>\"'&").contains(['<', '>', '"', '\'']));
        assert_eq!(harmless("a\u{202E}b\u{1b}c\n"), "a\u{FFFD}b\u{FFFD}c\n");
        assert_eq!(harmless("<\u{202E}\u{202E}>").matches('\u{FFFD}').count(), 2);
    }
}
