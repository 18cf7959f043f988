//! rpm's BerkeleyDB hash database (EL8 and earlier, `Packages`), every page once (Berkeley DB, src/dbinc/db_page.h).

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use report::package::Package;

use super::Unreadable;
use super::header::Header;

const HASH_MAGIC: u32 = 0x0006_1561;
const PAGE_HEAD: usize = 26;

/// Kinds of pages.
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;

/// Kinds of items on a hash page.
const ON_PAGE: u8 = 1;
const OFF_PAGE: u8 = 3;

/// Reads every package.
///
/// # Errors
/// [`Unreadable::Busy`] when the file changed meanwhile, [`Unreadable::Damaged`] for good.
pub(super) fn read(file: &Path) -> Result<Vec<Package<'static>>, Unreadable> {
    let file = File::open(file)?;
    let identity = |file: &File| -> io::Result<_> {
        let found = file.metadata()?;
        Ok((found.size(), found.mtime(), found.mtime_nsec()))
    };
    let before = identity(&file)?;
    let database = Database::open(&file)?;
    let mut packages = Vec::new();
    let mut page = vec![0; database.page_size];
    let mut pairs = 0_u64;
    for number in 1..=database.last_page {
        database.read_page(number, &mut page)?;
        if matches!(page.get(25), Some(&(HASH | HASH_UNSORTED))) {
            pairs += database.packages_on(&page, &mut packages)?;
        }
    }
    if identity(&file)? != before {
        return Err(Unreadable::Busy);
    }
    if pairs != database.pairs {
        return Err(Unreadable::damaged("it has another number of entries than it says"));
    }
    Ok(packages)
}

struct Database<'a> {
    file: &'a File,
    size: u64,
    page_size: usize,
    last_page: u32,
    /// Pairs of key and header on all pages.
    pairs: u64,
    swapped: bool,
}

impl<'a> Database<'a> {
    fn open(file: &'a File) -> Result<Self, Unreadable> {
        let mut meta = [0; 92];
        file.read_exact_at(&mut meta, 0)?;
        let little = u32::from_le_bytes(*meta.get(12..).and_then(|rest| rest.first_chunk()).unwrap_or(&[0; 4]));
        let swapped = little.swap_bytes() == HASH_MAGIC;
        if little != HASH_MAGIC && !swapped {
            return Err(Unreadable::damaged("it is no hash database of BerkeleyDB"));
        }
        let size = file.metadata()?.size();
        let mut database = Database { file, size, page_size: 0, last_page: 0, pairs: 0, swapped };
        database.page_size = usize::try_from(database.u32(&meta, 20)).map_err(io::Error::other)?;
        database.last_page = database.u32(&meta, 32);
        database.pairs = u64::from(database.u32(&meta, 88));
        let sizes = 512..=65_536;
        if !sizes.contains(&database.page_size) || !database.page_size.is_power_of_two() {
            return Err(Unreadable::damaged("its page size is out of bounds"));
        }
        if meta.get(24) != Some(&0) || (u64::from(database.last_page) + 1) * database.page_size as u64 != size {
            return Err(Unreadable::damaged("it is encrypted or cut short"));
        }
        Ok(database)
    }

    /// Reads a page, which says itself which one it is.
    fn read_page(&self, number: u32, page: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(page, u64::from(number) * self.page_size as u64)?;
        if self.u32(page, 8) == number { Ok(()) } else { Err(io::Error::other("a page is another one")) }
    }

    /// Items come in pairs, of which the number is given: key and header.
    fn packages_on(&self, page: &[u8], packages: &mut Vec<Package<'static>>) -> Result<u64, Unreadable> {
        let entries = usize::from(self.u16(page, 20));
        let place = |entry: usize| usize::from(self.u16(page, PAGE_HEAD + 2 * entry));
        if !entries.is_multiple_of(2) || PAGE_HEAD + 2 * entries > page.len() {
            return Err(Unreadable::damaged("a page has more entries than room, or a key without a header"));
        }
        // Items grow down from the end of the page: each ends where the one before it begins, the last where free space ends.
        if entries > 0 && place(entries - 1) != usize::from(self.u16(page, 22)) {
            return Err(Unreadable::damaged("a page has another number of entries than it has room for"));
        }
        let mut last = page.len();
        for key in (0..entries).step_by(2) {
            let item = |begin: usize, end: usize| {
                page.get(begin..end).ok_or_else(|| Unreadable::damaged("an entry points beyond its page"))
            };
            let (number, item) = (item(place(key), last)?, item(place(key + 1), place(key))?);
            last = place(key + 1);
            // The number of a header in the database, in the order of bytes of its machine.
            let (Some(&ON_PAGE), Some(number)) = (number.first(), number.get(1..).filter(|number| number.len() == 4))
            else {
                return Err(Unreadable::damaged("a key is no number"));
            };
            match item.first() {
                Some(&OFF_PAGE) if item.len() >= 12 => {
                    let length = self.u32(item, 8);
                    if u64::from(length) > self.size {
                        return Err(Unreadable::damaged("a header is longer than the file"));
                    }
                    let length = usize::try_from(length).map_err(io::Error::other)?;
                    packages.extend(self.read_overflow(self.u32(item, 4), length)?);
                }
                // rpm's own counter of packages, under the key 0, is four bytes; a header is longer.
                Some(&ON_PAGE) if item.len() > 16 => {
                    let bytes = item.get(1..).unwrap_or_default();
                    let read = |at: usize, buffer: &mut [u8]| {
                        let part = bytes.get(at..at + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
                        buffer.copy_from_slice(part);
                        Ok(())
                    };
                    packages.extend(Header::open(bytes.len(), read)?.package()?);
                }
                Some(&ON_PAGE) if number == [0; 4] => {}
                _ => return Err(Unreadable::damaged("an entry is of an unknown kind")),
            }
        }
        Ok(entries as u64 / 2)
    }

    /// A header on a chain of pages, which are read as far as they are asked for.
    fn read_overflow(&self, first: u32, length: usize) -> Result<Option<Package<'static>>, Unreadable> {
        let mut chain = Chain { database: self, next: first, bytes: Vec::new(), page: vec![0; self.page_size] };
        let read = |at: usize, buffer: &mut [u8]| chain.read(at, buffer);
        Ok(Header::open(length, read)?.package()?)
    }

    fn u32(&self, bytes: &[u8], at: usize) -> u32 {
        let number = bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes));
        if self.swapped { number.swap_bytes() } else { number }
    }

    fn u16(&self, bytes: &[u8], at: usize) -> u16 {
        let number = bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u16::from_le_bytes(*bytes));
        if self.swapped { number.swap_bytes() } else { number }
    }
}

struct Chain<'a> {
    database: &'a Database<'a>,
    /// The page that comes next; 0 at the end.
    next: u32,
    bytes: Vec<u8>,
    page: Vec<u8>,
}

impl Chain<'_> {
    fn read(&mut self, at: usize, buffer: &mut [u8]) -> io::Result<()> {
        while self.bytes.len() < at + buffer.len() {
            if self.next == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.database.read_page(self.next, &mut self.page)?;
            let used = usize::from(self.database.u16(&self.page, 22));
            let content = self.page.get(PAGE_HEAD..PAGE_HEAD + used).filter(|content| !content.is_empty());
            let (Some(content), Some(&OVERFLOW)) = (content, self.page.get(25)) else {
                return Err(io::Error::other("a page of a header is something else"));
            };
            self.bytes.extend_from_slice(content);
            self.next = self.database.u32(&self.page, 16);
        }
        let part = self.bytes.get(at..at + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(part);
        Ok(())
    }
}
