//! The recipient bundle: whom hosts shall seal for from now on, signed by the officer's keys that hosts may still know.
//!
//! CMS SignedData in DER with its content inside, as `openssl cms -verify -inform DER` reads it.

use jiff::Timestamp;
use openssl::error::ErrorStack;
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::stack::Stack;
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;

use super::held::KeyAway;
use super::key::{KeyError, OpeningKey, Recipient, is_key_of};
use super::{SIGNED_DATA, ber, joint};

/// Largest bundle, in bytes; sixteen RSA-4096 certificates and as many signatures make 50,000.
pub const MAX_BUNDLE: usize = 64 * 1024;

/// Media type of a bundle (RFC 8551, section 3.2).
pub const BUNDLE_MEDIA_TYPE: &str = "application/pkcs7-mime; smime-type=signed-data";

/// Most certificates in a bundle, and most that sign it: each of them costs a host work.
const MOST: usize = 16;

/// The first line of what is signed: these keys sign nothing else that begins so.
const FIRST_LINE: &str = "recipient-bundle: 1";

/// Whom reports shall be sealed for.
#[derive(Clone)]
pub struct RecipientBundle {
    /// When it was issued, in unix seconds, or later: a higher number is newer.
    pub serial: i64,
    /// The certificates, one at least.
    pub recipients: Vec<Recipient>,
}

impl RecipientBundle {
    /// Signs the bundle with every one of `keys`.
    ///
    /// # Errors
    /// [`BundleError`] when it holds nobody, nobody signs, or no host could read it.
    pub fn sign(&self, keys: &[&OpeningKey]) -> Result<Vec<u8>, BundleError> {
        if keys.len() > MOST {
            return Err(BundleError::TooMany);
        }
        let signed = joint::sign(&self.content()?, keys)?.ok_or(BundleError::NotSigned)?;
        // What a host would refuse is better refused here.
        read(&signed)?;
        Ok(signed)
    }

    /// Reads a bundle that a holder of one of the `trusted` certificates' keys has signed, for a host whose clock shows `now`.
    ///
    /// The trusted certificates' own validity is not asked for: a host that was off for long knows no newer one.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn verify(signed: &[u8], trusted: &[Recipient], now: Timestamp) -> Result<Self, BundleError> {
        let (bundle, signers) = read(signed)?;
        if !signers.iter().any(|signer| trusted.iter().any(|trusted| is_key_of(signer, trusted.certificate()))) {
            return Err(BundleError::Foreign);
        }
        for recipient in &bundle.recipients {
            let end = recipient.not_after()?;
            if end < now {
                return Err(BundleError::Expired { subject: recipient.subject(), end });
            }
        }
        Ok(bundle)
    }

    /// Reads a whole bundle, whoever has signed it.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn unverified(signed: &[u8]) -> Result<Self, BundleError> {
        Ok(read(signed)?.0)
    }

    fn content(&self) -> Result<Vec<u8>, BundleError> {
        let mut content = format!("{FIRST_LINE}\nserial: {}\n", self.serial).into_bytes();
        for recipient in &self.recipients {
            content.extend(recipient.to_pem()?);
        }
        Ok(content)
    }

    fn from_content(content: &[u8]) -> Result<Self, BundleError> {
        let text = std::str::from_utf8(content).map_err(|_| BundleError::Content)?;
        let (first, rest) = text.split_once('\n').ok_or(BundleError::Content)?;
        let version = first.strip_prefix("recipient-bundle: ").ok_or(BundleError::Content)?;
        if first != FIRST_LINE {
            return Err(BundleError::Version(version.chars().take(20).filter(|c| c.is_ascii_graphic()).collect()));
        }
        let (second, pem) = rest.split_once('\n').ok_or(BundleError::Content)?;
        let serial = second.strip_prefix("serial: ").and_then(|serial| serial.parse().ok());
        let serial = serial.filter(|serial| *serial > 0).ok_or(BundleError::Content)?;
        if pem.is_empty() {
            return Err(BundleError::Nobody);
        }
        if pem.matches("-----BEGIN ").count() > MOST {
            return Err(BundleError::TooMany);
        }
        let bundle = RecipientBundle { serial, recipients: Recipient::from_pem(pem.as_bytes())? };
        // Nothing between the lines: whoever reads the text sees all that it says.
        if bundle.content()? == content { Ok(bundle) } else { Err(BundleError::Content) }
    }
}

