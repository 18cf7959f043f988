//! From what the operator names (a file, a repository's folder, its repomd.xml) to the file that holds the packages.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256, Sha512};

use super::repomd::{self, Primary};
use super::{RepositoryProblem, unpack};

/// The file with the packages; an error comes with the file that it is about.
pub(super) fn metadata(path: &Path) -> Result<PathBuf, (PathBuf, RepositoryProblem)> {
    let repomd = if path.is_dir() {
        let places = [path.join("repodata/repomd.xml"), path.join("repomd.xml")];
        let found = places.into_iter().find(|file| file.is_file());
        found.ok_or_else(|| (path.to_owned(), RepositoryProblem::Folder))?
    } else if is_repomd(path).map_err(|problem| (path.to_owned(), problem))? {
        path.to_owned()
    } else {
        return Ok(path.to_owned());
    };
    let primary = open(&repomd).and_then(repomd::read).map_err(|problem| (repomd.clone(), problem))?;
    let file = repomd.with_file_name(&primary.file);
    match is_the_one(&file, &primary) {
        Ok(true) => Ok(file),
        Ok(false) => Err((file, RepositoryProblem::Checksum)),
        Err(problem) => Err((file, problem)),
    }
}

pub(super) fn open(path: &Path) -> Result<BufReader<File>, RepositoryProblem> {
    Ok(BufReader::with_capacity(64 * 1024, File::open(path)?))
}

fn is_repomd(path: &Path) -> Result<bool, RepositoryProblem> {
    let head = unpack::head(&mut open(path)?)?;
    Ok(head.windows(7).any(|window| window == b"<repomd"))
}

/// A mirror that is half-way through its update has a `repomd.xml` of one day and a primary of another.
fn is_the_one(file: &Path, primary: &Primary) -> Result<bool, RepositoryProblem> {
    let found = match primary.checksum_type.as_str() {
        "sha256" => digest::<Sha256>(file)?,
        "sha512" => digest::<Sha512>(file)?,
        // What repositories before 2009 have proves nothing today.
        _ => return Ok(true),
    };
    Ok(found == primary.checksum)
}

fn digest<D: Digest>(file: &Path) -> Result<String, RepositoryProblem> {
    let mut source = File::open(file)?;
    let mut digest = D::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = source.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        digest.update(bytes);
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
