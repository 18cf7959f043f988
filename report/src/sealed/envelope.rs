//! Whom an envelope is sealed for, and the same envelope for somebody else (RFC 5652, section 6.2).
//!
//! Reads DER that OpenSSL itself has just written, as it only does of what it has understood.

use openssl::x509::{X509, X509Name, X509Ref};

use super::ber::{self, CONTEXT_0, CONTEXT_1, OCTET_STRING, SEQUENCE, SET, element};
use super::key::KeyError;

/// The two names that a recipient may be given: issuer with serial number, and subject key identifier.
pub(super) struct Names {
    /// IssuerAndSerialNumber (RFC 5652, section 10.2.4) in DER.
    issuer_and_serial: Vec<u8>,
    certificate: X509,
}

/// A content-encryption key as one recipient gets it.
pub(super) enum Wrapped<'a> {
    /// KeyTransRecipientInfo: its keyEncryptionAlgorithm in DER, and the encrypted key.
    Transport { algorithm: &'a [u8], encrypted: &'a [u8] },
    /// KeyAgreeRecipientInfo (RFC 5753, section 3.1.1).
    Agreement(Agreed<'a>),
}

/// The parts of a KeyAgreeRecipientInfo that concern one recipient.
pub(super) struct Agreed<'a> {
    /// OriginatorIdentifierOrKey in DER.
    pub(super) originator: &'a [u8],
    /// The user keying material.
    pub(super) ukm: Option<&'a [u8]>,
    /// keyEncryptionAlgorithm in DER.
    pub(super) algorithm: &'a [u8],
    /// The wrapped key.
    pub(super) encrypted: &'a [u8],
}

/// An EnvelopedData or AuthEnvelopedData.
pub(super) struct Envelope<'a> {
    content_type: &'a [u8],
    /// Its parts; one of them is the set of recipients.
    parts: Vec<&'a [u8]>,
    recipients: usize,
}

impl<'a> Envelope<'a> {
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let [content_type, explicit] = ber::children(der)?[..] else { return None };
        let [enveloped] = ber::children(explicit)?[..] else { return None };
        let parts = ber::children(enveloped)?;
        let recipients = parts.iter().position(|part| part.first() == Some(&SET))?;
        Some(Envelope { content_type, parts, recipients })
    }

    /// The wrapped key of the first recipient that is named so and whose key is of this kind.
    pub(super) fn wrapped_for(&self, names: &Names, is_ec: bool) -> Option<Wrapped<'a>> {
        let infos = ber::children(self.parts.get(self.recipients)?)?;
        let wrapped = |info: &&'a [u8]| if is_ec { agreement(info, names) } else { transport(info, names) };
        infos.iter().find_map(wrapped)
    }

    /// The same content for one recipient, whose RSA key has encrypted the content-encryption key (RFC 3370, section 4.2.1).
    pub(super) fn for_one(&self, names: &Names, encrypted: &[u8]) -> Vec<u8> {
        const VERSION_0: &[u8] = &[0x02, 1, 0];
        const RSA_ENCRYPTION: &[u8] =
            &[SEQUENCE, 13, 0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0];
        let encrypted = element(OCTET_STRING, &[encrypted]);
        let info = element(SEQUENCE, &[VERSION_0, &names.issuer_and_serial, RSA_ENCRYPTION, &encrypted]);
        let recipients = element(SET, &[&info]);
        let mut parts = self.parts.clone();
        if let Some(part) = parts.get_mut(self.recipients) {
            *part = &recipients;
        }
        element(SEQUENCE, &[self.content_type, &element(CONTEXT_0, &[&element(SEQUENCE, &parts)])])
    }
}

fn transport<'a>(info: &'a [u8], names: &Names) -> Option<Wrapped<'a>> {
    let [_version, name, algorithm, encrypted] = ber::children(info).filter(|_| info.first() == Some(&SEQUENCE))?[..]
    else {
        return None;
    };
    // subjectKeyIdentifier [0], implicit and primitive.
    const KEY_IDENTIFIER: u8 = 0x80;
    let is_named = match name.first() {
        Some(&KEY_IDENTIFIER) => names.has_identifier(ber::content(name)?),
        _ => names.has_issuer_and_serial(name),
    };
    is_named.then_some(Wrapped::Transport { algorithm, encrypted: ber::content(encrypted)? })
}

fn agreement<'a>(info: &'a [u8], names: &Names) -> Option<Wrapped<'a>> {
    let parts = ber::children(info).filter(|_| info.first() == Some(&CONTEXT_1))?;
    let (originator, ukm, algorithm, keys) = match parts[..] {
        [_version, originator, algorithm, keys] => (originator, None, algorithm, keys),
        [_version, originator, ukm, algorithm, keys] => (originator, Some(ukm), algorithm, keys),
        _ => return None,
    };
    let ukm = match ukm {
        Some(explicit) => Some(ber::content(ber::content(explicit)?)?),
        None => None,
    };
    let is_for = |key: &&'a [u8]| {
        let [name, encrypted] = ber::children(key)?[..] else { return None };
        let is_named = match name.first() {
            // rKeyId [0]: its first part is the identifier.
            Some(&CONTEXT_0) => names.has_identifier(ber::content(ber::children(name)?.first()?)?),
            _ => names.has_issuer_and_serial(name),
        };
        is_named.then_some(ber::content(encrypted)?)
    };
    let encrypted = ber::children(keys)?.iter().find_map(is_for)?;
    Some(Wrapped::Agreement(Agreed { originator: ber::content(originator)?, ukm, algorithm, encrypted }))
}

impl Names {
    pub(super) fn of(certificate: &X509Ref) -> Result<Self, KeyError> {
        let der = certificate.to_der()?;
        let issuer_and_serial = issuer_and_serial(&der).ok_or(KeyError::NoCertificate)?;
        Ok(Names { issuer_and_serial, certificate: certificate.to_owned() })
    }

    /// IssuerAndSerialNumber in DER.
    pub(super) fn issuer_and_serial(&self) -> &[u8] {
        &self.issuer_and_serial
    }

    fn has_identifier(&self, identifier: &[u8]) -> bool {
        self.certificate.subject_key_id().is_some_and(|known| known.as_slice() == identifier)
    }

    /// Names are compared as OpenSSL does it, whatever string types and white space they are written with.
    fn has_issuer_and_serial(&self, named: &[u8]) -> bool {
        if named == self.issuer_and_serial {
            return true;
        }
        let serial = |der: &[u8]| Some(ber::children(der)?.get(1)?.to_vec());
        let issuer = ber::children(named).and_then(|parts| X509Name::from_der(parts.first()?).ok());
        serial(named).is_some_and(|named| Some(named) == serial(&self.issuer_and_serial))
            && issuer.is_some_and(|issuer| {
                issuer.try_cmp(self.certificate.issuer_name()).is_ok_and(std::cmp::Ordering::is_eq)
            })
    }
}

/// From a certificate in DER (RFC 5280, section 4.1).
fn issuer_and_serial(der: &[u8]) -> Option<Vec<u8>> {
    let certificate = ber::children(der)?;
    let fields = ber::children(certificate.first()?)?;
    // The version is [0], and missing in version 1.
    let version = usize::from(fields.first()?.first() == Some(&CONTEXT_0));
    let [serial, _algorithm, issuer, ..] = fields.get(version..)? else { return None };
    Some(element(SEQUENCE, &[issuer, serial]))
}
