//! The CSV form of a reference list, for people who keep theirs in a spreadsheet.

use serde::Deserialize;

use super::{Reference, ReferenceError, ReferenceList, date};

/// The columns of the CSV form, in the order in which they are written; they may be read in any.
pub const COLUMNS: [&str; 8] = ["product", "package", "os", "minimum", "blocked", "since", "deadline", "url"];

impl ReferenceList {
    /// Reads the CSV form, whose first row names the columns; `blocked` holds versions separated by spaces.
    ///
    /// # Errors
    /// [`ReferenceError`] with the line or the reference that is wrong.
    pub fn from_csv(text: &str, name: &str) -> Result<Self, ReferenceError> {
        // Spreadsheets begin their UTF-8 with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let columns = reader.headers()?.clone();
        if let Some(unknown) = columns.iter().find(|column| !COLUMNS.contains(column)) {
            return Err(ReferenceError::Column(unknown.to_owned()));
        }
        let (mut references, mut lines) = (Vec::new(), Vec::new());
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, |position| line_of(text, position));
            lines.push(line);
            references.push(record.deserialize::<Row>(Some(&columns))?.into_reference(line)?);
        }
        let list = ReferenceList { name: name.to_owned(), references };
        list.check(&lines)?;
        Ok(list)
    }

    /// Writes the CSV form, which reads back as it is: it comes from the officer's team, not from hosts.
    ///
    /// # Errors
    /// [`ReferenceError::Csv`].
    pub fn to_csv(&self) -> Result<String, ReferenceError> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(COLUMNS)?;
        for reference in &self.references {
            writer.write_record(reference.columns().map(|(_, value)| value))?;
        }
        let bytes = writer.into_inner().map_err(|error| ReferenceError::Write(error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| ReferenceError::Write(error.to_string()))
    }
}

/// A record's position is where the one before it ended: empty lines may lie between.
fn line_of(text: &str, position: &csv::Position) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = text.get(start..).unwrap_or_default();
    (rest.bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| *byte == b'\n'))
        .fold(position.line(), |line, _| line + 1)
}

#[derive(Deserialize)]
struct Row {
    product: String,
    package: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    minimum: String,
    #[serde(default)]
    blocked: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    deadline: String,
    #[serde(default)]
    url: String,
}

impl Row {
    fn into_reference(self, line: u64) -> Result<Reference, ReferenceError> {
        let given = |text: String| (!text.is_empty()).then_some(text);
        let date = |text: String| {
            given(text).map(|text| date::parse(&text).ok_or(ReferenceError::Date { line, text })).transpose()
        };
        Ok(Reference {
            product: self.product,
            package: self.package,
            os: given(self.os),
            minimum: given(self.minimum),
            blocked: self.blocked.split_whitespace().map(str::to_owned).collect(),
            since: date(self.since)?,
            deadline: date(self.deadline)?,
            url: given(self.url),
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::Date;
    use proptest::prelude::*;

    use super::*;

    fn dates() -> impl Strategy<Value = Option<Date>> {
        proptest::option::of(
            (1i16..=9999, 1i8..=12, 1i8..=28).prop_map(|(year, month, day)| Date::constant(year, month, day)),
        )
    }

    fn references() -> impl Strategy<Value = Reference> {
        let words = || "[^\\pC\\pZ]{1,8}( [^\\pC\\pZ]{1,8})?";
        let version = || "[!-~]{1,12}";
        let asked = (proptest::option::of(version()), proptest::collection::vec(version(), 0..3))
            .prop_filter("asks for nothing", |(minimum, blocked)| minimum.is_some() || !blocked.is_empty());
        (words(), words(), proptest::option::of(version()), asked, dates(), dates(), proptest::option::of(words()))
            .prop_map(|(product, package, os, (minimum, blocked), since, deadline, url)| Reference {
                product,
                package,
                os,
                minimum,
                blocked,
                since,
                deadline,
                url,
            })
    }

    proptest! {
        #[test]
        fn every_list_reads_back_from_both_forms(references in proptest::collection::vec(references(), 0..6)) {
            let mut references = references;
            for (at, reference) in references.iter_mut().enumerate() {
                reference.package.push_str(&at.to_string());
            }
            let list = ReferenceList { name: "WLCG baseline".to_owned(), references };
            prop_assert_eq!(&ReferenceList::from_toml(&list.to_toml().unwrap()).unwrap(), &list);
            prop_assert_eq!(&ReferenceList::from_csv(&list.to_csv().unwrap(), &list.name).unwrap(), &list);
        }

        #[test]
        fn no_text_breaks_the_readers(text in "(product,package,minimum\n)?[ -~\n\"\u{feff}]{0,80}") {
            let _ = ReferenceList::from_csv(&text, "x");
            let _ = ReferenceList::from_toml(&text);
        }
    }

    #[test]
    fn a_spreadsheet_s_own_file_is_read() {
        let list = ReferenceList::from_csv("\u{feff}package,product,blocked\r\na,b,1 2\r\n", "x").unwrap();
        assert_eq!(list.references[0].blocked, ["1", "2"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, told) in [
            ("product,package,min\na,b,1\n", "\"min\""),
            ("product,package,minimum,since\n\na,b,1,x\n", "line 3"),
            ("product,package,minimum,since\na,b,1,2026-01-01 10:00\n", "line 2"),
            ("product,package,minimum,since\r\na,\"b\nc\",1,\r\nd,e,1,x\r\n", "line 4"),
            ("product,package,minimum\na,b\n", "line: 2"),
            ("product,minimum\na,1\n", "package"),
            ("product,package,minimum\na,b,1\na,b,2\n", "line 3 (b), package: stands twice"),
        ] {
            let error = ReferenceList::from_csv(text, "x").unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
