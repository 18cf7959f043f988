//! Recipient keys on disk: made, found and listed.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::{Span, Timestamp};
use report::sealed::{KeyError, KeyKind, OpeningKey, Recipient};

/// Ending of the files that hold a private key and its certificate.
pub(crate) const SECRET: &str = ".key.pem";

/// Ending of the files that hold the certificate alone, for the hosts.
const PUBLIC: &str = ".cert.pem";

/// A key and the file it came from.
pub struct KeyFile {
    /// Where it is.
    pub file: PathBuf,
    /// Private key and certificate.
    pub key: OpeningKey,
}

/// Makes a key pair; gives the secret file and the certificate file. Neither may exist.
///
/// # Errors
/// [`KeysError`].
pub fn new(
    folder: &Path,
    name: &str,
    kind: KeyKind,
    now: Timestamp,
    days: u32,
) -> Result<(PathBuf, PathBuf), KeysError> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return Err(KeysError::Name(name.escape_debug().to_string()));
    }
    let end = now.checked_add(Span::new().hours(i64::from(days) * 24)).map_err(|_| KeysError::Days(days))?;
    let key = OpeningKey::generate(kind, name, now, end)?;
    let write_error = |file: &Path| {
        let file = file.to_owned();
        move |source| KeysError::Write { file, source }
    };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(write_error(folder))?;
    let secret = folder.join(format!("{name}{SECRET}"));
    let public = folder.join(format!("{name}{PUBLIC}"));
    write_new(&secret, 0o600, &key.to_pem()?).map_err(write_error(&secret))?;
    write_new(&public, 0o644, &key.recipient().to_pem()?).map_err(write_error(&public))?;
    Ok((secret, public))
}

/// Reads the named key files, and those of the folder when none is named.
///
/// # Errors
/// [`KeysError`] names the file that is no key.
pub fn load(named: &[PathBuf], folder: &Path) -> Result<Vec<KeyFile>, KeysError> {
    let files = if named.is_empty() { in_folder(folder)? } else { named.to_vec() };
    files
        .into_iter()
        .map(|file| {
            let pem = std::fs::read(&file).map_err(|source| KeysError::Read { file: file.clone(), source })?;
            let key = OpeningKey::from_pem(&pem).map_err(|source| KeysError::NoKey { file: file.clone(), source })?;
            Ok(KeyFile { file, key })
        })
        .collect()
}

/// Reads certificates to seal for.
///
/// # Errors
/// [`KeysError`] names the file that holds none.
pub fn recipients(files: &[PathBuf]) -> Result<Vec<Recipient>, KeysError> {
    let mut recipients = Vec::new();
    for file in files {
        let pem = std::fs::read(file).map_err(|source| KeysError::Read { file: file.clone(), source })?;
        let found =
            Recipient::from_pem(&pem).map_err(|source| KeysError::NoRecipient { file: file.clone(), source })?;
        recipients.extend(found);
    }
    Ok(recipients)
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, KeysError> {
    let read_error = |source| KeysError::Read { file: folder.to_owned(), source };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(read_error(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.map_err(read_error)?.path();
        if file.file_name().is_some_and(|name| name.to_string_lossy().ends_with(SECRET)) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn write_new(file: &Path, mode: u32, content: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(file)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Why keys cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The name becomes a file name.
    #[error("key name \"{0}\": use letters, digits, '.', '_' and '-'")]
    Name(String),
    /// Too far in the future.
    #[error("a validity of {0} days reaches too far: use at most 36500")]
    Days(u32),
    /// The file or folder cannot be read.
    #[error("reading key {file}: {source}")]
    Read {
        /// The file or folder.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file cannot be made.
    #[error("writing key {file}: {source}; a key is never overwritten, choose another name or folder")]
    Write {
        /// The file or folder.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file holds no usable key.
    #[error("key {file}: {source}")]
    NoKey {
        /// The file.
        file: PathBuf,
        /// What it lacks.
        source: KeyError,
    },
    /// The file holds no certificate that can be sealed for.
    #[error("recipient {file}: {source}")]
    NoRecipient {
        /// The file.
        file: PathBuf,
        /// What it lacks.
        source: KeyError,
    },
    /// The key cannot be made.
    #[error("making a key: {0}")]
    Generate(#[from] KeyError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_found_again_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let (secret, public) = new(folder.path(), "officer", KeyKind::EcP256, now, 10).unwrap();
        let found = load(&[], folder.path()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].file, secret);
        assert_eq!(found[0].key.recipient().not_after().unwrap().as_second(), 1_700_864_000);
        assert!(!std::fs::read_to_string(public).unwrap().contains("PRIVATE"));
        assert!(matches!(new(folder.path(), "officer", KeyKind::EcP256, now, 10), Err(KeysError::Write { .. })));
        assert!(matches!(new(folder.path(), "../x", KeyKind::EcP256, now, 10), Err(KeysError::Name(_))));
    }
}
