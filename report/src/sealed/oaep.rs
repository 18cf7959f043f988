//! How an RSA recipient's key was encrypted: PKCS #1 v1.5, or OAEP with its parameters (RFC 3370, section 4.2.1; RFC 4055, section 4.1).

use super::ber::{self, CONTEXT_0, CONTEXT_1, CONTEXT_2};
use super::held::{Digest, Operation};

/// What the key's holder has to do for this keyEncryptionAlgorithm.
pub(super) fn operation(algorithm: &[u8], encrypted: &[u8]) -> Option<Operation> {
    let parts = ber::children(algorithm)?;
    if ber::content(parts.first()?)? == RSAES_OAEP {
        return oaep(parts.get(1)?, encrypted);
    }
    // As OpenSSL does, whatever other algorithm is named: where the key is decides nothing about what opens.
    Some(Operation::DecryptPkcs1(encrypted.to_vec()))
}

const RSAES_OAEP: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x07];
const MGF1: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x08];
const P_SPECIFIED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x09];

/// RSAES-OAEP-params: each part has its tag, and a default when it is missing.
fn oaep(parameters: &[u8], encrypted: &[u8]) -> Option<Operation> {
    let (mut digest, mut mask, mut label) = (Digest::Sha1, Digest::Sha1, Vec::new());
    for part in ber::children(parameters)? {
        let algorithm = ber::content(part)?;
        match *part.first()? {
            CONTEXT_0 => digest = hash(algorithm)?,
            CONTEXT_1 => mask = hash(parameter(algorithm, MGF1)?)?,
            CONTEXT_2 => label = ber::content(parameter(algorithm, P_SPECIFIED)?)?.to_vec(),
            _ => return None,
        }
    }
    Some(Operation::DecryptOaep { encrypted: encrypted.to_vec(), digest, mask, label })
}

fn parameter<'a>(algorithm: &'a [u8], oid: &[u8]) -> Option<&'a [u8]> {
    let [named, parameter] = ber::children(algorithm)?[..] else { return None };
    (ber::content(named)? == oid).then_some(parameter)
}

fn hash(algorithm: &[u8]) -> Option<Digest> {
    Some(match ber::content(ber::children(algorithm)?.first()?)? {
        [0x2B, 0x0E, 0x03, 0x02, 0x1A] => Digest::Sha1,
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04] => Digest::Sha224,
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01] => Digest::Sha256,
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02] => Digest::Sha384,
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03] => Digest::Sha512,
        _ => return None,
    })
}
