//! SHA-256 as the identity of sealed reports and of package lists.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// SHA-256 of a sealed report exactly as posted, or of another content that names itself; shown as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Hash(Sha256::digest(bytes).into())
    }

    /// The hash of several parts as if they were one text.
    #[must_use]
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Hash(hasher.finalize().into())
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The value of a `Content-Digest` header (RFC 9530, section 2) for the hashed bytes.
    #[must_use]
    pub fn content_digest(&self) -> String {
        format!("sha-256=:{}:", STANDARD.encode(self.0))
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Hash(bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        let nibbles = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let text: String = nibbles.filter_map(|nibble| DIGITS.get(usize::from(nibble))).collect();
        f.write_str(&text)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let not_a_hash = || NotAHash(text.chars().take(80).collect());
        let nibble = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let bytes = text
            .as_bytes()
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[high, low]| Some((nibble(*high)? << 4) | nibble(*low)?))
            .collect::<Option<Vec<u8>>>()
            .ok_or_else(not_a_hash)?;
        if text.len() != 64 {
            return Err(not_a_hash());
        }
        bytes.try_into().map(Hash).map_err(|_| not_a_hash())
    }
}

impl serde::Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is not 64 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 lower-case hex digits, found {0:?}")]
pub struct NotAHash(String);

/// Reads the SHA-256 member of a `Content-Digest` header (RFC 9530): `sha-256=:BASE64:`, other members are passed over.
///
/// # Errors
/// [`ContentDigestError`] when a `sha-256` member is present and is not 32 bytes of base64 between colons.
/// `Ok(None)` means that the header has no `sha-256` member.
pub fn parse_content_digest(header: &str) -> Result<Option<Hash>, ContentDigestError> {
    let Some(value) = header.split(',').find_map(|member| member.trim().strip_prefix("sha-256=")) else {
        return Ok(None);
    };
    value
        .strip_prefix(':')
        .and_then(|rest| rest.strip_suffix(':'))
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .and_then(|bytes| bytes.try_into().ok())
        .map(|bytes| Some(Hash(bytes)))
        .ok_or(ContentDigestError)
}

/// A `Content-Digest` header that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected Content-Digest: sha-256=:BASE64 of 32 bytes: (RFC 9530)")]
pub struct ContentDigestError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_text_has_its_published_hash() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Hash::of(b"").to_string(), hex);
        assert_eq!(hex.parse(), Ok(Hash::of(b"")));
        assert_eq!(Hash::of_parts([b"a".as_slice(), b"b"]), Hash::of(b"ab"));
    }

    #[test]
    fn a_digest_header_reads_back() {
        let hash = Hash::of(b"report");
        assert_eq!(parse_content_digest(&hash.content_digest()), Ok(Some(hash)));
        assert_eq!(parse_content_digest(&format!("sha-512=:AA==:, {}", hash.content_digest())), Ok(Some(hash)));
        assert_eq!(parse_content_digest("md5=:AA==:"), Ok(None));
        assert_eq!(parse_content_digest("sha-256=:AA==:"), Err(ContentDigestError));
        assert_eq!(parse_content_digest("sha-256=abc"), Err(ContentDigestError));
    }

    #[test]
    fn other_texts_are_no_hash() {
        for text in [
            "",
            "00",
            "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
            "g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ] {
            assert!(text.parse::<Hash>().is_err(), "{text}");
        }
    }
}
