//! Debian's `Packages`: paragraphs of `Field: value` (Debian Policy, section 5.1; repository format of the Debian wiki).

use std::io::{BufRead, Read as _};

use report::package::Packager;

use super::{Newest, RepositoryProblem};

/// Longest line, in bytes: dependencies of large packages have some ten thousand.
const LONGEST_LINE: u64 = 1024 * 1024;

/// What a paragraph says.
#[derive(Default)]
struct Paragraph {
    package: String,
    version: String,
    fields: usize,
    /// `Directory` stands in indices of source packages, where binary ones have `Filename`.
    is_source: bool,
}

pub(super) fn read(mut source: impl BufRead, newest: &mut Newest) -> Result<(), RepositoryProblem> {
    newest.begin(Packager::Dpkg);
    let mut paragraph = Paragraph::default();
    let mut bytes = Vec::new();
    let mut line = 0;
    loop {
        bytes.clear();
        line += 1;
        let wrong = |what| RepositoryProblem::Line { line, what };
        if (&mut source).take(LONGEST_LINE).read_until(b'\n', &mut bytes)? == 0 {
            return paragraph.finish(line, newest);
        }
        let Some(text) = bytes.strip_suffix(b"\n") else {
            let cut = (bytes.len() as u64) < LONGEST_LINE;
            return Err(wrong(if cut {
                "the file ends inside a line: it was cut short"
            } else {
                "is longer than any"
            }));
        };
        match text {
            [] | [b'\r'] => std::mem::take(&mut paragraph).finish(line, newest)?,
            // Continuations of the field before, and comments.
            [b' ' | b'\t' | b'#', ..] => {}
            text => paragraph.take(text).ok_or_else(|| wrong("expected `Field: value`"))?,
        }
    }
}

impl Paragraph {
    /// `None` when the line is no field. Values that are not asked for may be of any encoding.
    fn take(&mut self, line: &[u8]) -> Option<()> {
        let at = line.iter().position(|byte| *byte == b':')?;
        let (field, value) = line.split_at_checked(at)?;
        if field.is_empty() || field.contains(&b' ') {
            return None;
        }
        let value = || Some(std::str::from_utf8(value.get(1..)?).ok()?.trim().to_owned());
        self.fields += 1;
        match field.to_ascii_lowercase().as_slice() {
            b"package" => self.package = value()?,
            b"version" => self.version = value()?,
            b"directory" => self.is_source = true,
            _ => {}
        }
        Some(())
    }

    fn finish(self, line: u64, newest: &mut Newest) -> Result<(), RepositoryProblem> {
        if self.fields == 0 || self.is_source {
            return Ok(());
        }
        if self.package.is_empty() || self.version.is_empty() {
            return Err(RepositoryProblem::Line { line, what: "a paragraph without Package or Version ends here" });
        }
        newest.offer(&self.package, &self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::super::read as read_metadata;
    use super::*;

    const PACKAGES: &str = "Package: xrootd-server\nArchitecture: amd64\nVersion: 5.6.4-2\nDescription: a\n text: with colons\n .\nFilename: x.deb\n\npackage: xrootd-server\nversion:5.6.10-1\nArchitecture: arm64\n\n\nPackage: xrootd\nVersion: 9-1\nDirectory: pool/x\nBinary: xrootd-server\n\nPackage: libc6\nVersion: 2.36-9+deb12u4\n";

    fn newest(text: &[u8], pattern: &str) -> Result<Vec<(String, String)>, RepositoryProblem> {
        let newest = read_metadata(text, Newest::of(&[pattern.to_owned()])?)?;
        Ok(newest.versions().clone().into_iter().collect())
    }

    #[test]
    fn paragraphs_give_their_newest_version() {
        for text in [PACKAGES.to_owned(), PACKAGES.replace('\n', "\r\n")] {
            let found = newest(text.as_bytes(), "*").unwrap();
            let found: Vec<_> = found.iter().map(|(name, version)| (name.as_str(), version.as_str())).collect();
            assert_eq!(found, [("libc6", "2.36-9+deb12u4"), ("xrootd-server", "5.6.10-1")]);
        }
        let latin1 = [PACKAGES.as_bytes(), b"Maintainer: Andr\xe9\n"].concat();
        assert_eq!(newest(&latin1, "libc6").unwrap().len(), 1);
    }

    #[test]
    fn what_is_not_whole_is_told_with_its_line() {
        let long = format!("Package: a\nVersion: 1\nDepends: {}\n", "b,".repeat(1 << 20));
        for (text, told) in [
            (PACKAGES.trim_end(), "line 20: the file ends inside a line"),
            ("Origin: Debian\nSuite: stable\n", "line 3: a paragraph without Package or Version"),
            ("Package: a\n\nPackage: b\nVersion: 1\n", "line 2: a paragraph without"),
            ("Package: a\nno field\n", "line 2: expected `Field: value`"),
            ("name,version\n", "line 1: expected"),
            (long.as_str(), "line 3: is longer"),
            ("", "none of its 0 packages"),
        ] {
            let error = newest(text.as_bytes(), "a").unwrap_err().to_string();
            assert!(error.contains(told), "{told}: {error}");
        }
    }
}