/// The bundle and those whose signatures hold: all of them do.
fn read(signed: &[u8]) -> Result<(RecipientBundle, Vec<X509>), BundleError> {
    if signed.len() > MAX_BUNDLE {
        return Err(BundleError::TooLarge);
    }
    if ber::content_type(signed) != Some(SIGNED_DATA) || ber::element_length(signed) != Some(signed.len()) {
        return Err(BundleError::Structure);
    }
    let pkcs7 = Pkcs7::from_der(signed).map_err(|_| BundleError::Structure)?;
    let none = Stack::new()?;
    // The same search as in the verification, and in the same order: by issuer and serial number among the certificates inside.
    let signers = pkcs7.signers(&none, Pkcs7Flags::empty()).map_err(|_| BundleError::NotSigned)?;
    let signers: Vec<X509> = signers.iter().map(|signer| signer.to_owned()).collect();
    match signers.len() {
        0 => return Err(BundleError::NotSigned),
        1..=MOST => {}
        _ => return Err(BundleError::TooMany),
    }
    let store = X509StoreBuilder::new()?.build();
    let mut content = Vec::new();
    let flags = Pkcs7Flags::BINARY | Pkcs7Flags::NOVERIFY;
    pkcs7.verify(&none, &store, None, Some(&mut content), flags).map_err(|_| BundleError::Wrong)?;
    Ok((RecipientBundle::from_content(&content)?, signers))
}

