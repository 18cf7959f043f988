//! The sender's signature around a report, inside the seal: CMS SignedData with its content (RFC 5652, section 5).
//!
//! By OpenSSL's older PKCS#7 functions: those for CMS do not tell who signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Private};
use openssl::stack::Stack;
use openssl::x509::extension::KeyUsage;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509Ref};

use super::certificate::{self_signed, subject};
use super::key::KeyError;
use super::{SIGNED_DATA, ber};
use crate::hash::Hash;

/// 9999-12-31T23:59:59Z, which stands for no end (RFC 5280, section 4.1.2.5): a host's own key is exchanged, not renewed.
const NO_END: i64 = 253_402_300_799;

/// What the collector knows a sender by, whatever certificate it shows for the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// SHA-256 of the public key (SubjectPublicKeyInfo in DER, RFC 5280, section 4.1; EC points uncompressed).
    pub key: Hash,
    /// The certificate's subject, a claim.
    pub subject: String,
}

/// A sender's private key with its certificate.
#[derive(Clone)]
pub struct SigningKey {
    private: PKey<Private>,
    certificate: X509,
}

impl SigningKey {
    /// Makes an EC P-256 key with a certificate for `common_name` that is valid from `not_before` on and does not end.
    ///
    /// # Errors
    /// [`KeyError::Library`] when a value does not fit into a certificate.
    pub fn generate(common_name: &str, not_before: Timestamp) -> Result<Self, KeyError> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let private = PKey::from_ec_key(EcKey::generate(&group)?)?;
        let usage = KeyUsage::new().critical().digital_signature().build()?;
        // A common name holds 64 characters (RFC 5280, appendix A.1); the key is what counts.
        let common_name: String = common_name.chars().take(64).collect();
        let certificate = self_signed(&private, &common_name, usage, (not_before.as_second(), NO_END))?;
        Ok(SigningKey { private, certificate })
    }

    /// Reads a private key and the certificate that belongs to it from PEM text, such as those of a host certificate.
    ///
    /// # Errors
    /// [`KeyError`] when either is missing, they do not belong together, or nobody should trust such a key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let private = match ec_key(pem) {
            Some(private) => private,
            // An empty passphrase keeps OpenSSL from asking on a terminal that a service does not have.
            None => PKey::private_key_from_pem_passphrase(pem, b"").map_err(|_| KeyError::NoPrivateKey)?,
        };
        let certificates = X509::stack_from_pem(pem)?;
        if certificates.is_empty() {
            return Err(KeyError::NoCertificate);
        }
        let own = |certificate: &X509| certificate.public_key().is_ok_and(|public| public.public_eq(&private));
        let certificate = certificates.into_iter().find(own).ok_or(KeyError::Mismatch)?;
        if !is_strong(&private)? {
            return Err(KeyError::WeakSigner(subject(&certificate)));
        }
        Ok(SigningKey { private, certificate })
    }

    /// The private key and the certificate in one PEM text: a secret.
    ///
    /// # Errors
    /// [`KeyError`] when the library cannot encode it.
    pub fn to_pem(&self) -> Result<Vec<u8>, KeyError> {
        let private = match self.private.ec_key() {
            Ok(key) => key.private_key_to_pem()?,
            Err(_) => self.private.private_key_to_pem_pkcs8()?,
        };
        Ok([private, self.certificate.to_pem()?].concat())
    }

    /// What the collector will know this sender by.
    ///
    /// # Errors
    /// [`KeyError`] when the library cannot encode the key.
    pub fn signer(&self) -> Result<Signer, KeyError> {
        Ok(signer(&self.certificate)?)
    }

    /// Signs `content`, which stays inside: DER that `openssl smime -verify -noverify -inform DER` reads.
    ///
    /// # Errors
    /// [`KeyError::Library`].
    pub fn sign(&self, content: &[u8]) -> Result<Vec<u8>, KeyError> {
        // Signed attributes would bring the library's own look at the clock; a report says itself when it was made.
        let flags = Pkcs7Flags::BINARY | Pkcs7Flags::NOATTR;
        let signed = Pkcs7::sign(&self.certificate, &self.private, &*Stack::new()?, content, flags)?;
        Ok(signed.to_der()?)
    }
}

/// The content of a report with whoever signed it; `None` when there is no signature around it.
///
/// Certificates are not judged: a sender is known by its key alone.
///
/// # Errors
/// [`SignatureError`] when there is a signature and it does not hold.
pub fn verify(signed: &[u8]) -> Result<Option<(Vec<u8>, Signer)>, SignatureError> {
    if ber::content_type(signed) != Some(SIGNED_DATA) {
        return Ok(None);
    }
    read(signed, Pkcs7Flags::empty()).map(Some)
}

/// What a report with a wrong signature says, and the key that it names: for people to look at, never to believe.
#[must_use]
pub fn unverified(signed: &[u8]) -> Option<(Vec<u8>, Signer)> {
    read(signed, Pkcs7Flags::NOSIGS).ok()
}

fn read(signed: &[u8], also: Pkcs7Flags) -> Result<(Vec<u8>, Signer), SignatureError> {
    if ber::element_length(signed) != Some(signed.len()) {
        return Err(SignatureError::Structure);
    }
    let pkcs7 = Pkcs7::from_der(signed).map_err(|_| SignatureError::Structure)?;
    let none = Stack::new()?;
    // The same search as in the verification: by issuer and serial number among the certificates inside.
    let signers = pkcs7.signers(&none, Pkcs7Flags::empty()).map_err(|_| SignatureError::Signers)?;
    let mut signers = signers.iter();
    let (Some(certificate), None) = (signers.next(), signers.next()) else { return Err(SignatureError::Signers) };
    let public = certificate.public_key().map_err(|_| SignatureError::Structure)?;
    if !is_strong(&public)? {
        return Err(SignatureError::Weak(subject(certificate)));
    }
    let store = X509StoreBuilder::new()?.build();
    let mut content = Vec::new();
    let flags = Pkcs7Flags::BINARY | Pkcs7Flags::NOVERIFY | also;
    pkcs7.verify(&none, &store, None, Some(&mut content), flags).map_err(|_| SignatureError::Wrong)?;
    Ok((content, signer(certificate)?))
}

