//! Recipient certificates, and the private keys that open what was sealed for them.

use std::sync::Arc;

use jiff::Timestamp;
use openssl::asn1::Asn1Time;
use openssl::cms::CmsContentInfo;
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Rsa;
use openssl::symm::Cipher;
use openssl::x509::extension::KeyUsage;
use openssl::x509::{X509, X509Ref};

use super::certificate::{self_signed, subject};
use super::held::{Challenge, HeldKey, Holder, KeyAway};
use crate::hash::Hash;

/// A certificate that reports are sealed for: RSA of 2048 bits and up, or EC P-256.
#[derive(Clone)]
pub struct Recipient(X509);

impl Recipient {
    /// Reads every certificate of a PEM file; a private key in the same file is passed over.
    ///
    /// # Errors
    /// [`KeyError`] when there is none, or one whose key cannot be a recipient.
    pub fn from_pem(pem: &[u8]) -> Result<Vec<Self>, KeyError> {
        let certificates = X509::stack_from_pem(pem)?;
        if certificates.is_empty() {
            return Err(KeyError::NoCertificate);
        }
        certificates.into_iter().map(Recipient::new).collect()
    }

    fn new(certificate: X509) -> Result<Self, KeyError> {
        let key = certificate.public_key()?;
        match key.id() {
            Id::RSA if key.bits() >= 2048 => Ok(Recipient(certificate)),
            Id::EC if key.ec_key()?.group().curve_name() == Some(Nid::X9_62_PRIME256V1) => Ok(Recipient(certificate)),
            _ => Err(KeyError::Unsuitable(subject(&certificate))),
        }
    }

    /// The subject as `CN=...` parts joined by commas.
    #[must_use]
    pub fn subject(&self) -> String {
        subject(&self.0)
    }

    /// SHA-256 of the certificate in DER: what `openssl x509 -fingerprint -sha256` prints with colons.
    ///
    /// # Errors
    /// [`KeyError`] when the library cannot encode it.
    pub fn fingerprint(&self) -> Result<Hash, KeyError> {
        Ok(Hash::of(&self.0.to_der()?))
    }

    /// The end of the certificate's validity.
    ///
    /// # Errors
    /// [`KeyError`] when the certificate's time cannot be read.
    pub fn not_after(&self) -> Result<Timestamp, KeyError> {
        let distance = Asn1Time::from_unix(0)?.diff(self.0.not_after())?;
        let seconds = i64::from(distance.days) * 86_400 + i64::from(distance.secs);
        Timestamp::from_second(seconds).map_err(|_| KeyError::NotAfter)
    }

    /// The certificate as PEM.
    ///
    /// # Errors
    /// [`KeyError`] when the library cannot encode it.
    pub fn to_pem(&self) -> Result<Vec<u8>, KeyError> {
        Ok(self.0.to_pem()?)
    }

    /// Whether both certificates are of one key, such as one and its renewal.
    #[must_use]
    pub fn has_key_of(&self, other: &Recipient) -> bool {
        is_key_of(&self.0, &other.0)
    }

    pub(super) fn certificate(&self) -> &X509 {
        &self.0
    }
}

/// Whether both certificates are of one key.
pub(super) fn is_key_of(one: &X509Ref, other: &X509Ref) -> bool {
    match (one.public_key(), other.public_key()) {
        (Ok(one), Ok(other)) => one.public_eq(&other),
        _ => false,
    }
}

/// A private key with its certificate: opens what was sealed for it.
#[derive(Clone)]
pub struct OpeningKey {
    private: PrivateKey,
    recipient: Recipient,
}

/// Where a private key is.
#[derive(Clone)]
pub(super) enum PrivateKey {
    /// In this process.
    Here(PKey<Private>),
    /// Wherever its holder keeps it.
    Held(Arc<HeldKey>),
}

impl OpeningKey {
    /// Reads a PEM file that holds a private key and its certificate, in any order; a key that is not encrypted needs no
    /// passphrase and takes any.
    ///
    /// # Errors
    /// [`KeyError`] when either is missing, the passphrase is, or is wrong, or the two do not belong together.
    pub fn from_pem(pem: &[u8], passphrase: Option<&[u8]>) -> Result<Self, KeyError> {
        // An empty passphrase keeps OpenSSL from asking on a terminal that a service does not have.
        let private = PKey::private_key_from_pem_passphrase(pem, passphrase.unwrap_or_default())
            .map_err(|_| unusable(pem, passphrase))?;
        Recipient::from_pem(pem)?
            .into_iter()
            .find(|recipient| recipient.0.public_key().is_ok_and(|public| public.public_eq(&private)))
            .map(|recipient| OpeningKey { private: PrivateKey::Here(private), recipient })
            .ok_or(KeyError::Mismatch)
    }

    /// The key of this certificate whose private half somebody else holds.
    ///
    /// # Errors
    /// [`KeyError::Library`].
    pub fn held(recipient: Recipient, holder: Box<Holder>) -> Result<Self, KeyError> {
        let held = HeldKey::new(&recipient, holder)?;
        Ok(OpeningKey { private: PrivateKey::Held(Arc::new(held)), recipient })
    }

