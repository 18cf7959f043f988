//! The recipient bundle on disk: issued where the private keys are, read where hosts ask for it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use report::sealed::{BundleError, MAX_BUNDLE, OpeningKey, Recipient, RecipientBundle};

use crate::keys::{self, KeyFile};

/// Writes a bundle that is newer than the one in the file: the keys in use and the `others` are sealed for, every key signs.
///
/// Retired keys sign as well: a host that was off while they were given up knows no other.
///
/// # Errors
/// [`BundleFileError`]; the file is then as it was.
pub fn issue(
    file: &Path,
    keys: &[KeyFile],
    others: Vec<Recipient>,
    now: Timestamp,
) -> Result<RecipientBundle, BundleFileError> {
    let last = read(file)?.map_or(0, |(bundle, _)| bundle.serial);
    let recipients = keys::to_seal_for(keys, others);
    let bundle = RecipientBundle { serial: now.as_second().max(last.saturating_add(1)), recipients };
    let signers: Vec<&OpeningKey> = keys.iter().map(|file| &file.key).collect();
    let issue_error = |source| BundleFileError::Issue { file: file.to_owned(), source };
    let signed = bundle.sign(&signers).map_err(issue_error)?;
    // As a host looks at it: what expired is told here, not a day later by every host.
    let trusted: Vec<Recipient> = signers.iter().map(|key| key.recipient().clone()).collect();
    RecipientBundle::verify(&signed, &trusted, now).map_err(issue_error)?;
    replace(file, &signed).map_err(|source| BundleFileError::Write { file: file.to_owned(), source })?;
    Ok(bundle)
}

/// Reads the file, whoever signed it; `None` when there is none.
///
/// # Errors
/// [`BundleFileError`] when it holds something else, such as a private key that hosts must never be shown.
pub fn read(file: &Path) -> Result<Option<(RecipientBundle, Vec<u8>)>, BundleFileError> {
    let read_error = |source| BundleFileError::Read { file: file.to_owned(), source };
    let opened = match std::fs::File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(read_error(error)),
    };
    let mut signed = Vec::new();
    opened.take(MAX_BUNDLE as u64 + 1).read_to_end(&mut signed).map_err(read_error)?;
    match RecipientBundle::unverified(&signed) {
        Ok(bundle) => Ok(Some((bundle, signed))),
        Err(source) => Err(BundleFileError::NoBundle { file: file.to_owned(), source }),
    }
}

fn replace(file: &Path, signed: &[u8]) -> std::io::Result<()> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(".new");
    let mut new = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&unfinished)?;
    new.write_all(signed)?;
    new.sync_all()?;
    std::fs::rename(&unfinished, file)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleFileError {
    /// The file cannot be read.
    #[error("reading recipient bundle {file}: {source}")]
    Read {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("recipient bundle {file}: {source}; if it is no bundle, name another file")]
    NoBundle {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: BundleError,
    },
    /// Hosts would refuse it.
    #[error("issuing recipient bundle {file}: {source}; hosts go on with the one before")]
    Issue {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: BundleError,
    },
    /// The file cannot be written.
    #[error("writing recipient bundle {file}: {source}")]
    Write {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use report::sealed::KeyKind;

    use super::*;
    use crate::keys;

    #[test]
    fn each_bundle_is_newer_than_the_last_whatever_the_clock_says() {
        let folder = tempfile::tempdir().unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let file = folder.path().join("recipients.p7m");
        let found = || keys::load(&[], folder.path(), None).unwrap();
        let issued = |second: i64, others: &[Recipient]| {
            let bundle = issue(&file, &found(), others.to_vec(), at(second)).map_err(|error| error.to_string())?;
            let names = bundle.recipients.iter().map(|recipient| recipient.subject().replace("CN=", ""));
            Ok::<_, String>((bundle.serial, names.collect::<Vec<_>>().join(" ")))
        };
        assert!(issued(5, &[]).unwrap_err().contains("names nobody") || issued(5, &[]).unwrap_err().contains("nobody"));
        assert!(!file.exists());
        for name in ["one", "two", "team"] {
            keys::new(folder.path(), name, KeyKind::EcP256, at(1_700_000_000), 10, None).unwrap();
        }
        let team = keys::recipients(&[folder.path().join("team.cert.pem")]).unwrap();
        std::fs::remove_file(folder.path().join("team.key.pem")).unwrap();
        assert_eq!(issued(1_700_000_100, &team), Ok((1_700_000_100, "one two team".to_owned())));
        assert_eq!(issued(1_600_000_000, &[]), Ok((1_700_000_101, "one two".to_owned())), "the clock was set back");
        keys::retire("one", &found(), at(1_700_000_200)).unwrap();
        let one = keys::recipients(&[folder.path().join("one.cert.pem")]).unwrap();
        assert_eq!(issued(1_700_000_300, &one), Ok((1_700_000_300, "two".to_owned())));
        let (_, signed) = read(&file).unwrap().unwrap();
        assert!(RecipientBundle::verify(&signed, &one, at(1_700_000_300)).is_ok(), "a retired key signs as well");
        assert!(issued(1_800_000_000, &[]).unwrap_err().contains("CN=two expired"));
        assert_eq!(read(&file).unwrap().unwrap().1, signed);
        let secret = folder.path().join("two.key.pem");
        assert!(matches!(read(&secret), Err(BundleFileError::NoBundle { .. })));
        assert!(issue(&secret, &found(), Vec::new(), at(1_700_000_400)).is_err());
        assert_eq!(found().len(), 2, "and the key is still there");
    }
}
