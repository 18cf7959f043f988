//! A registry's file as the operator names it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::{Kind, Reading, RegistryError, RegistryProblem, read};

/// Largest file that is read, in MiB; the largest registry has about 5.
const LARGEST_MIB: usize = 64;

/// Reads the file of a registry, `-` for standard input.
///
/// # Errors
/// [`RegistryError`] with the file, the place in it and what to do.
pub fn read_file(path: &Path, kind: Option<Kind>) -> Result<Reading, RegistryError> {
    let bounded = |source: &mut dyn Read| -> Result<Vec<u8>, RegistryProblem> {
        let largest = LARGEST_MIB * 1024 * 1024;
        let mut text = Vec::new();
        source.take(largest as u64 + 1).read_to_end(&mut text)?;
        if text.len() > largest { Err(RegistryProblem::TooLarge(LARGEST_MIB)) } else { Ok(text) }
    };
    let text = if path == Path::new("-") {
        bounded(&mut io::stdin())
    } else {
        File::open(path).map_err(RegistryProblem::from).and_then(|mut file| bounded(&mut file))
    };
    text.and_then(|text| read(&text, kind))
        .map_err(|problem| RegistryError { file: path.display().to_string(), problem })
}