    /// Makes a key pair and a self-signed certificate for `common_name`.
    ///
    /// # Errors
    /// [`KeyError::Library`] when a value does not fit into a certificate.
    pub fn generate(
        kind: KeyKind,
        common_name: &str,
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> Result<Self, KeyError> {
        let private = match kind {
            KeyKind::Rsa(bits) => PKey::from_rsa(Rsa::generate(bits)?)?,
            KeyKind::EcP256 => PKey::from_ec_key(EcKey::generate(&*EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?)?)?,
        };
        let mut usage = KeyUsage::new();
        let usage = match kind {
            KeyKind::Rsa(_) => usage.critical().key_encipherment(),
            KeyKind::EcP256 => usage.critical().key_agreement(),
        };
        // It also signs the recipient bundle that hosts follow to the next key.
        let usage = usage.digital_signature();
        let validity = (not_before.as_second(), not_after.as_second());
        let certificate = self_signed(&private, common_name, usage.build()?, validity)?;
        Ok(OpeningKey { private: PrivateKey::Here(private), recipient: Recipient::new(certificate)? })
    }

    /// The private key and the certificate in one PEM text: a secret, unless the key is encrypted with a passphrase (PKCS #8,
    /// RFC 5958, with PBES2 and AES-256, RFC 8018).
    ///
    /// # Errors
    /// [`KeyError`] when the library cannot encode it.
    pub fn to_pem(&self, passphrase: Option<&[u8]>) -> Result<Vec<u8>, KeyError> {
        let PrivateKey::Here(private) = &self.private else { return Err(KeyError::NoPrivateKey) };
        let private = match passphrase {
            None => private.private_key_to_pem_pkcs8()?,
            Some(passphrase) => private.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), passphrase)?,
        };
        Ok([private, self.recipient.to_pem()?].concat())
    }

    /// The public half, to seal for.
    #[must_use]
    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// Uses the private key, so that what keeps it from working is known before a report needs it.
    ///
    /// # Errors
    /// [`KeyAway`] when its holder cannot be asked, or holds another one.
    pub fn prove(&self) -> Result<(), KeyAway> {
        let PrivateKey::Held(held) = &self.private else { return Ok(()) };
        let challenge = Challenge::new(&self.recipient).map_err(|error| KeyAway(error.to_string()))?;
        match held.ask(&challenge.operation)? {
            Some(answer) if challenge.is_met_by(&answer) => Ok(()),
            _ => Err(KeyAway(format!("what is sealed for {} is not opened by its holder", self.recipient.subject()))),
        }
    }

    /// The content, when it is sealed for this key and whole; what has no fault in it may be found later when the holder is away.
    pub(super) fn open(&self, cms: &CmsContentInfo) -> Result<Option<Vec<u8>>, KeyAway> {
        match &self.private {
            PrivateKey::Here(_) => Ok(self.decrypt_here(cms)),
            PrivateKey::Held(held) => held.open(cms),
        }
    }

    /// Without the certificate OpenSSL may return garbage as success: each key is tried by name of its recipient.
    pub(super) fn decrypt_here(&self, cms: &CmsContentInfo) -> Option<Vec<u8>> {
        match &self.private {
            PrivateKey::Here(private) => cms.decrypt(private, self.certificate()).ok(),
            PrivateKey::Held(_) => None,
        }
    }

    /// Whether its private half is in this process.
    pub(super) fn is_here(&self) -> bool {
        matches!(self.private, PrivateKey::Here(_))
    }

    pub(super) fn private(&self) -> &PrivateKey {
        &self.private
    }

    pub(super) fn certificate(&self) -> &X509 {
        self.recipient.certificate()
    }
}

/// Why the library finds no private key in a PEM text.
fn unusable(pem: &[u8], passphrase: Option<&[u8]>) -> KeyError {
    let holds = |words: &[u8]| pem.windows(words.len()).any(|window| window == words);
    // PKCS #8's own label, and the header line of the older form (RFC 1421).
    let encrypted = holds(b"BEGIN ENCRYPTED PRIVATE KEY") || holds(b"Proc-Type: 4,ENCRYPTED");
    match passphrase {
        _ if !encrypted => KeyError::NoPrivateKey,
        None => KeyError::Encrypted,
        Some(_) => KeyError::WrongPassphrase,
    }
}

/// The kind of a recipient's key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with so many bits; the only kind that `openssl smime` and legacy hosts can seal for.
    Rsa(u32),
    /// EC P-256: opened twice as fast, for agents and `openssl cms`.
    EcP256,
}

/// Why a key or certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No `BEGIN CERTIFICATE`.
    #[error("no certificate in PEM form found")]
    NoCertificate,
    /// No `BEGIN PRIVATE KEY`.
    #[error("no private key in PEM form found that can be read")]
    NoPrivateKey,
    /// A private key that is encrypted, and no passphrase.
    #[error("the private key is encrypted, and no passphrase is given")]
    Encrypted,
    /// A private key that is encrypted with another passphrase.
    #[error("the private key is encrypted with another passphrase")]
    WrongPassphrase,
    /// The certificate is of another key.
    #[error("the private key belongs to none of the certificates beside it")]
    Mismatch,
    /// Neither RSA of 2048 bits nor EC P-256.
    #[error("certificate {0} cannot be a recipient: RSA of 2048 bits and up or EC P-256 is needed")]
    Unsuitable(String),
    /// A key for signing that somebody else may find.
    #[error("the key of {0} is too weak to sign with: RSA of 2048 bits and up or EC P-256, P-384 or P-521 is needed")]
    WeakSigner(String),
    /// A time outside of what we can hold.
    #[error("the certificate's notAfter cannot be read")]
    NotAfter,
    /// The library refused.
    #[error("openssl: {0}")]
    Library(#[from] ErrorStack),
}
