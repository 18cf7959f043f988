//! rpm's own database (SUSE, `Packages.db`): a table of slots, each with the place of one header (rpm, lib/backend/ndb).

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use report::package::Package;

use super::Unreadable;
use super::header::Header;

const PAGE: usize = 4096;
const SLOT: usize = 16;
/// Slots begin behind the file's own header.
const FIRST_SLOT: usize = 32;
/// Places are counted in blocks.
const BLOCK: u64 = 16;
const BLOB_HEAD: usize = 16;
const BLOB_TAIL: u64 = 12;
const SLOT_MARK: &[u8; 4] = b"Slot";

/// Slot pages of a host with 65,000 packages: more is damage.
const MOST_PAGES: usize = 256;

/// Reads every package.
///
/// # Errors
/// [`Unreadable::Busy`] when a package was added or removed meanwhile, [`Unreadable::Damaged`] for good.
pub(super) fn read(file: &Path) -> Result<Vec<Package<'static>>, Unreadable> {
    let file = File::open(file)?;
    let head = read_head(&file)?;
    if head.pages == 0 || head.pages > MOST_PAGES {
        return Err(Unreadable::damaged("its number of slot pages is out of bounds"));
    }
    let mut slots = vec![0; head.pages * PAGE];
    file.read_exact_at(&mut slots, 0)?;
    let slots_end = slots.len() as u64;
    // A package is in the file before a slot points to it.
    let size = file.metadata()?.size();
    let mut packages = Vec::new();
    for slot in slots.get(FIRST_SLOT..).unwrap_or_default().chunks_exact(SLOT) {
        if slot.first_chunk() != Some(SLOT_MARK) {
            return Err(Unreadable::damaged("a slot has no mark"));
        }
        let (package, place, blocks) = (number(slot, 4), u64::from(number(slot, 8)), u64::from(number(slot, 12)));
        if (u64::from(package), place, blocks) == (0, 0, 0) {
            continue;
        }
        if package == 0 || place * BLOCK < slots_end || (place + blocks) * BLOCK > size {
            return Err(Unreadable::damaged("a slot points to where no package can be, or the file is cut short"));
        }
        packages.extend(read_blob(&file, package, place * BLOCK, blocks)?);
    }
    // Behind the slots that the head counts come headers, or nothing.
    let mut behind = [0; 4];
    if size > slots_end {
        file.read_exact_at(&mut behind, slots_end)?;
    }
    if behind == *SLOT_MARK {
        return Err(Unreadable::damaged("it has more slots than it says"));
    }
    if read_head(&file)? == head { Ok(packages) } else { Err(Unreadable::Busy) }
}

fn read_blob(file: &File, package: u32, place: u64, blocks: u64) -> Result<Option<Package<'static>>, Unreadable> {
    let mut head = [0; BLOB_HEAD];
    file.read_exact_at(&mut head, place)?;
    let length = number(&head, 12);
    let needed = (BLOB_HEAD as u64 + u64::from(length) + BLOB_TAIL).div_ceil(BLOCK);
    if head.first_chunk() != Some(b"BlbS") || number(&head, 4) != package || needed != blocks {
        return Err(Unreadable::damaged("a slot points to something else than its package"));
    }
    let start = place + BLOB_HEAD as u64;
    let read = |at: usize, bytes: &mut [u8]| {
        let at = u64::try_from(at).map_err(io::Error::other)?;
        file.read_exact_at(bytes, start + at)
    };
    let length = usize::try_from(length).map_err(io::Error::other)?;
    Ok(Header::open(length, read)?.package()?)
}

/// What changes with every change of the database.
#[derive(PartialEq, Eq)]
struct Head {
    generation: u32,
    pages: usize,
    next: u32,
}

fn read_head(file: &File) -> Result<Head, Unreadable> {
    let mut head = [0; FIRST_SLOT];
    file.read_exact_at(&mut head, 0)?;
    if head.first_chunk() != Some(b"RpmP") || number(&head, 4) != 0 {
        return Err(Unreadable::damaged("it is no NDB database of a known version"));
    }
    let pages = usize::try_from(number(&head, 12)).map_err(io::Error::other)?;
    Ok(Head { generation: number(&head, 8), pages, next: number(&head, 16) })
}

/// The little-endian number at a place; zero beyond the end.
fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}
