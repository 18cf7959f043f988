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

/// Ending of the file beside a key that says that hosts shall not seal for it any more.
const RETIRED: &str = ".retired";

/// A key and the file it came from.
pub struct KeyFile {
    /// Where it is, or where its certificate is when a token holds it.
    pub file: PathBuf,
    /// The token that holds it, for people.
    pub token: Option<String>,
    /// Whether it opens what still comes, and hosts are told to seal for others.
    pub retired: bool,
    /// Private key and certificate.
    pub key: OpeningKey,
}

/// Makes a key pair; gives the secret file and the certificate file. Neither may exist. With a passphrase the private key is
/// encrypted.
///
/// # Errors
/// [`KeysError`].
pub fn new(
    folder: &Path,
    name: &str,
    kind: KeyKind,
    now: Timestamp,
    days: u32,
    passphrase: Option<&Passphrase>,
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
    write_new(&secret, 0o600, &key.to_pem(passphrase.map(Passphrase::bytes))?).map_err(write_error(&secret))?;
    write_new(&public, 0o644, &key.recipient().to_pem()?).map_err(write_error(&public))?;
    Ok((secret, public))
}

/// Reads the named key files, and those of the folder when none is named.
///
/// # Errors
/// [`KeysError`] names the file that is no key.
pub fn load(named: &[PathBuf], folder: &Path, passphrase: Option<&Passphrase>) -> Result<Vec<KeyFile>, KeysError> {
    let files = if named.is_empty() { in_folder(folder)? } else { named.to_vec() };
    files
        .into_iter()
        .map(|file| {
            let pem = std::fs::read(&file).map_err(|source| KeysError::Read { file: file.clone(), source })?;
            let key = OpeningKey::from_pem(&pem, passphrase.map(Passphrase::bytes))
                .map_err(|source| KeysError::NoKey { file: file.clone(), source })?;
            Ok(KeyFile { retired: marker(&file).is_file(), file, token: None, key })
        })
        .collect()
}

/// Marks the keys of this name as retired: they go on opening, and the next bundle names them no more; gives the marks.
///
/// A mark beside the key: the key's own file stays where configurations and credentials name it, and is never written to.
///
/// # Errors
/// [`KeysError`] when there is none, or nobody would be left to seal for.
pub fn retire(name: &str, keys: &[KeyFile], now: Timestamp) -> Result<Vec<PathBuf>, KeysError> {
    let is_it = |key: &&KeyFile| key.name() == Some(name);
    let marks: Vec<PathBuf> = keys.iter().filter(is_it).map(|key| marker(&key.file)).collect();
    if marks.is_empty() {
        let known: Vec<&str> = keys.iter().filter_map(KeyFile::name).collect();
        return Err(KeysError::NoSuchKey { name: name.escape_debug().to_string(), known: known.join(", ") });
    }
    if !keys.iter().any(|key| !key.retired && !is_it(&key)) {
        return Err(KeysError::LastKey(name.to_owned()));
    }
    for mark in &marks {
        match write_new(mark, 0o644, format!("retired {now}\n").as_bytes()) {
            Err(source) if source.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(KeysError::Mark { file: mark.clone(), source });
            }
            _ => {}
        }
    }
    Ok(marks)
}

impl KeyFile {
    /// A key that a token holds, by the file with its certificate.
    #[must_use]
    pub fn in_token(file: PathBuf, token: String, key: OpeningKey) -> Self {
        KeyFile { retired: marker(&file).is_file(), file, token: Some(token), key }
    }

    /// The name that it was made with.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let name = self.file.file_name()?.to_str()?;
        Some(stem(name).unwrap_or(name))
    }

    /// Where it is, for people.
    #[must_use]
    pub fn place(&self) -> String {
        let file = self.file.display();
        self.token.as_ref().map_or_else(|| file.to_string(), |token| format!("{token} ({file})"))
    }
}

fn stem(name: &str) -> Option<&str> {
    name.strip_suffix(SECRET).or_else(|| name.strip_suffix(PUBLIC))
}

fn marker(key: &Path) -> PathBuf {
    let text = key.to_string_lossy();
    match stem(&text) {
        Some(stem) => PathBuf::from(format!("{stem}{RETIRED}")),
        None => PathBuf::from(format!("{text}{RETIRED}")),
    }
}

/// What private keys are encrypted with; never shown.
pub struct Passphrase(String);