/// An EC key as [`SigningKey::to_pem`] writes it (RFC 5915, section 4): read without OpenSSL's search through every
/// encoding of every algorithm, which costs a host as much as reading its packages.
fn ec_key(pem: &[u8]) -> Option<PKey<Private>> {
    let (_, rest) = std::str::from_utf8(pem).ok()?.split_once("-----BEGIN EC PRIVATE KEY-----")?;
    let (encoded, _) = rest.split_once("-----END EC PRIVATE KEY-----")?;
    let encoded: String = encoded.split_ascii_whitespace().collect();
    let key = EcKey::private_key_from_der(&STANDARD.decode(encoded).ok()?).ok()?;
    key.check_key().ok()?;
    PKey::from_ec_key(key).ok()
}

fn signer(certificate: &X509Ref) -> Result<Signer, ErrorStack> {
    let public = certificate.public_key()?;
    let der = match curve(&public)? {
        // A point has several encodings: written anew as OpenSSL writes it, whatever the certificate chose.
        Some(curve) => {
            let group = EcGroup::from_curve_name(curve)?;
            let key = EcKey::from_public_key(&group, public.ec_key()?.public_key())?;
            PKey::from_ec_key(key)?.public_key_to_der()?
        }
        None => public.public_key_to_der()?,
    };
    Ok(Signer { key: Hash::of(&der), subject: subject(certificate) })
}

/// The curve of an EC key that is on a named one.
fn curve<T: HasPublic>(key: &PKeyRef<T>) -> Result<Option<Nid>, ErrorStack> {
    if key.id() == Id::EC { Ok(key.ec_key()?.group().curve_name()) } else { Ok(None) }
}

/// Whether nobody else can make signatures of this key, as far as is known.
fn is_strong<T: HasPublic>(key: &PKeyRef<T>) -> Result<bool, ErrorStack> {
    const CURVES: [Nid; 3] = [Nid::X9_62_PRIME256V1, Nid::SECP384R1, Nid::SECP521R1];
    Ok(match key.id() {
        Id::RSA => key.bits() >= 2048,
        // A curve with parameters of its own may have a private key that anybody can find.
        Id::EC => curve(key)?.is_some_and(|curve| CURVES.contains(&curve)),
        _ => false,
    })
}

/// A signature that does not hold.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// Neither whole nor alone.
    #[error("the signature around the report is malformed, cut short or followed by other bytes")]
    Structure,
    /// Nobody, or several.
    #[error("the report is not signed by exactly one sender whose certificate is in it")]
    Signers,
    /// A key that somebody else may have found.
    #[error("the report is signed by {0}, whose key is neither RSA of 2048 bits and up nor EC P-256, P-384 or P-521")]
    Weak(String),
    /// The content is not what was signed.
    #[error("the signature does not match the report: it was changed on its way, or signed with another key")]
    Wrong,
    /// The library refused.
    #[error("openssl: {0}")]
    Library(#[from] ErrorStack),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> SigningKey {
        SigningKey::generate("wn1.example.org", Timestamp::from_second(1_700_000_000).unwrap()).unwrap()
    }

    #[test]
    fn what_was_signed_comes_back_with_its_signer() {
        let key = key();
        let again = SigningKey::from_pem(&key.to_pem().unwrap()).unwrap();
        let content = b"#\nhost: a\r\n#\n".to_vec();
        let verified = verify(&again.sign(&content).unwrap()).unwrap();
        assert_eq!(verified, Some((content, key.signer().unwrap())));
        assert_eq!(key.signer().unwrap().subject, "CN=wn1.example.org");
        assert_eq!(verify(b"#\nhost: a\n").unwrap(), None);
    }

    #[test]
    fn no_changed_bit_passes_as_signed() {
        let (key, content) = (key(), vec![b'x'; 200]);
        let signed = key.sign(&content).unwrap();
        let whole = signed.clone();
        for bit in 0..signed.len() * 8 {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok(Some((found, signer))) = verify(&changed) {
                // What nobody reads (a certificate's own signature) and other words for the same key change nothing.
                assert_eq!((found, signer.key), (content.clone(), key.signer().unwrap().key), "bit {bit}");
            }
        }
        for end in 20..signed.len() {
            assert!(verify(&whole[..end]).is_err(), "cut at {end}");
        }
        assert!(matches!(verify(&[whole, vec![0]].concat()), Err(SignatureError::Structure)));
        let last_of_content = signed.windows(200).position(|window| window == content).unwrap() + 199;
        let mut changed = signed;
        changed[last_of_content] = b'y';
        assert!(matches!(verify(&changed), Err(SignatureError::Wrong)));
        let (claimed, signer) = unverified(&changed).unwrap();
        assert_eq!((claimed.last(), signer), (Some(&b'y'), key.signer().unwrap()));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = verify(&bytes);
            let front = [&[0x30, 0x82, 1, 0, 6, 9], SIGNED_DATA].concat();
            let _ = verify(&[&front, bytes.as_slice()].concat());
            let _ = unverified(&[front, bytes].concat());
        }
    }
}
