//! Questions that people type, and rows with what hosts say: patterns are what they are, and no row leaves its place.
#![no_main]

use fuzz::query::{ListsOf, PackageQuery, matches_pattern, parse_date, parse_since};
use fuzz::table::{Cell, Format, Table, misleads};
use libfuzzer_sys::fuzz_target;
use report::package::Packager;

/// A pattern as a table of all beginnings of both.
fn plainly(pattern: &[u8], text: &[u8]) -> bool {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for wanted in pattern {
        let mut next = vec![false; text.len() + 1];
        next[0] = *wanted == b'*' && reached[0];
        for at in 0..text.len() {
            next[at + 1] = match wanted {
                b'*' => reached[at + 1] || next[at],
                wanted => reached[at] && (*wanted == b'?' || *wanted == text[at]),
            };
        }
        reached = next;
    }
    reached[text.len()]
}

// Two lines: what is asked, and what it is asked of.
fuzz_target!(|text: &str| {
    let (asked, of) = text.split_once('\n').unwrap_or((text, ""));
    if asked.len().saturating_mul(of.len()) < 100_000 {
        assert_eq!(matches_pattern(asked, of), plainly(asked.as_bytes(), of.as_bytes()));
    }
    if let Ok(question) = PackageQuery::parse(asked) {
        if let Some(name) = question.literal_name() {
            assert!(question.matches_name(name) && PackageQuery::parse(name).is_ok(), "{name:?}");
        }
        for packager in [Packager::Rpm, Packager::Dpkg] {
            assert!(question.has_bound() || question.matches_version(packager, of));
        }
    }
    let (end, beginning) = (parse_date(asked), parse_since(asked));
    assert_eq!(end.is_ok(), beginning.is_ok());
    if let (Ok(end), Ok(beginning)) = (end, beginning) {
        assert!([0, 86_399].contains(&(end.as_second() - beginning.as_second())), "{beginning} to {end}");
        assert_eq!(asked.parse::<ListsOf>(), Ok(ListsOf::Date(end)));
    }

    let cells = || vec![Cell::Text(asked.to_owned()), Cell::Number(1), Cell::Text(of.to_owned())];
    let table = Table { columns: vec!["first", "number", "last"], rows: vec![cells(), cells()] };
    for format in [Format::Table, Format::Json, Format::Csv] {
        let shown = table.render(format);
        assert!(!shown.contains(|c| misleads(c) && !['\n', '\r'].contains(&c)), "{shown:?}");
        match format {
            Format::Table => assert!(shown.split_terminator('\n').count() == 3 && !shown.contains('\r'), "{shown:?}"),
            Format::Json => {
                let rows: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
                assert_eq!((&rows[1]["first"], &rows[1]["last"]), (&asked.into(), &of.into()));
            }
            Format::Csv => {
                let mut reader = csv::Reader::from_reader(shown.as_bytes());
                let rows: Vec<_> = reader.records().map(|row| row.expect("a row")).collect();
                assert!(rows.len() == 2 && rows.iter().all(|row| row.len() == 3), "{shown:?}");
                assert!(!rows.iter().flatten().any(|cell| cell.starts_with(['=', '+', '-', '@'])), "{shown:?}");
            }
        }
    }
});
