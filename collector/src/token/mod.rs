//! Private keys in PKCS#11 tokens (HSMs, smart cards): configured, reached, and found again after they were away.

mod connection;
mod module;
mod operation;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;

use report::sealed::{KeyError, OpeningKey, Operation};
use serde::Deserialize;

use self::connection::Pin;
use self::module::Module;
use self::worker::Token;
use crate::keys::{KeyFile, KeysError, recipients};

/// `[[tokens]]`: a token that holds private keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// The shared library that speaks PKCS#11 for it.
    pub module: PathBuf,
    /// Its label.
    pub token: String,
    /// PEM files with the certificates whose private keys it holds.
    pub certificates: Vec<PathBuf>,
    /// File whose first line is its user's PIN; without it, the credential `token-pin`.
    pub pin_file: Option<PathBuf>,
}

/// The keys of all tokens, none of which is asked for anything yet; `pin` is the file for those that name none.
///
/// # Errors
/// [`TokenError`] for what is wrong in the files on this machine.
pub fn load(configured: &[TokenConfig], pin: Option<PathBuf>) -> Result<Vec<KeyFile>, TokenError> {
    let mut modules: Vec<Arc<Module>> = Vec::new();
    let mut keys = Vec::new();
    for (index, config) in configured.iter().enumerate() {
        let is_same = |other: &TokenConfig| other.module == config.module && other.token == config.token;
        if configured.iter().take(index).any(is_same) {
            return Err(TokenError::Twice(config.token.clone()));
        }
        let pin_file = config.pin_file.clone().or_else(|| pin.clone());
        let pin_file = pin_file.ok_or_else(|| TokenError::NoPinFile(config.token.clone()))?;
        let known = modules.iter().find(|module| module.file() == config.module).cloned();
        let module = known.unwrap_or_else(|| Arc::new(Module::new(config.module.clone())));
        modules.push(Arc::clone(&module));
        let read = Pin::read(&pin_file).map_err(|source| TokenError::PinFile { file: pin_file.clone(), source })?;
        let token = Token::new(module, config.token.clone(), read, pin_file).map_err(TokenError::Thread)?;
        let token = Arc::new(token);
        for file in &config.certificates {
            for recipient in recipients(std::slice::from_ref(file)).map_err(TokenError::Certificate)? {
                let (token, of) = (Arc::clone(&token), recipient.clone());
                let holder = Box::new(move |operation: &Operation| token.perform(&of, operation));
                let key = OpeningKey::held(recipient, holder).map_err(TokenError::Key)?;
                keys.push(KeyFile::in_token(file.clone(), format!("token {}", config.token), key));
            }
        }
    }
    Ok(keys)
}

/// Why keys in tokens cannot be used, before any token is asked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// One token, two tables.
    #[error("[[tokens]] names the token {0:?} twice: write all its certificates into one table")]
    Twice(String),
    /// No way to log in.
    #[error(
        "token {0:?} needs a PIN: name the file that holds it as `pin_file`, or hand over the credential token-pin"
    )]
    NoPinFile(String),
    /// The PIN cannot be read.
    #[error("reading the PIN of a token from {file}: {source}")]
    PinFile {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The system has no thread left.
    #[error("starting the thread that talks to a token: {0}")]
    Thread(std::io::Error),
    /// No certificate.
    #[error(transparent)]
    Certificate(KeysError),
    /// A certificate that cannot be used.
    #[error("a certificate of a key in a token: {0}")]
    Key(KeyError),
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use report::sealed::KeyKind;

    use super::*;

    #[test]
    fn what_is_wrong_on_this_machine_is_told_before_any_token_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let (_, certificate) = crate::keys::new(folder.path(), "officer", KeyKind::EcP256, now, 10, None).unwrap();
        let pin = folder.path().join("pin");
        let config = TokenConfig {
            module: "/nowhere.so".into(),
            token: "officer".to_owned(),
            certificates: vec![certificate.clone()],
            pin_file: None,
        };
        let refused =
            |configured: &[TokenConfig], pin: Option<PathBuf>| load(configured, pin).err().unwrap().to_string();
        assert!(refused(std::slice::from_ref(&config), None).contains("needs a PIN"));
        assert!(refused(std::slice::from_ref(&config), Some(pin.clone())).contains("reading the PIN"));
        std::fs::write(&pin, "\n1234\n").unwrap();
        assert!(refused(std::slice::from_ref(&config), Some(pin.clone())).contains("first line is empty"));
        std::fs::write(&pin, "1234\n").unwrap();
        assert!(refused(&[config.clone(), config.clone()], Some(pin.clone())).contains("twice"));
        let wrong = TokenConfig { certificates: vec![pin.clone()], ..config.clone() };
        assert!(refused(&[wrong], Some(pin.clone())).contains("no certificate"));

        let keys = load(&[config], Some(pin)).unwrap();
        assert_eq!((keys.len(), keys[0].name(), &keys[0].file), (1, Some("officer"), &certificate));
        let away = keys[0].key.prove().unwrap_err().to_string();
        assert!(away.starts_with("token \"officer\" of /nowhere.so: ") && !away.contains("1234"), "{away}");
        assert_eq!(keys[0].key.prove().unwrap_err().to_string(), away, "not looked for again at once");
    }
}
