//! Report text, version 1: written and read, with the line number of whatever cannot be read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::hash::Hash;
use crate::package::{Package, Packager};
use crate::report::{Header, Report};

/// Writes a report: header lines sorted by name, package lines sorted bytewise and each once.
///
/// # Errors
/// [`TextError`] when a value holds a control character and would not read back as it is.
pub fn write(report: &Report<'_>) -> Result<String, TextError> {
    let Header { host, site, packager, collected, facts } = &report.header;
    let mut lines: BTreeMap<&str, Cow<'_, str>> =
        facts.iter().map(|(name, value)| (name.as_ref(), Cow::Borrowed(value.as_ref()))).collect();
    lines.insert("host", Cow::Borrowed(host));
    lines.insert("packager", Cow::Borrowed(packager.as_str()));
    lines.insert("version", Cow::Borrowed("1"));
    if let Some(site) = site {
        lines.insert("site", Cow::Borrowed(site));
    }
    if let Some(collected) = collected {
        lines.insert("collected", Cow::Owned(collected.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()));
    }
    let mut text = String::with_capacity(report.packages.len() * 48 + 512);
    text.push_str("#\n");
    for (name, value) in lines {
        if !is_header_name(name) || has_control(&value) {
            let kind = Expected::WritableHeader(name.escape_debug().to_string());
            return Err(TextError { line: line_of_end(&text), expected: kind });
        }
        let _ = writeln!(text, "{name}: {}", value.trim());
    }
    text.push_str("#\n");
    text.push_str(&package_lines(*packager, &report.packages)?);
    text.push_str("#\n");
    Ok(text)
}

/// Reads a whole report.
///
/// # Errors
/// [`TextError`] with the line number and what was expected there.
pub fn read(text: &[u8]) -> Result<Report<'_>, TextError> {
    let (header, section) = read_header(text)?;
    Ok(Report { header, packages: section.parse()? })
}

/// Reads the header and finds the package section, whose closing separator must be there, without parsing its lines.
///
/// # Errors
/// [`TextError`] with the line number and what was expected there.
pub fn read_header(text: &[u8]) -> Result<(Header<'_>, PackageSection<'_>), TextError> {
    let text = std::str::from_utf8(text).map_err(|error| {
        let valid = text.get(..error.valid_up_to()).unwrap_or_default();
        TextError { line: 1 + valid.iter().filter(|byte| **byte == b'\n').count(), expected: Expected::Utf8 }
    })?;
    let mut lines = Lines { rest: text, number: 0 };
    match lines.next_line() {
        Some((_, "#")) => {}
        _ => return Err(TextError { line: 1, expected: Expected::OpeningSeparator }),
    }
    let mut values: BTreeMap<Cow<'_, str>, Cow<'_, str>> = BTreeMap::new();
    let mut packager_line = 1;
    let mut collected_line = 1;
    loop {
        let Some((number, line)) = lines.next_line() else {
            return Err(TextError { line: lines.number, expected: Expected::HeaderOrSeparator });
        };
        if line == "#" {
            break;
        }
        let (name, value) = line
            .split_once(':')
            .filter(|(name, value)| is_header_name(name) && !has_control(value))
            .ok_or(TextError { line: number, expected: Expected::HeaderOrSeparator })?;
        match name {
            "packager" => packager_line = number,
            "collected" => collected_line = number,
            _ => {}
        }
        if values.insert(Cow::Borrowed(name), Cow::Borrowed(value.trim())).is_some() {
            return Err(TextError { line: number, expected: Expected::HeaderOnce(name.to_owned()) });
        }
    }
    let end_of_header = lines.number;
    let missing = |name: &'static str| TextError { line: end_of_header, expected: Expected::Header(name) };

    if let Some(version) = values.remove("version")
        && version != "1"
    {
        return Err(TextError { line: end_of_header, expected: Expected::Version(version.into_owned()) });
    }
    let host = values.remove("host").ok_or_else(|| missing("host"))?;
    let host = match host {
        Cow::Borrowed(names) => names.split_whitespace().next().map(Cow::Borrowed),
        Cow::Owned(names) => names.split_whitespace().next().map(|name| Cow::Owned(name.to_owned())),
    }
    .ok_or_else(|| missing("host"))?;
    let packager: Packager = values
        .remove("packager")
        .ok_or_else(|| missing("packager"))?
        .parse()
        .map_err(|_| TextError { line: packager_line, expected: Expected::Packager })?;
    let collected: Option<Timestamp> = values
        .remove("collected")
        .map(|time| parse_time(&time).ok_or(TextError { line: collected_line, expected: Expected::Time }))
        .transpose()?;
    let site = values.remove("site").filter(|site| !site.is_empty());

    let first_line = lines.number + 1;
    let rest = lines.rest;
    let section = closed_section(rest, first_line)?;
    Ok((
        Header { host, site, packager, collected, facts: values },
        PackageSection { packager, lines: section, first_line },
    ))
}