impl Passphrase {
    /// The first line of a file, which may be a pipe.
    ///
    /// # Errors
    /// [`KeysError`] when it cannot be read, or is empty.
    pub fn read(file: &Path) -> Result<Self, KeysError> {
        let text =
            std::fs::read_to_string(file).map_err(|source| KeysError::Passphrase { file: file.to_owned(), source })?;
        match text.lines().next().unwrap_or_default() {
            "" => Err(KeysError::NoPassphrase(file.to_owned())),
            line => Ok(Passphrase(line.to_owned())),
        }
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Whom reports are to be sealed for: the keys in use and the `others`, each once and none that is retired.
#[must_use]
pub fn to_seal_for(keys: &[KeyFile], others: Vec<Recipient>) -> Vec<Recipient> {
    let mut recipients: Vec<Recipient> = Vec::new();
    let in_use = keys.iter().filter(|file| !file.retired).map(|file| file.key.recipient().clone());
    for recipient in in_use.chain(others) {
        let retired = keys.iter().any(|file| file.retired && file.key.recipient().has_key_of(&recipient));
        if !retired && !recipients.iter().any(|known| known.has_key_of(&recipient)) {
            recipients.push(recipient);
        }
    }
    recipients
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
    /// The passphrase cannot be read.
    #[error("reading the passphrase of the keys {file}: {source}")]
    Passphrase {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// There is none.
    #[error("the passphrase of the keys {0} is empty: write it into the first line")]
    NoPassphrase(PathBuf),
    /// The file holds no usable key.
    #[error(
        "key {file}: {source}; `key_passphrase_file` names the file with the passphrase of keys that are encrypted"
    )]
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
    /// No key to retire.
    #[error("no key is named \"{name}\" here: there are {known}")]
    NoSuchKey {
        /// As given.
        name: String,
        /// Those there are.
        known: String,
    },
    /// Nobody would be left.
    #[error("{0} is the only key in use: make the next one with `keys new` first, hosts have to seal for somebody")]
    LastKey(String),
    /// The mark cannot be made.
    #[error("marking the key as retired by {file}: {source}")]
    Mark {
        /// The mark.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
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
        let (secret, public) = new(folder.path(), "officer", KeyKind::EcP256, now, 10, None).unwrap();
        let found = load(&[], folder.path(), None).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].file, secret);
        assert_eq!(found[0].key.recipient().not_after().unwrap().as_second(), 1_700_864_000);
        assert!(!std::fs::read_to_string(public).unwrap().contains("PRIVATE"));
        assert!(matches!(new(folder.path(), "officer", KeyKind::EcP256, now, 10, None), Err(KeysError::Write { .. })));
        assert!(matches!(new(folder.path(), "../x", KeyKind::EcP256, now, 10, None), Err(KeysError::Name(_))));
    }

    #[test]
    fn a_retired_key_is_marked_and_the_last_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        for name in ["one", "two"] {
            new(folder.path(), name, KeyKind::EcP256, now, 10, None).unwrap();
        }
        let found = || load(&[], folder.path(), None).unwrap();
        let retired = || found().iter().map(|key| (key.name().unwrap().to_owned(), key.retired)).collect::<Vec<_>>();
        assert!(
            matches!(retire("three", &found(), now), Err(KeysError::NoSuchKey { known, .. }) if known == "one, two")
        );
        assert_eq!(retire("one", &found(), now).unwrap(), [folder.path().join("one.retired")]);
        assert!(retire("one", &found(), now).is_ok(), "it is already");
        assert_eq!(retired(), [("one".to_owned(), true), ("two".to_owned(), false)]);
        assert!(matches!(retire("two", &found(), now), Err(KeysError::LastKey(_))));
        let elsewhere = folder.path().join("plain.pem");
        std::fs::copy(folder.path().join("two.key.pem"), &elsewhere).unwrap();
        let named = [elsewhere, folder.path().join("two.key.pem")];
        retire("plain.pem", &load(&named, folder.path(), None).unwrap(), now).unwrap();
        assert!(folder.path().join("plain.pem.retired").is_file() && !folder.path().join("two.retired").is_file());
    }

    #[test]
    fn an_encrypted_key_needs_its_passphrase_and_tells_which_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let passphrase = |text: &str| {
            let file = folder.path().join("passphrase");
            std::fs::write(&file, text).unwrap();
            Passphrase::read(&file)
        };
        let right = passphrase("four wörds\nnot this\n").unwrap();
        let (secret, _) = new(folder.path(), "officer", KeyKind::EcP256, now, 10, Some(&right)).unwrap();
        assert!(std::fs::read_to_string(&secret).unwrap().contains("BEGIN ENCRYPTED PRIVATE KEY"));
        assert_eq!(load(&[], folder.path(), Some(&right)).unwrap().len(), 1);
        let problem = |given: Option<&Passphrase>| load(&[], folder.path(), given).err().unwrap().to_string();
        assert!(problem(None).contains("is encrypted, and no passphrase is given"), "{}", problem(None));
        let wrong = problem(Some(&passphrase("five").unwrap()));
        assert!(wrong.contains("another passphrase") && wrong.contains("officer.key.pem"), "{wrong}");
        assert!(matches!(passphrase("\n"), Err(KeysError::NoPassphrase(_))));
        assert!(matches!(Passphrase::read(&folder.path().join("none")), Err(KeysError::Passphrase { .. })));
    }
}
