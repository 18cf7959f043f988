//! Answers as rows: for people, programs and spreadsheets, with whatever hosts put into them made harmless.

use std::fmt::Write as _;

use jiff::Timestamp;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns for a terminal.
    Table,
    /// An array of objects.
    Json,
    /// RFC 4180.
    Csv,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Text, hostile when it came from a host.
    Text(String),
    /// A number.
    Number(i64),
    /// A time, or none yet.
    Time(Option<Timestamp>),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns; keys in JSON.
    pub columns: Vec<&'static str>,
    /// Values, as many in each row as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// Longer values are cut in the table; JSON and CSV have them whole.
const WIDEST: usize = 70;

impl Table {
    /// The answer as text, ending in a line feed.
    #[must_use]
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Table => self.aligned(),
            Format::Json => self.json(),
            Format::Csv => self.csv(),
        }
    }

    fn aligned(&self) -> String {
        if self.rows.is_empty() {
            return "nothing to show\n".to_owned();
        }
        let texts: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(|cell| cut(&visible(&cell.text()), WIDEST)).collect()).collect();
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let widest = texts.iter().filter_map(|row| row.get(at)).map(|text| text.chars().count()).max();
                widest.unwrap_or_default().max(name.len())
            })
            .collect();
        let mut out = String::new();
        let mut line = |cells: &mut dyn Iterator<Item = &str>| {
            let start = out.len();
            for (cell, width) in cells.zip(&widths) {
                let _ = write!(out, "{cell:<width$}  ");
            }
            out.truncate(out.trim_end().len().max(start));
            out.push('\n');
        };
        let titles: Vec<String> = self.columns.iter().map(|name| name.to_uppercase().replace('_', " ")).collect();
        line(&mut titles.iter().map(String::as_str));
        for row in &texts {
            line(&mut row.iter().map(String::as_str));
        }
        out
    }

    fn json(&self) -> String {
        let object = |row: &Vec<Cell>| {
            let values = self.columns.iter().zip(row).map(|(name, cell)| {
                let value = match cell {
                    Cell::Text(text) => text.as_str().into(),
                    Cell::Number(number) => (*number).into(),
                    Cell::Time(time) => time.map(|time| time.to_string()).into(),
                };
                ((*name).to_owned(), value)
            });
            serde_json::Value::Object(values.collect())
        };
        let rows: Vec<_> = self.rows.iter().map(object).collect();
        harmless_json(&serde_json::to_string_pretty(&rows).unwrap_or_default()) + "\n"
    }

    fn csv(&self) -> String {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        // Writing to memory does not fail.
        let _ = writer.write_record(&self.columns);
        for row in &self.rows {
            let _ = writer.write_record(row.iter().map(|cell| match cell {
                Cell::Text(text) => no_formula(&visible(text)),
                other => other.text(),
            }));
        }
        String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
    }
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.to_string(),
            Cell::Time(time) => time.map(|time| time.to_string()).unwrap_or_default(),
        }
    }
}

/// Text without what moves the cursor, changes colours or turns the writing direction.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars().map(|c| if misleads(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Whether a character moves the cursor, changes colours, turns the writing direction or has no width.
#[must_use]
pub fn misleads(c: char) -> bool {
    c.is_control() || is_format(c)
}

/// Marks and overrides of direction, and what has no width (Unicode, general category Cf, those that mislead).
fn is_format(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// JSON without what misleads a terminal, as escapes: the values stay the same (RFC 8259, section 7).
#[must_use]
pub fn harmless_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // Line feeds are the layout's own: within values they have been escaped already.
        if c == '\n' || !misleads(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// At most so many characters, the last an ellipsis when there were more.
#[must_use]
pub fn cut(text: &str, widest: usize) -> String {
    match text.char_indices().nth(widest) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

/// A leading apostrophe keeps spreadsheets from reading a text as a formula; some read the full-width signs too.
fn no_formula(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hostile() -> Table {
        let text = |text: &str| Cell::Text(text.to_owned());
        Table {
            columns: vec!["host", "packages", "last_report"],
            rows: vec![
                vec![text("=HYPERLINK(1)"), Cell::Number(3), Cell::Time(Timestamp::from_second(0).ok())],
                vec![text("\u{1b}[31mred\u{202E}txt\n"), Cell::Number(-1), Cell::Time(None)],
                vec![text(&"x".repeat(10_000)), Cell::Number(0), Cell::Time(None)],
                vec![text("\u{9b}2J\u{E0001}"), Cell::Number(0), Cell::Time(None)],
            ],
        }
    }

    #[test]
    fn a_terminal_gets_no_escapes_and_no_endless_lines() {
        let shown = hostile().render(Format::Table);
        assert_eq!(shown.lines().count(), 5);
        assert!(shown.lines().all(|line| line.chars().count() < 200), "{shown}");
        assert!(!shown.contains(['\u{1b}', '\u{202E}']));
        assert!(shown.starts_with("HOST"));
    }

    #[test]
    fn a_spreadsheet_gets_no_formula() {
        let csv = hostile().render(Format::Csv);
        assert!(csv.contains("'=HYPERLINK(1),3,1970-01-01T00:00:00Z\r\n"), "{csv}");
        assert!(csv.contains(&"x".repeat(10_000)));
    }

    #[test]
    fn a_program_gets_everything_as_it_is() {
        let json = hostile().render(Format::Json);
        assert!(!json.contains(['\u{1b}', '\u{202E}', '\u{9b}', '\u{E0001}']));
        let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(rows[3]["host"], "\u{9b}2J\u{E0001}");
        assert_eq!(rows[1]["host"], "\u{1b}[31mred\u{202E}txt\n");
        assert_eq!(rows[0]["packages"], 3);
        assert!(rows[1]["last_report"].is_null());
    }
}