/// The package lines of a report as they came, closed by their separator but not yet parsed.
#[derive(Debug, Clone, Copy)]
pub struct PackageSection<'a> {
    packager: Packager,
    lines: &'a str,
    first_line: usize,
}

impl<'a> PackageSection<'a> {
    /// The hash of the lines as they came: the same as [`list_hash`] of the parsed packages when they came in canonical form.
    #[must_use]
    pub fn hash_as_received(&self) -> Hash {
        hash_of_lines(self.packager, self.lines)
    }

    /// Parses every line, in the order in which they came.
    ///
    /// # Errors
    /// [`TextError`] with the line number in the report.
    pub fn parse(&self) -> Result<Vec<Package<'a>>, TextError> {
        let mut lines = Lines { rest: self.lines, number: self.first_line - 1 };
        let mut packages = Vec::with_capacity(self.lines.len() / 32);
        while let Some((number, line)) = lines.next_line() {
            packages.push(package(self.packager, line).map_err(|expected| TextError { line: number, expected })?);
        }
        Ok(packages)
    }

    /// The lines, without their ends, when they stand in the order of a canonical list and each once: a list whose lines are each
    /// [canonical](PackageSection::canonical) has the hash [`PackageSection::hash_as_received`] then.
    #[must_use]
    pub fn ascending_lines(&self) -> Option<Vec<&'a str>> {
        let mut lines = Vec::with_capacity(self.lines.len() / 32);
        let (mut start, mut last) = (0, "");
        for end in memchr::memchr_iter(b'\n', self.lines.as_bytes()) {
            // Canonical lines are in order with their ends.
            let whole = self.lines.get(start..=end).filter(|whole| last < *whole)?;
            lines.push(self.lines.get(start..end)?);
            (start, last) = (end + 1, whole);
        }
        (start == self.lines.len()).then_some(lines)
    }

    /// The package of a line, if that is how its package is written.
    #[must_use]
    pub fn canonical(&self, line: &'a str) -> Option<Package<'a>> {
        let package = package(self.packager, line).ok()?;
        let written = package_lines(self.packager, std::slice::from_ref(&package)).ok()?;
        (written.strip_suffix('\n') == Some(line)).then_some(package)
    }

    /// The manager that a line without one speaks of.
    #[must_use]
    pub fn packager(&self) -> Packager {
        self.packager
    }
}

fn package(of_report: Packager, line: &str) -> Result<Package<'_>, Expected> {
    let mut fields = line.split('\t');
    let (Some(name), Some(version), Some(arch)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(Expected::Package);
    };
    let arch = arch.trim_end_matches(' ');
    let packager = match fields.next() {
        None => of_report,
        Some(word) => word.parse().map_err(|_| Expected::Packager)?,
    };
    if fields.next().is_some()
        || name.is_empty()
        || version.is_empty()
        || [name, version, arch].into_iter().any(has_control)
    {
        return Err(Expected::Package);
    }
    Ok(Package { name: Cow::Borrowed(name), version: Cow::Borrowed(version), arch: Cow::Borrowed(arch), packager })
}

