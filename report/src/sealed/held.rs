//! A private key that somebody else holds, such as a PKCS#11 token: what its holder is asked, and reports opened by the answers.
//!
//! The holder gives the content-encryption key. That is wrapped again for a key of this process alone, and the report goes the
//! way of all others through OpenSSL: what a report may look like is decided in one place, whoever holds the key.

use jiff::Timestamp;
use openssl::cms::CmsContentInfo;
use openssl::derive::Deriver;
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey};
use openssl::rand::rand_bytes;
use openssl::rsa::Padding;

use super::envelope::{Envelope, Names, Wrapped};
use super::key::{KeyError, KeyKind, OpeningKey, Recipient};
use super::{agreement, oaep};

/// What the holder of a private key is asked to do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// RSAES-PKCS1-v1_5 decryption of these bytes (RFC 8017, section 7.2.2).
    DecryptPkcs1(Vec<u8>),
    /// RSAES-OAEP decryption (RFC 8017, section 7.1.2).
    DecryptOaep {
        /// What is decrypted.
        encrypted: Vec<u8>,
        /// Hash of the label.
        digest: Digest,
        /// Hash inside MGF1.
        mask: Digest,
        /// The label.
        label: Vec<u8>,
    },
    /// ECDH with this point, uncompressed (SEC 1, section 2.3.3): the x-coordinate, 32 bytes on P-256.
    Agree(Vec<u8>),
    /// RSASSA-PKCS1-v1_5 over this DigestInfo in DER (RFC 8017, section 9.2).
    SignPkcs1(Vec<u8>),
    /// ECDSA over this digest: r and s behind each other, of the same length.
    SignEcdsa(Vec<u8>),
}

/// A hash function inside RSAES-OAEP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1, the default (RFC 8017, appendix A.2.1).
    Sha1,
    /// SHA-224
    Sha224,
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
}

/// Does an operation; `None` when the key is there and does not do this one with these bytes.
pub type Holder = dyn Fn(&Operation) -> Result<Option<Vec<u8>>, KeyAway> + Send + Sync;

/// The private key cannot be used now: another time the same bytes may open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyAway(pub String);

/// What only the holder of a certificate's private key can answer.
pub struct Challenge {
    /// What to ask.
    pub operation: Operation,
    answer: Vec<u8>,
}

impl Challenge {
    /// A new one for the holder of this certificate's private key.
    ///
    /// # Errors
    /// [`KeyError::Library`].
    pub fn new(recipient: &Recipient) -> Result<Self, KeyError> {
        let public = recipient.certificate().public_key()?;
        if public.id() == Id::EC {
            let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
            let ours = EcKey::generate(&group)?;
            let point = agreement::uncompressed(&group, ours.public_key())?;
            let ours = PKey::from_ec_key(ours)?;
            let mut deriver = Deriver::new(&ours)?;
            deriver.set_peer(&public)?;
            return Ok(Challenge { operation: Operation::Agree(point), answer: deriver.derive_to_vec()? });
        }
        let mut answer = vec![0; 32];
        rand_bytes(&mut answer)?;
        Ok(Challenge { operation: Operation::DecryptPkcs1(encrypt(recipient, &answer)?), answer })
    }

    /// Whether the holder has the private key.
    #[must_use]
    pub fn is_met_by(&self, answer: &[u8]) -> bool {
        self.answer == answer
    }
}

/// A private key by its holder.
pub(super) struct HeldKey {
    holder: Box<Holder>,
    names: Names,
    is_ec: bool,
    relay: OpeningKey,
    relay_names: Names,
}

impl HeldKey {
    pub(super) fn new(recipient: &Recipient, holder: Box<Holder>) -> Result<Self, KeyError> {
        // It lives and dies in this process: nobody ever sees its certificate.
        let relay = OpeningKey::generate(KeyKind::Rsa(2048), "relay", Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH)?;
        Ok(HeldKey {
            holder,
            names: Names::of(recipient.certificate())?,
            is_ec: recipient.certificate().public_key()?.id() == Id::EC,
            relay_names: Names::of(relay.certificate())?,
            relay,
        })
    }

    pub(super) fn ask(&self, operation: &Operation) -> Result<Option<Vec<u8>>, KeyAway> {
        (self.holder)(operation)
    }

    pub(super) fn is_ec(&self) -> bool {
        self.is_ec
    }

    /// The content, when it is sealed for this key and whole.
    pub(super) fn open(&self, cms: &CmsContentInfo) -> Result<Option<Vec<u8>>, KeyAway> {
        // Written anew by OpenSSL: in what follows nothing is read that it has not understood.
        let Ok(der) = cms.to_der() else { return Ok(None) };
        let Some(envelope) = Envelope::read(&der) else { return Ok(None) };
        let Some(wrapped) = envelope.wrapped_for(&self.names, self.is_ec) else { return Ok(None) };
        let Some(key) = self.unwrap(&wrapped)? else { return Ok(None) };
        Ok(self.relayed(&envelope, &key))
    }

    fn unwrap(&self, wrapped: &Wrapped<'_>) -> Result<Option<Vec<u8>>, KeyAway> {
        match wrapped {
            Wrapped::Transport { algorithm, encrypted } => match oaep::operation(algorithm, encrypted) {
                // As OpenSSL does where the padding is wrong: whoever sends many damaged reports learns nothing of the key from
                // which of them fail how (RFC 3218, section 2.3.2).
                Some(operation @ Operation::DecryptPkcs1(_)) => Ok(self.ask(&operation)?.or_else(invented_key)),
                Some(operation) => self.ask(&operation),
                None => Ok(None),
            },
            Wrapped::Agreement(agreed) => {
                let Some(point) = agreement::point(agreed) else { return Ok(None) };
                let shared = self.ask(&Operation::Agree(point))?;
                Ok(shared.and_then(|shared| agreement::unwrap(agreed, &shared)))
            }
        }
    }

    fn relayed(&self, envelope: &Envelope<'_>, key: &[u8]) -> Option<Vec<u8>> {
        let encrypted = encrypt(self.relay.recipient(), key).ok()?;
        let cms = CmsContentInfo::from_der(&envelope.for_one(&self.relay_names, &encrypted)).ok()?;
        self.relay.decrypt_here(&cms)
    }
}

/// OpenSSL puts one of the right length in its place.
fn invented_key() -> Option<Vec<u8>> {
    let mut key = vec![0; 32];
    rand_bytes(&mut key).ok()?;
    Some(key)
}

fn encrypt(recipient: &Recipient, content: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let rsa = recipient.certificate().public_key()?.rsa()?;
    let mut encrypted = vec![0; usize::try_from(rsa.size()).unwrap_or_default()];
    let length = rsa.public_encrypt(content, &mut encrypted, Padding::PKCS1)?;
    encrypted.truncate(length);
    Ok(encrypted)
}
