//! dpkg's status: read in pieces of any size as in one, as a plain reading of its paragraphs has it, and refused once it is cut.
#![no_main]

use std::io::{self, Read};
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use reporter::packages::dpkg;

type Installed = Vec<[String; 3]>;

/// Gives so many bytes at a time.
struct Slowly<'a>(&'a [u8], usize);

impl Read for Slowly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

fn read(source: impl Read) -> Result<(Installed, u64), String> {
    let (packages, length) = dpkg::parse(source, Path::new("status")).map_err(|error| error.to_string())?;
    let texts = |package: report::package::Package<'_>| [package.name, package.version, package.arch].map(Into::into);
    Ok((packages.into_iter().map(texts).collect(), length))
}

/// The packages of whole paragraphs; nothing when one of them is none, or has no end.
fn plainly(text: &str) -> Option<Installed> {
    let mut installed = Vec::new();
    let (whole, rest) = text.rsplit_once("\n\n").unwrap_or(("", text));
    let paragraphs = whole.split("\n\n").map(|paragraph| paragraph.trim_start_matches('\n'));
    for paragraph in paragraphs.filter(|paragraph| !paragraph.is_empty()) {
        let value = |field: &str| paragraph.lines().rev().find_map(|line| line.strip_prefix(field)).map(trimmed);
        let name = value("Package:")?;
        if value("Status:")? == "install ok installed" {
            installed.push([name, value("Version:")?, value("Architecture:")?]);
        }
    }
    rest.bytes().all(|byte| byte == b'\n').then_some(installed)
}

fn trimmed(text: &str) -> String {
    text.trim_matches([' ', '\t', '\r', '\x0c', '\n']).to_owned()
}

// The first two bytes choose the size of the pieces and where the file is cut.
fuzz_target!(|bytes: &[u8]| {
    let Some(([size, cut], status)) = bytes.split_first_chunk() else { return };
    let got = read(status);
    assert_eq!(read(Slowly(status, usize::from(*size) + 1)), got, "it matters how it comes");
    if let Ok(text) = str::from_utf8(status)
        // `str::lines` takes a carriage return away that we keep until the value is trimmed.
        && !text.contains('\r')
    {
        assert_eq!(got.as_ref().ok().map(|(installed, _)| installed), plainly(text).as_ref(), "{got:?}");
    }
    let Ok((_, length)) = got else { return };
    assert_eq!(length, status.len() as u64);
    let end = status.len().saturating_sub(usize::from(*cut));
    let kept = &status[..end];
    if !kept.ends_with(b"\n\n") && kept.iter().any(|byte| *byte != b'\n') {
        assert!(read(kept).is_err(), "cut short, and not noticed");
    }
});
