//! Small rpm databases in each format, and what is asked of each of them when it was changed.

use rusqlite::Connection;

use reporter::packages::rpm::read_folder;

use crate::folder;

/// Name, version and architecture, or why there is no list.
pub type Listed = Result<Vec<[String; 3]>, String>;

/// The packages of every database here.
#[must_use]
pub fn packages() -> Vec<[String; 3]> {
    let package = |name: &str| [name, "2:5.1-9.el9", "x86_64"].map(str::to_owned);
    ["bash", "zlib", "openssl-libs", "kernel", "glibc"].map(package).to_vec()
}

/// Their headers, the last of them longer than a page, before rpm's key (rpm's documentation, "Header format").
fn headers() -> Vec<Vec<u8>> {
    let names: Vec<_> = packages().into_iter().map(|[name, ..]| name).collect();
    let sizes = [300, 20, 700, 40, 5_000];
    names.iter().zip(sizes).map(|(name, size)| header(name, size)).chain([header("gpg-pubkey", 20)]).collect()
}

fn header(name: &str, changelog: usize) -> Vec<u8> {
    let text = |text: &str| [text.as_bytes(), b"\0"].concat();
    let values = [
        (1000, 6, text(name)),
        (1001, 6, text("5.1")),
        (1002, 6, text("9.el9")),
        (1082, 6, text(&"x".repeat(changelog))),
        (1003, 4, vec![0, 0, 0, 2]),
        (1022, 6, text("x86_64")),
    ];
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, kind, value) in values {
        while kind == 4 && store.len() % 4 != 0 {
            store.push(0);
        }
        index.extend([tag, kind, length(&store), 1].iter().flat_map(|number| number.to_be_bytes()));
        store.extend(value);
    }
    [length(&index) / 16, length(&store)]
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .chain(index)
        .chain(store)
        .collect()
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a small one")
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// SQLite, in pages so small that its tree has several.
#[must_use]
pub fn sqlite() -> Vec<u8> {
    let folder = folder();
    let file = folder.path().join("rpmdb.sqlite");
    let database = Connection::open(&file).expect("a database");
    let table =
        "PRAGMA page_size = 512; CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)";
    database.execute_batch(table).expect("a table");
    for header in headers() {
        database.execute("INSERT INTO Packages (blob) VALUES (?)", [header]).expect("a row");
    }
    drop(database);
    std::fs::read(file).expect("a file")
}

/// NDB (rpm, lib/backend/ndb/rpmpkg.c).
#[must_use]
pub fn ndb() -> Vec<u8> {
    let mark = |text: &[u8; 4]| u32::from_le_bytes(*text);
    let mut slots = words(&[mark(b"RpmP"), 0, 1, 1, 99, 0, 0, 0]);
    let mut blobs = Vec::new();
    for (number, header) in (1..).zip(headers()) {
        let (place, begin) = ((4096 + length(&blobs)) / 16, blobs.len());
        blobs.extend(words(&[mark(b"BlbS"), number, 1, length(&header)]));
        blobs.extend(&header);
        blobs.resize((blobs.len() + 12).next_multiple_of(16) - 12, 0);
        blobs.extend(words(&[0, length(&header), mark(b"BlbE")]));
        slots.extend(words(&[mark(b"Slot"), number, place, length(&blobs[begin..]) / 16]));
    }
    while slots.len() < 4096 {
        slots.extend(words(&[mark(b"Slot"), 0, 0, 0]));
    }
    [slots, blobs].concat()
}

