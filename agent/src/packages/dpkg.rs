//! dpkg's own list, /var/lib/dpkg/status (deb-control(5), dpkg(1) "status"): read directly, without a lock or a process.

use std::borrow::Cow;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use report::package::{Package, Packager};

use super::CollectError;

/// Where dpkg keeps its list, below the root.
const STATUS: &str = "var/lib/dpkg/status";

/// dpkg puts a new list in place by renaming, and the one that we have open stays as it was. Should anything else write into the
/// file itself, one more try sees it whole.
const TRIES: u32 = 5;

/// The file, whether it is there or not.
#[must_use]
pub fn file(root: &Path) -> PathBuf {
    root.join(STATUS)
}

/// The packages that are `install ok installed`; `None` on a host without dpkg.
///
/// # Errors
/// [`CollectError`] when the file cannot be read whole.
pub fn read(root: &Path) -> Result<Option<Vec<Package<'static>>>, CollectError> {
    let file = file(root);
    let read_error = |source| CollectError::Read { file: file.clone(), source };
    for _ in 0..TRIES {
        let source = match File::open(&file) {
            Ok(source) => source,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(read_error(error)),
        };
        let state = || source.metadata().map(|found| (found.size(), found.mtime(), found.mtime_nsec()));
        let before = state().map_err(read_error)?;
        let (packages, length) = parse(&source, &file)?;
        if state().map_err(read_error)? == before && length == before.0 {
            return Ok(Some(packages));
        }
    }
    Err(CollectError::Changing(file))
}

/// Reads the paragraphs of a status file, a piece at a time, and how many bytes it has.
///
/// # Errors
/// [`CollectError::Dpkg`] with the line of a paragraph that is cut short.
pub fn parse(mut source: impl Read, file: &Path) -> Result<(Vec<Package<'static>>, u64), CollectError> {
    let mut reading = Reading { file, packages: Vec::with_capacity(1_024), line: 0 };
    let mut buffer = vec![0; PIECE];
    let (mut kept, mut length) = (0, 0_u64);
    loop {
        let room = buffer.get_mut(kept..).unwrap_or_default();
        let read = match source.read(room) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(source) => return Err(CollectError::Read { file: file.to_owned(), source }),
        };
        length += read as u64;
        let known = kept + read;
        let bytes = buffer.get(..known).unwrap_or_default();
        // Paragraphs that are here whole end with an empty line.
        let whole = memchr::memmem::rfind(bytes, b"\n\n").map_or(0, |place| place + 2);
        reading.paragraphs(bytes.get(..whole).unwrap_or_default())?;
        buffer.copy_within(whole..known, 0);
        kept = known - whole;
        if kept == buffer.len() {
            buffer.resize(2 * kept, 0);
        }
    }
    // dpkg ends every paragraph with an empty line: what comes behind the last one was cut, or never reached the disk.
    let rest = buffer.get(..kept).unwrap_or_default();
    match rest.iter().position(|byte| *byte != b'\n') {
        Some(empty) => Err(cut(file, reading.line + empty + 1)),
        None => Ok((reading.packages, length)),
    }
}

/// What is read at once.
const PIECE: usize = 64 * 1024;

struct Reading<'a> {
    file: &'a Path,
    packages: Vec<Package<'static>>,
    /// Lines so far.
    line: usize,
}

