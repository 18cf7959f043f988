//! The key that this host signs its reports with: one that is configured, else its own, made on the first run.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use report::sealed::{KeyError, Signer, SigningKey};

use crate::config::{Config, ConfigError, Protocol};
use crate::host;
use crate::paths::Paths;

/// Whether a report is signed.
pub enum Signing {
    /// With this key.
    With(SigningKey),
    /// It should not be.
    Off(&'static str),
    /// It should be and cannot: it goes out unsigned, which is better than not at all.
    Fails(SigningError),
}

impl Signing {
    /// Reads the key, or makes the host's own when there is none yet.
    #[must_use]
    pub fn prepare(config: &Config, now: Timestamp) -> Self {
        match Signing::look(config) {
            Ok(Found::Off(why)) => Signing::Off(why),
            Ok(Found::Key { key, .. }) => Signing::With(key),
            Ok(Found::NotMade(file)) => match make(&file, &host::host(config, Path::new("/")), now) {
                Ok(key) => Signing::With(key),
                Err(error) => Signing::Fails(error),
            },
            Err(error) => Signing::Fails(error),
        }
    }

    /// Reads the key and makes none.
    ///
    /// # Errors
    /// [`SigningError`] when reports should be signed and cannot be.
    pub fn look(config: &Config) -> Result<Found, SigningError> {
        if !config.sign {
            return Ok(Found::Off("sign = false"));
        }
        if config.protocol == Protocol::Pakiti {
            return Ok(Found::Off("a Pakiti server reads no signature"));
        }
        if let Some(file) = &config.signing_key {
            let key = read(file)?.ok_or_else(|| SigningError::Missing(file.clone()))?;
            return Found::key(file.clone(), key);
        }
        let file = Paths::signing_key(config.spool.as_deref())?;
        match read(&file)? {
            Some(key) => Found::key(file, key),
            None => Ok(Found::NotMade(file)),
        }
    }
}

/// What there is to sign with.
pub enum Found {
    /// Nothing is signed, and why.
    Off(&'static str),
    /// The next run makes it.
    NotMade(PathBuf),
    /// A key.
    Key {
        /// Where it is.
        file: PathBuf,
        /// The key.
        key: SigningKey,
        /// What the collector knows it by.
        signer: Signer,
    },
}

impl Found {
    fn key(file: PathBuf, key: SigningKey) -> Result<Self, SigningError> {
        match key.signer() {
            Ok(signer) => Ok(Found::Key { file, key, signer }),
            Err(source) => Err(SigningError::Unusable { file, source }),
        }
    }
}

fn read(file: &Path) -> Result<Option<SigningKey>, SigningError> {
    let pem = match std::fs::read(file) {
        Ok(pem) => pem,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(SigningError::Read { file: file.to_owned(), source }),
    };
    let unusable = |source| SigningError::Unusable { file: file.to_owned(), source };
    let key = SigningKey::from_pem(&pem).map_err(unusable)?;
    // A key that is for something else shows itself here, while the report can still say so.
    key.sign(b"").map_err(unusable)?;
    Ok(Some(key))
}

/// Makes a key that is there whole or not at all, and that a power cut cannot take away; of two runs the first one's counts.
fn make(file: &Path, host: &str, now: Timestamp) -> Result<SigningKey, SigningError> {
    let failed = |source| SigningError::Make { file: file.to_owned(), source };
    let key = SigningKey::generate(host, now).map_err(|source| failed(std::io::Error::other(source.to_string())))?;
    let pem = key.to_pem().map_err(|source| failed(std::io::Error::other(source.to_string())))?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    // Readable by this user alone.
    let mut unfinished = tempfile::Builder::new().prefix(".signing-").tempfile_in(folder).map_err(failed)?;
    unfinished.write_all(&pem).map_err(failed)?;
    let owner = std::fs::metadata(folder).map_err(failed)?;
    if owner.uid() != rustix::process::geteuid().as_raw() {
        // Root reports by hand beside the system's own reporter: one host, one key.
        fchown(unfinished.as_file(), Some(owner.uid()), Some(owner.gid())).map_err(failed)?;
    }
    unfinished.as_file().sync_all().map_err(failed)?;
    match unfinished.persist_noclobber(file) {
        Ok(_) => {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
            Ok(key)
        }
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
            read(file)?.ok_or_else(|| SigningError::Missing(file.to_owned()))
        }
        Err(error) => Err(failed(error.error)),
    }
}

/// Why a report that should be signed is not.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// Nowhere to keep a key.
    #[error("signing key: {0}")]
    Folder(#[from] ConfigError),
    /// The configured file is not there.
    #[error("signing key {0} does not exist")]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("reading signing key {file}: {source}")]
    Read {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file holds no key that can sign.
    #[error("signing key {file}: {source}")]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A new key cannot be kept.
    #[error("making signing key {file}: {source}")]
    Make {
        /// The file.
        file: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(spool: &Path) -> Config {
        Config { spool: Some(spool.to_owned()), ..Config::default() }
    }

    fn prepare(config: &Config) -> Result<String, String> {
        match Signing::prepare(config, Timestamp::UNIX_EPOCH) {
            Signing::With(key) => Ok(key.signer().unwrap().key.to_string()),
            Signing::Off(why) => Err(why.to_owned()),
            Signing::Fails(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn runs_at_once_agree_on_one_key_and_leave_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let keys: Vec<String> = std::thread::scope(|scope| {
            let runs: Vec<_> = (0..16).map(|_| scope.spawn(|| prepare(&config).unwrap())).collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["signing.key.pem"]);
        let found = std::fs::metadata(folder.path().join("signing.key.pem")).unwrap();
        assert_eq!(found.mode() & 0o7777, 0o600);
    }

    #[test]
    fn a_key_that_cannot_be_used_is_told_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let file = folder.path().join("signing.key.pem");
        for damage in ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            std::fs::write(&file, damage).unwrap();
            let told = prepare(&config).unwrap_err();
            assert!(told.contains("signing.key.pem: no private key"), "{told}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), damage);
        }
        let elsewhere = folder.path().join("host.pem");
        let given = Config { signing_key: Some(elsewhere.clone()), ..config.clone() };
        assert!(prepare(&given).unwrap_err().contains("does not exist"));
        let key = SigningKey::generate("a", Timestamp::UNIX_EPOCH).unwrap();
        std::fs::write(elsewhere, key.to_pem().unwrap()).unwrap();
        assert_eq!(prepare(&given).unwrap(), key.signer().unwrap().key.to_string());
        assert_eq!(prepare(&Config { sign: false, ..config.clone() }).unwrap_err(), "sign = false");
        assert!(prepare(&Config { protocol: Protocol::Pakiti, ..config }).unwrap_err().contains("Pakiti"));
    }
}
