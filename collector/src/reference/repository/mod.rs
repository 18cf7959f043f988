//! Minimum versions from repository metadata on disk: rpm's `primary.xml` and Debian's `Packages`, streamed, of any size.

mod deb;
mod error;
mod locate;
mod newest;
mod repomd;
mod rpm;
mod unpack;
mod update;

use std::io::{BufRead, Read as _};
use std::path::Path;

pub use error::{RepositoryError, RepositoryProblem};
pub use newest::Newest;
pub use update::Doubt;

/// The newest version of each package that a pattern names, out of a file or folder of repository metadata.
///
/// `path` is `primary.xml`, `repomd.xml`, a repository's folder or its `repodata`, or `Packages`; files may be packed with
/// gzip, zstd or xz.
///
/// # Errors
/// [`RepositoryError`] with the file, the place in it and what to do; among them a pattern that names no package.
pub fn read_path(path: &Path, patterns: &[String]) -> Result<Newest, RepositoryError> {
    let of = |path: &Path, problem| RepositoryError { file: path.display().to_string(), problem };
    let newest = Newest::of(patterns).map_err(|problem| of(path, problem))?;
    let file = locate::metadata(path).map_err(|(path, problem)| of(&path, problem))?;
    let source = locate::open(&file).map_err(|problem| of(&file, problem))?;
    read(source, newest).map_err(|problem| of(&file, problem))
}

/// Reads metadata, packed or not, into `newest`; what it is, is told from how it begins.
///
/// # Errors
/// [`RepositoryProblem`] with the place.
pub fn read<R: BufRead>(packed: R, mut newest: Newest) -> Result<Newest, RepositoryProblem> {
    let mut source = unpack::unpacked(packed)?;
    let head = unpack::head(&mut source)?;
    let is_xml = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&head).trim_ascii_start().starts_with(b"<");
    let whole = std::io::Cursor::new(head).chain(source);
    if is_xml {
        rpm::read(whole, &mut newest)?
    } else {
        deb::read(whole, &mut newest)?
    }
    newest.finish()
}