/// BerkeleyDB: one page of a hash table, and chains of pages with what does not fit there (Berkeley DB, src/dbinc/db_page.h).
#[must_use]
pub fn bdb() -> Vec<u8> {
    const SIZE: usize = 512;
    const HEAD: usize = 26;
    let page = |number: usize, next: u32, [entries, free]: [u16; 2], kind: u8| {
        let mut page = vec![0; SIZE];
        page[8..12].copy_from_slice(&u32::try_from(number).expect("a small one").to_le_bytes());
        page[16..20].copy_from_slice(&next.to_le_bytes());
        page[20..22].copy_from_slice(&entries.to_le_bytes());
        page[22..24].copy_from_slice(&free.to_le_bytes());
        page[25] = kind;
        page
    };
    // rpm's own counter, then what is on the page itself or on a chain.
    let mut items = vec![vec![1, 0, 0, 0, 0], vec![1, 9, 0, 0, 0]];
    let mut chains = Vec::new();
    for (number, header) in (1_u32..).zip(headers()) {
        items.push([&[1], words(&[number]).as_slice()].concat());
        if number == 2 {
            items.push([&[1], header.as_slice()].concat());
            continue;
        }
        let first = chains.len() + 2;
        items.push([words(&[3]), words(&[u32::try_from(first).expect("a small one"), length(&header)])].concat());
        let parts: Vec<_> = header.chunks(SIZE - HEAD).collect();
        for (at, part) in parts.iter().enumerate() {
            let next = if at + 1 < parts.len() { first + at + 1 } else { 0 };
            let used = u16::try_from(part.len()).expect("a small one");
            let mut page = page(first + at, u32::try_from(next).expect("a small one"), [1, used], 7);
            page[HEAD..HEAD + part.len()].copy_from_slice(part);
            chains.push(page);
        }
    }
    let free = SIZE - items.iter().map(Vec::len).sum::<usize>();
    let counts = [items.len(), free].map(|number| u16::try_from(number).expect("a small one"));
    let mut table = page(1, 0, counts, 13);
    let mut end = SIZE;
    for (at, item) in items.iter().enumerate() {
        table[end - item.len()..end].copy_from_slice(item);
        end -= item.len();
        table[HEAD + 2 * at..HEAD + 2 * at + 2]
            .copy_from_slice(&u16::try_from(end).expect("a small one").to_le_bytes());
    }
    let mut meta = page(0, 0, [0, 0], 8);
    for (at, word) in [(12, 0x0006_1561), (16, 9), (20, 512), (32, chains.len() + 1), (88, items.len() / 2)] {
        meta[at..at + 4].copy_from_slice(&u32::try_from(word).expect("a small one").to_le_bytes());
    }
    [meta, table].into_iter().chain(chains).flatten().collect()
}

/// What the reader makes of a file of this name, twice the same.
fn list(name: &str, file: &[u8]) -> Listed {
    let folder = folder();
    std::fs::write(folder.path().join(name), file).expect("a file");
    let read = || {
        let packages = read_folder(folder.path()).map_err(|error| error.to_string())?;
        let texts =
            |package: report::package::Package<'_>| [package.name, package.version, package.arch].map(Into::into);
        Ok(packages.into_iter().map(texts).collect())
    };
    let listed = read();
    assert_eq!(read(), listed, "it was read otherwise before");
    listed
}

/// Reads the rest of the input, or with a first byte that is not zero the database `whole` with the rest as changes to it.
///
/// What is cut is refused; one changed byte, which may be in the text of a package, is refused or changes one package, and
/// no package goes: `may_lose` is for a format in which that cannot be known.
pub fn judge(input: &[u8], name: &str, whole: &[u8], may_lose: bool) {
    let Some((changes, rest)) = input.split_first() else { return };
    if *changes == 0 {
        let _ = list(name, rest);
        return;
    }
    let mut file = whole.to_vec();
    crate::change(&mut file, rest);
    let listed = list(name, &file);
    let changed = file.iter().zip(whole).filter(|(now, before)| now != before).count();
    let cut = file.len() < whole.len();
    let mut before = packages();
    match listed {
        Err(reason) => assert!(changed > 0 || cut, "whole, and refused: {reason}"),
        Ok(_) if cut && changed == 0 => panic!("cut short by {}, and not noticed", whole.len() - file.len()),
        Ok(found) if changed < 2 => {
            let unknown = found.iter().filter(|package| !take(&mut before, package)).count();
            assert!(unknown <= changed, "{found:?}");
            assert!(may_lose || before.len() <= unknown, "lost: {before:?}");
        }
        Ok(_) => {}
    }
}

fn take(from: &mut Vec<[String; 3]>, package: &[String; 3]) -> bool {
    let at = from.iter().position(|other| other == package);
    at.map(|at| from.remove(at)).is_some()
}
