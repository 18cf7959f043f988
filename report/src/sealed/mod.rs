//! Sealing a report for its recipients as CMS and opening it again (RFC 5652, RFC 5083); with its files the only door to openssl.

mod agreement;
mod ber;
mod bundle;
mod certificate;
mod envelope;
mod held;
mod joint;
mod key;
mod oaep;
mod signed;

use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::error::ErrorStack;
use openssl::stack::Stack;
use openssl::symm::Cipher;

pub use bundle::{BUNDLE_MEDIA_TYPE, BundleError, MAX_BUNDLE, RecipientBundle};
pub use held::{Challenge, Digest, Holder, KeyAway, Operation};
pub use key::{KeyError, KeyKind, OpeningKey, Recipient};
pub use signed::{SignatureError, Signer, SigningKey, unverified, verify};

/// How the content is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum ContentEncryption {
    /// EnvelopedData with AES-256-CBC (RFC 5652): every `openssl smime -decrypt` since 2005 reads it; not authenticated.
    #[default]
    #[serde(rename = "aes-256-cbc")]
    Aes256Cbc,
    /// AuthEnvelopedData with AES-256-GCM (RFC 5083, RFC 5084): `openssl cms -decrypt` reads it.
    #[serde(rename = "aes-256-gcm")]
    Aes256Gcm,
}

/// Seals `content` as DER for every recipient at once.
///
/// # Errors
/// [`SealError`] when there is no recipient or a recipient's key cannot be used.
pub fn seal(content: &[u8], recipients: &[Recipient], encryption: ContentEncryption) -> Result<Vec<u8>, SealError> {
    if recipients.is_empty() {
        return Err(SealError::NoRecipient);
    }
    let mut certificates = Stack::new()?;
    for recipient in recipients {
        certificates.push(recipient.certificate().clone())?;
    }
    let cipher = match encryption {
        ContentEncryption::Aes256Cbc => Cipher::aes_256_cbc(),
        ContentEncryption::Aes256Gcm => Cipher::aes_256_gcm(),
    };
    Ok(CmsContentInfo::encrypt(&certificates, content, cipher, CMSOptions::BINARY)?.to_der()?)
}

/// Opens a sealed report with whichever of `keys` it was sealed for.
///
/// What CBC gives back is not proven whole (see [`ContentEncryption::Aes256Cbc`]): the caller checks what came out.
///
/// # Errors
/// [`NotOpened`].
pub fn open(sealed: &[u8], keys: &[OpeningKey]) -> Result<Vec<u8>, NotOpened> {
    check_structure(sealed)?;
    let cms = CmsContentInfo::from_der(sealed).map_err(|_| OpenError::NotCms)?;
    let mut away = None;
    // Those that are here first: what they open costs no other machine anything.
    for key in keys.iter().filter(|key| key.is_here()).chain(keys.iter().filter(|key| !key.is_here())) {
        match key.open(&cms) {
            Ok(Some(content)) => return Ok(content),
            Ok(None) => {}
            Err(reason) => away = Some(reason),
        }
    }
    Err(away.map_or(OpenError::NoKeyOpens { keys: keys.len() }.into(), NotOpened::KeyAway))
}

/// How the content of sealed bytes is encrypted, seen without a key: whatever is not AuthEnvelopedData proves nothing.
#[must_use]
pub fn encryption(sealed: &[u8]) -> ContentEncryption {
    let [_, authenticated] = ENVELOPES;
    match ber::content_type(sealed) {
        Some(oid) if oid == authenticated => ContentEncryption::Aes256Gcm,
        _ => ContentEncryption::Aes256Cbc,
    }
}

/// Checks, without a key, that `sealed` is one CMS EnvelopedData or AuthEnvelopedData and nothing more.
///
/// # Errors
/// [`OpenError::NotCms`] or [`OpenError::TrailingBytes`].
pub fn check_structure(sealed: &[u8]) -> Result<(), OpenError> {
    let length = ber::element_length(sealed).ok_or(OpenError::NotCms)?;
    if !ber::content_type(sealed).is_some_and(|oid| ENVELOPES.contains(&oid)) {
        return Err(OpenError::NotCms);
    }
    match sealed.len() - length {
        0 => Ok(()),
        trailing => Err(OpenError::TrailingBytes(trailing)),
    }
}

/// id-envelopedData (RFC 5652, section 6) and id-ct-authEnvelopedData (RFC 5083, section 2.1), DER content octets.
const ENVELOPES: [&[u8]; 2] = [
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x03],
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x17],
];

/// id-signedData (RFC 5652, section 5.1), DER content octets.
const SIGNED_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];

/// Why a content could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Sealing for nobody would make a report that no one can read.
    #[error("no recipient certificate to seal for")]
    NoRecipient,
    /// A recipient's key or the library refused.
    #[error("openssl could not seal: {0}")]
    Library(#[from] ErrorStack),
}

/// Why sealed bytes are not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// Trying again with the same keys does not mend it.
    #[error(transparent)]
    Never(#[from] OpenError),
    /// It is sealed for a key that cannot be used now: it may be opened later.
    #[error(transparent)]
    KeyAway(#[from] KeyAway),
}

/// What is wrong with sealed bytes, whenever they are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not the structure that reports come in.
    #[error("not a CMS EnvelopedData or AuthEnvelopedData (DER), or cut short")]
    NotCms,
    /// Bytes behind the structure would give one report many hashes.
    #[error("{0} bytes follow the CMS structure")]
    TrailingBytes(usize),
    /// No key fits, or what it protects was damaged on the way; OpenSSL does not tell which.
    #[error("none of the {keys} configured keys opens it: sealed for another recipient, or damaged")]
    NoKeyOpens {
        /// How many keys were tried.
        keys: usize,
    },
}
