//! Secrets that a person or a program carries: from the system's random source, kept here as a hash alone.

use std::fmt;

use report::hash::Hash;

/// What every API token begins with, so that scanners for leaked secrets find it.
pub const TOKEN_PREFIX: &str = "wpc_";

/// 256 random bits as text: nothing to guess, so a plain hash keeps it and finding the hash compares it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new one, for a link or a session.
    ///
    /// # Errors
    /// [`NoRandom`].
    pub fn new() -> Result<Self, NoRandom> {
        Ok(Secret(Hash::from(random()?).to_string()))
    }

    /// A new one that is recognised as an API token.
    ///
    /// # Errors
    /// [`NoRandom`].
    pub fn new_token() -> Result<Self, NoRandom> {
        Ok(Secret(format!("{TOKEN_PREFIX}{}", Hash::from(random()?))))
    }

    /// The text, for the one who is to carry it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> Hash {
        digest(&self.0)
    }
}

/// What would be kept of a secret that somebody shows.
#[must_use]
pub fn digest(shown: &str) -> Hash {
    Hash::of(shown.as_bytes())
}

/// 256 random bits.
///
/// # Errors
/// [`NoRandom`].
pub fn random() -> Result<[u8; 32], NoRandom> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// The system has no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes: {0}")]
pub struct NoRandom(#[from] getrandom::Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_new_and_none_is_shown_by_accident() {
        let (one, other) = (Secret::new().unwrap(), Secret::new().unwrap());
        assert!(one != other && one.digest() != other.digest());
        assert!(!format!("{one:?}").contains(one.reveal()));
        assert_eq!(digest(one.reveal()), one.digest());
        let token = Secret::new_token().unwrap();
        assert_eq!((token.reveal().len(), token.reveal().starts_with("wpc_")), (68, true));
    }
}