/// Why a bundle is not followed.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// More than any officer's team.
    #[error("larger than {MAX_BUNDLE} bytes")]
    TooLarge,
    /// Neither whole nor alone.
    #[error("not one CMS SignedData (DER): malformed, cut short or followed by other bytes")]
    Structure,
    /// No signature at all.
    #[error("nobody has signed it")]
    NotSigned,
    /// A signature of something else.
    #[error("a signature does not match: it was changed on its way")]
    Wrong,
    /// Signed by somebody else.
    #[error("nobody who is trusted here has signed it")]
    Foreign,
    /// More than there is a use for.
    #[error("more than {MOST} certificates or signatures")]
    TooMany,
    /// From a later time.
    #[error("its version {0} is unknown: a newer program reads it")]
    Version(String),
    /// Signed, but something else.
    #[error("what is signed is no recipient bundle")]
    Content,
    /// Nobody to seal for.
    #[error("it names nobody to seal for")]
    Nobody,
    /// Not to be sealed for any more.
    #[error("its certificate {subject} expired {end}")]
    Expired {
        /// Whose.
        subject: String,
        /// When.
        end: Timestamp,
    },
    /// Not to be sealed for at all.
    #[error("a certificate in it cannot be used: {0}")]
    Certificate(#[from] KeyError),
    /// A signer's private key is elsewhere.
    #[error("{0}")]
    KeyAway(#[from] KeyAway),
    /// It is there, and does something else.
    #[error(
        "the holder of the private key of {0} does not sign with it: allow that (CKA_SIGN), or sign where another key is"
    )]
    HolderRefuses(String),
    /// The library refused.
    #[error("openssl: {0}")]
    Library(#[from] ErrorStack),
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::super::{KeyKind, SigningKey};
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn key(name: &str, kind: KeyKind) -> OpeningKey {
        OpeningKey::generate(kind, name, at(1_700_000_000), at(1_800_000_000)).unwrap()
    }

    /// An RSA key, an EC key, and a stranger's.
    static KEYS: LazyLock<[OpeningKey; 3]> = LazyLock::new(|| {
        [key("first", KeyKind::Rsa(2048)), key("second", KeyKind::EcP256), key("stranger", KeyKind::EcP256)]
    });

    fn bundle(keys: &[&OpeningKey]) -> RecipientBundle {
        RecipientBundle { serial: 1_750_000_000, recipients: keys.iter().map(|key| key.recipient().clone()).collect() }
    }

    fn trusting(key: &OpeningKey, signed: &[u8]) -> Result<RecipientBundle, BundleError> {
        RecipientBundle::verify(signed, &[key.recipient().clone()], at(1_750_000_000))
    }

    #[test]
    fn either_of_two_signers_is_enough_and_a_stranger_is_not() {
        let [first, second, stranger] = &*KEYS;
        let signed = bundle(&[second]).sign(&[first, second]).unwrap();
        for key in [first, second] {
            let read = trusting(key, &signed).unwrap();
            assert_eq!(read.serial, 1_750_000_000);
            assert_eq!(read.recipients.len(), 1);
            assert!(read.recipients[0].has_key_of(second.recipient()));
        }
        assert!(matches!(trusting(stranger, &signed), Err(BundleError::Foreign)));
        let theirs = bundle(&[first]).sign(&[stranger]).unwrap();
        assert!(matches!(trusting(first, &theirs), Err(BundleError::Foreign)));
        assert!(matches!(bundle(&[second]).sign(&[]), Err(BundleError::NotSigned)));
    }

    #[test]
    fn what_no_host_should_seal_for_is_refused() {
        let [first, second, _] = &*KEYS;
        let signed = bundle(&[first, second]).sign(&[first]).unwrap();
        let trusted = [first.recipient().clone()];
        let late = RecipientBundle::verify(&signed, &trusted, at(1_800_000_001)).err().unwrap().to_string();
        assert!(late.contains("CN=first expired"), "{late}");
        assert!(matches!(bundle(&[]).sign(&[first]), Err(BundleError::Nobody)));
        assert!(matches!(bundle(&[first; 17]).sign(&[first]), Err(BundleError::TooMany)));
        let of_a_host = SigningKey::generate("wn1", at(1_700_000_000)).unwrap();
        let other = |content: &[u8]| {
            let signed = joint::sign(content, &[first]).unwrap().unwrap();
            trusting(first, &signed).err().unwrap().to_string()
        };
        assert!(other(b"#\nhost: a\n").contains("no recipient bundle"));
        assert!(other(b"recipient-bundle: 2\nserial: 1\n").contains("version 2"));
        assert!(other(b"recipient-bundle: 1\nserial: 1\n").contains("nobody to seal for"));
        assert!(other(b"recipient-bundle: 1\nserial: 1\nx\n").contains("cannot be used"));
        let mut content = bundle(&[second]).content().unwrap();
        content.extend(b"\n");
        assert!(other(&content).contains("no recipient bundle"), "more than it says");
        for serial in ["-1", "0", "+1750000000", "01750000000", "9223372036854775808"] {
            let content = String::from_utf8(bundle(&[second]).content().unwrap()).unwrap();
            let changed = content.replace("1750000000", serial);
            assert!(other(changed.as_bytes()).contains("no recipient bundle"), "{serial}");
        }
        let report = of_a_host.sign(&bundle(&[second]).content().unwrap()).unwrap();
        assert!(matches!(trusting(first, &report), Err(BundleError::Foreign)));
        assert!(matches!(RecipientBundle::unverified(&vec![0x30; MAX_BUNDLE + 1]), Err(BundleError::TooLarge)));
    }

    #[test]
    fn no_changed_bit_and_no_cut_passes() {
        let [_, second, _] = &*KEYS;
        let content = bundle(&[second]).content().unwrap();
        let signed = bundle(&[second]).sign(&[second]).unwrap();
        for bit in 0..signed.len() * 8 {
            let mut changed = signed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = trusting(second, &changed) {
                // What nobody reads, such as the signature in a certificate of a signer, changes nothing.
                assert_eq!(read.content().unwrap(), content, "bit {bit}");
            }
        }
        for end in 0..signed.len() {
            assert!(trusting(second, &signed[..end]).is_err(), "cut at {end}");
        }
        assert!(matches!(trusting(second, &[signed, vec![0]].concat()), Err(BundleError::Structure)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = RecipientBundle::unverified(&bytes);
            let _ = RecipientBundle::from_content(&bytes);
            let front = [FIRST_LINE.as_bytes(), b"\nserial: 7\n"].concat();
            let _ = RecipientBundle::from_content(&[front, bytes].concat());
        }
    }
}