/// The identity of a set of packages: the hash of its canonical lines, whatever order or form they came in.
///
/// # Errors
/// [`TextError`] when a package could not be written, see [`write`].
pub fn list_hash(packager: Packager, packages: &[Package<'_>]) -> Result<Hash, TextError> {
    Ok(hash_of_lines(packager, &package_lines(packager, packages)?))
}

fn hash_of_lines(packager: Packager, lines: &str) -> Hash {
    Hash::of_parts([packager.as_str().as_bytes(), b"\n", lines.as_bytes()])
}

fn package_lines(packager: Packager, packages: &[Package<'_>]) -> Result<String, TextError> {
    let mut written = String::with_capacity(packages.len() * 48);
    for package in packages {
        let Package { name, version, arch, packager: own } = package;
        if name.is_empty() || version.is_empty() || [name, version, arch].into_iter().any(|field| has_control(field)) {
            let shown = format!("{name} {version} {arch}").escape_debug().to_string();
            return Err(TextError { line: 0, expected: Expected::WritablePackage(shown) });
        }
        for part in [name.as_ref(), "\t", version.as_ref(), "\t", arch.as_ref()] {
            written.push_str(part);
        }
        if *own != packager {
            written.push('\t');
            written.push_str(own.as_str());
        }
        written.push('\n');
    }
    // No field holds a line's end, so that lines are again what was written.
    let mut lines: Vec<&str> = written.split_inclusive('\n').collect();
    if lines.is_sorted_by(|line, next| line < next) {
        return Ok(written);
    }
    lines.sort_unstable();
    lines.dedup();
    Ok(lines.concat())
}

/// Cuts the package section at the separator that must end the text.
fn closed_section(rest: &str, first_line: usize) -> Result<&str, TextError> {
    // As our own reporter writes it: one separator, at the end.
    if let Some(lines) = rest.strip_suffix("#\n")
        && (lines.is_empty() || lines.ends_with('\n'))
        && !lines.starts_with('#')
        && !lines.contains("\n#")
    {
        return Ok(lines);
    }
    let mut lines = Lines { rest, number: first_line - 1 };
    let mut length = 0;
    while let Some((number, line)) = lines.next_line() {
        if line == "#" {
            return match lines.next_line() {
                None => rest.get(..length).ok_or(TextError { line: number, expected: Expected::ClosingSeparator }),
                Some((number, _)) => Err(TextError { line: number, expected: Expected::End }),
            };
        }
        length = rest.len() - lines.rest.len();
    }
    Err(TextError { line: lines.number + 1, expected: Expected::ClosingSeparator })
}

/// Lines with their numbers, freed of the carriage returns and trailing spaces of legacy hosts.
struct Lines<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Lines<'a> {
    fn next_line(&mut self) -> Option<(usize, &'a str)> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        self.number += 1;
        Some((self.number, line.trim_end_matches(['\r', ' '])))
    }
}

/// A name without colon or space, so that what is read can be written.
fn is_header_name(name: &str) -> bool {
    !name.is_empty() && !name.contains([':', ' ']) && !has_control(name)
}

/// RFC 3339 to the second, not before 1970.
fn parse_time(text: &str) -> Option<Timestamp> {
    let seconds = text.parse::<Timestamp>().ok()?.as_second();
    Timestamp::from_second(seconds).ok().filter(|time| *time >= Timestamp::UNIX_EPOCH)
}

fn has_control(text: &str) -> bool {
    // Most texts are ASCII and without.
    text.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) && text.chars().any(char::is_control)
}

fn line_of_end(text: &str) -> usize {
    text.lines().count() + 1
}

/// A text that is no report, with the line (from 1) and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {expected}")]
pub struct TextError {
    /// Line number, from 1; 0 when the packages were never a text.
    pub line: usize,
    /// What should have been there.
    pub expected: Expected,
}

impl TextError {
    /// Whether the report ends before its closing separator: a connection or a disk cut it short.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.expected == Expected::ClosingSeparator
    }
}

/// What a line should have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Expected {
    /// The text is not UTF-8.
    #[error("expected UTF-8")]
    Utf8,
    /// The first line.
    #[error("expected a first line that is `#` alone")]
    OpeningSeparator,
    /// A header line or the end of the header.
    #[error("expected `name: value` without control characters, or `#` alone")]
    HeaderOrSeparator,
    /// A name came a second time.
    #[error("expected header `{0}` once")]
    HeaderOnce(String),
    /// A header without which the report means nothing.
    #[error("expected a header `{0}: ...` above")]
    Header(&'static str),
    /// A later version of the format.
    #[error("expected `version: 1`, found {0:?}")]
    Version(String),
    /// A manager whose versions we can order.
    #[error("expected packager rpm or dpkg")]
    Packager,
    /// The time of collection.
    #[error("expected `collected:` as RFC 3339, such as 2026-01-31T04:05:06Z")]
    Time,
    /// A package line.
    #[error("expected name TAB version TAB architecture")]
    Package,
    /// The end of a whole report.
    #[error("truncated: expected package lines and a closing `#` before the end")]
    ClosingSeparator,
    /// Nothing more.
    #[error("expected nothing after the closing `#`")]
    End,
    /// A header that cannot be written.
    #[error("header `{0}` holds a control character, or its name a colon or space")]
    WritableHeader(String),
    /// A package that cannot be written.
    #[error("package `{0}` lacks a name or version or holds a control character")]
    WritablePackage(String),
}