impl Reading<'_> {
    fn paragraphs(&mut self, bytes: &[u8]) -> Result<(), CollectError> {
        let mut paragraph = Paragraph::default();
        let mut begin = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            self.line += 1;
            let line = bytes.get(begin..end).unwrap_or_default();
            begin = end + 1;
            paragraph.begun |= !line.is_empty();
            match line.first() {
                None => self
                    .packages
                    .extend(std::mem::take(&mut paragraph).finish(self.file, self.line)?.map(Package::into_owned)),
                // A field that goes on: descriptions, conffiles.
                Some(b' ' | b'\t') => {}
                Some(_) => paragraph.field(line),
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Paragraph<'a> {
    /// Whether there is anything in it.
    begun: bool,
    name: Option<&'a [u8]>,
    version: Option<&'a [u8]>,
    arch: Option<&'a [u8]>,
    status: Option<&'a [u8]>,
}

impl<'a> Paragraph<'a> {
    fn field(&mut self, line: &'a [u8]) {
        let slot = match line.first() {
            Some(b'P') => (b"Package:".as_slice(), &mut self.name),
            Some(b'V') => (b"Version:".as_slice(), &mut self.version),
            Some(b'A') => (b"Architecture:".as_slice(), &mut self.arch),
            Some(b'S') => (b"Status:".as_slice(), &mut self.status),
            _ => return,
        };
        if let (Some(value), field) = (line.strip_prefix(slot.0), slot.1) {
            *field = Some(value.trim_ascii());
        }
    }

    fn finish(self, file: &Path, line: usize) -> Result<Option<Package<'a>>, CollectError> {
        if !self.begun {
            return Ok(None);
        }
        let name = self.name.ok_or_else(|| cut(file, line))?;
        let status = self.status.ok_or_else(|| cut(file, line))?;
        if status != b"install ok installed" {
            return Ok(None);
        }
        let (Some(version), Some(arch)) = (self.version, self.arch) else { return Err(cut(file, line)) };
        let text = |bytes: &'a [u8]| -> Cow<'a, str> { String::from_utf8_lossy(bytes) };
        Ok(Some(Package { name: text(name), version: text(version), arch: text(arch), packager: Packager::Dpkg }))
    }
}

fn cut(file: &Path, line: usize) -> CollectError {
    CollectError::Dpkg { file: PathBuf::from(file), line, what: "the paragraph above is cut short" }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATUS_FILE: &str = "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2+b2\nDescription: shell\n Package: not-a-package\n\nPackage: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\nPackage: half\nStatus: install ok half-installed\nArchitecture: all\nVersion: 1\n\n";

    fn names(text: &str) -> Vec<String> {
        parse(text.as_bytes(), Path::new("status"))
            .unwrap()
            .0
            .iter()
            .map(|p| format!("{} {}", p.name, p.version))
            .collect()
    }

    #[test]
    fn only_what_is_installed_is_reported() {
        assert_eq!(names(STATUS_FILE), ["bash 5.2.15-2+b2"]);
        assert_eq!(names(""), Vec::<String>::new());
    }

    #[test]
    fn every_cut_is_noticed_or_between_paragraphs() {
        let whole = ["Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n"; 3].concat();
        for end in 0..whole.len() {
            if let Ok((packages, _)) = parse(&whole.as_bytes()[..end], Path::new("status")) {
                let paragraph = whole.len() / 3;
                assert_eq!((packages.len(), end % paragraph), (end / paragraph, 0), "cut at {end} passed as whole");
            }
        }
    }

    #[test]
    fn what_is_no_package_is_no_list() {
        // Zeros are what a file's end may hold after a power cut.
        for behind in ["\0\0\0\0", "P", "Packagd: b\nStatus: install ok installed\n\n", " x\n\n"] {
            let text = format!("{STATUS_FILE}{behind}");
            assert!(parse(text.as_bytes(), Path::new("status")).is_err(), "{behind:?}");
        }
        assert_eq!(names(&format!("\n\n{STATUS_FILE}\n")), names(STATUS_FILE));
        // The line that is told is the same however the file comes.
        let line =
            |size| parse(Slowly(b"Package: a\nStatus: x\n\n\nP", size), Path::new("status")).unwrap_err().to_string();
        assert_eq!((line(1), line(PIECE)), (line(100), "status, line 5: the paragraph above is cut short".to_owned()));
    }

    /// Gives so many bytes at a time.
    struct Slowly<'a>(&'a [u8], usize);

    impl Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let most = buffer.len().min(self.1);
            self.0.read(&mut buffer[..most])
        }
    }

    #[test]
    fn pieces_end_anywhere() {
        let long = format!(
            "Package: long\nStatus: install ok installed\nArchitecture: all\nVersion: 2\nDescription: x\n{}\n",
            " y\n".repeat(60_000)
        );
        let whole = format!("{STATUS_FILE}{long}{STATUS_FILE}");
        for size in [1_000, PIECE - 1, PIECE, 1_000_000] {
            let (packages, length) = parse(Slowly(whole.as_bytes(), size), Path::new("status")).unwrap();
            let names: Vec<_> = packages.iter().map(|package| package.name.as_ref()).collect();
            assert_eq!((names, length), (vec!["bash", "long", "bash"], whole.len() as u64));
        }
        let (packages, _) = parse(Slowly(STATUS_FILE.as_bytes(), 1), Path::new("status")).unwrap();
        assert_eq!(packages.len(), 1);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(bytes.as_slice(), Path::new("status"));
        }
    }
}
