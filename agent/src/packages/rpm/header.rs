//! The few fields of an rpm header that a report has, read without the rest of it (rpm's documentation, "Header format").
//!
//! A header in a database is two big-endian counts, an index of 16 bytes an entry and a store; most of it is file
//! lists and changelogs, so only the index and the named strings are read.

use std::io;

use report::package::{Package, Packager};

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const ARCH: u32 = 1022;

const INT32: u32 = 4;
const STRING: u32 = 6;

/// rpm's own limits for index entries and bytes of the store.
const MOST_ENTRIES: usize = 0xffff;
const LARGEST_STORE: usize = 256 * 1024 * 1024;

/// Read at once: the whole index of most packages, and the strings at the front of the store.
const FRONT: usize = 4096;

/// The longest field that is taken for one.
const LONGEST_FIELD: usize = 4096;

/// A header of `length` bytes that `read` fills a buffer from, given a place in it.
pub(super) struct Header<R> {
    length: usize,
    read: R,
    front: Vec<u8>,
    /// Where the store begins.
    store: usize,
}

impl<R: FnMut(usize, &mut [u8]) -> io::Result<()>> Header<R> {
    /// Reads counts and index.
    ///
    /// # Errors
    /// [`HeaderError`].
    pub(super) fn open(length: usize, mut read: R) -> Result<Self, HeaderError> {
        let mut front = vec![0; length.min(FRONT)];
        read(0, &mut front)?;
        let (entries, bytes) = (number(&front, 0)?, number(&front, 4)?);
        let store = 8 + entries * 16;
        if entries == 0 || entries > MOST_ENTRIES || bytes > LARGEST_STORE || store + bytes > length {
            return Err(HeaderError::Damaged("its counts do not fit its length"));
        }
        if store > front.len() {
            let known = front.len();
            front.resize(store, 0);
            read(known, front.get_mut(known..).unwrap_or_default())?;
        }
        Ok(Header { length: store + bytes, read, front, store })
    }

    /// The package; `None` for the keys that rpm keeps as packages.
    ///
    /// # Errors
    /// [`HeaderError`] when a field is missing or damaged.
    pub(super) fn package(mut self) -> Result<Option<Package<'static>>, HeaderError> {
        let name = self.string(NAME)?.ok_or(HeaderError::Damaged("it has no name"))?;
        if name == "gpg-pubkey" {
            return Ok(None);
        }
        let version = self.string(VERSION)?.ok_or(HeaderError::Damaged("it has no version"))?;
        let release = self.string(RELEASE)?.ok_or(HeaderError::Damaged("it has no release"))?;
        let epoch = self.epoch()?;
        let arch = self.string(ARCH)?.unwrap_or_else(|| "(none)".to_owned());
        Ok(Some(Package {
            name: name.into(),
            version: format!("{epoch}:{version}-{release}").into(),
            arch: arch.into(),
            packager: Packager::Rpm,
        }))
    }

    /// Where the value of a tag is, from the beginning of the header.
    fn find(&self, tag: u32, kind: u32) -> Result<Option<usize>, HeaderError> {
        let index = self.front.get(8..self.store).unwrap_or_default();
        let Some(entry) = index.chunks_exact(16).find(|entry| entry.first_chunk() == Some(&tag.to_be_bytes())) else {
            return Ok(None);
        };
        let place = self.store + number(entry, 8)?;
        if number(entry, 4)? != kind as usize || place >= self.length {
            return Err(HeaderError::Damaged("an entry of its index points nowhere"));
        }
        Ok(Some(place))
    }

    fn epoch(&mut self) -> Result<u32, HeaderError> {
        let Some(place) = self.find(EPOCH, INT32)? else { return Ok(0) };
        let mut bytes = [0; 4];
        self.fill(place, &mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn string(&mut self, tag: u32) -> Result<Option<String>, HeaderError> {
        let Some(place) = self.find(tag, STRING)? else { return Ok(None) };
        let mut size = 64;
        loop {
            let mut bytes = vec![0; size.min(self.length - place)];
            self.fill(place, &mut bytes)?;
            if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
                bytes.truncate(end);
                return match String::from_utf8_lossy(&bytes) {
                    text if text.is_empty() => Ok(None),
                    text => Ok(Some(text.into_owned())),
                };
            }
            if size >= LONGEST_FIELD || bytes.len() < size {
                return Err(HeaderError::Damaged("one of its strings does not end"));
            }
            size = LONGEST_FIELD;
        }
    }

    /// From what was read first, else from the database.
    fn fill(&mut self, place: usize, bytes: &mut [u8]) -> Result<(), HeaderError> {
        if let Some(known) = self.front.get(place..place + bytes.len()) {
            bytes.copy_from_slice(known);
            return Ok(());
        }
        if place + bytes.len() > self.length {
            return Err(HeaderError::Damaged("a value reaches beyond its end"));
        }
        Ok((self.read)(place, bytes)?)
    }
}

/// The big-endian count at a place.
fn number(bytes: &[u8], at: usize) -> Result<usize, HeaderError> {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(HeaderError::Damaged("it is cut short"))?;
    usize::try_from(u32::from_be_bytes(*bytes)).map_err(|_| HeaderError::Damaged("a count is too large"))
}

/// A header that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeaderError {
    /// The database gave no bytes.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// The bytes are no header.
    #[error("a header is damaged: {0}")]
    Damaged(&'static str),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A header with these values, each with its tag and type.
    fn header(values: &[(u32, u32, &[u8])]) -> Vec<u8> {
        let mut index = Vec::new();
        let mut store = Vec::new();
        for (tag, kind, value) in values {
            for number in [*tag, *kind, u32::try_from(store.len()).unwrap(), 1] {
                index.extend(number.to_be_bytes());
            }
            store.extend_from_slice(value);
        }
        let counts = [values.len(), store.len()].map(|count| u32::try_from(count).unwrap().to_be_bytes());
        [counts.concat(), index, store].concat()
    }

    fn read(bytes: &[u8]) -> Result<Option<Package<'static>>, HeaderError> {
        let source = |place: usize, buffer: &mut [u8]| {
            let part = bytes.get(place..place + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(part);
            Ok(())
        };
        Header::open(bytes.len(), source)?.package()
    }

    #[test]
    fn the_fields_are_found_wherever_they_are() {
        let long = [vec![b'x'; 9_000], vec![0]].concat();
        let bytes = header(&[
            (NAME, STRING, b"bash\0"),
            (EPOCH, INT32, &7_u32.to_be_bytes()),
            (1005, STRING, &long),
            (VERSION, STRING, b"5.1\0"),
            (RELEASE, STRING, b"9.el9\0"),
            (ARCH, STRING, b"x86_64\0"),
        ]);
        let package = read(&bytes).unwrap().unwrap();
        assert_eq!((&*package.name, &*package.version, &*package.arch), ("bash", "7:5.1-9.el9", "x86_64"));
        assert!(read(&header(&[(NAME, STRING, b"gpg-pubkey\0")])).unwrap().is_none());
        for cut in 0..bytes.len() {
            assert!(read(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(read(&header(&[(NAME, STRING, b"never ends")])).is_err());
        assert!(read(&header(&[(NAME, INT32, b"bash\0")])).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), entries in 0_u8..6) {
            let _ = read(&bytes);
            let mut likely = bytes;
            if let Some(counts) = likely.get_mut(..8) {
                counts.copy_from_slice(&[0, 0, 0, entries, 0, 0, 0, 40]);
            }
            let _ = read(&likely);
        }
    }
}
