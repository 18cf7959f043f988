//! Several signatures around one content: a SignedData of each signer, joined into one (RFC 5652, section 5.1).
//!
//! The openssl crate has no word for a second signer; only DER that OpenSSL itself has just written is joined here.

use openssl::error::ErrorStack;
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::stack::Stack;

use super::ber;
use super::key::OpeningKey;

/// Signs `content`, which stays inside, with every key; `None` without a key, or when OpenSSL wrote something unexpected.
pub(super) fn sign(content: &[u8], keys: &[&OpeningKey]) -> Result<Option<Vec<u8>>, ErrorStack> {
    // Without signed attributes: the library would put its own look at the clock into them.
    let flags = Pkcs7Flags::BINARY | Pkcs7Flags::NOATTR;
    let mut signed = Vec::new();
    for key in keys {
        signed.push(Pkcs7::sign(key.certificate(), key.private(), &*Stack::new()?, content, flags)?.to_der()?);
    }
    Ok(join(&signed))
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0]`, constructed: the content of a ContentInfo, and the certificates of a SignedData.
const TAG_0: u8 = 0xA0;

fn join(signed: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut frame = None;
    let [mut algorithms, mut certificates, mut signers] = [const { Vec::new() }; 3];
    for one in signed {
        let [content_type, explicit] = ber::children(one)?[..] else { return None };
        let [signed_data] = ber::children(explicit)?[..] else { return None };
        let [version, algorithm, content, certificate, signer] = ber::children(signed_data)?[..] else { return None };
        algorithms.extend(ber::children(algorithm)?);
        certificates.extend(ber::children(certificate)?);
        signers.extend(ber::children(signer)?);
        frame = Some((content_type, version, content));
    }
    let (content_type, version, content) = frame?;
    let signed_data =
        element(SEQUENCE, &[version, &set(SET, algorithms), content, &set(TAG_0, certificates), &set(SET, signers)]);
    Some(element(SEQUENCE, &[content_type, &element(TAG_0, &[&signed_data])]))
}

/// DER wants the elements of a set in order (X.690, section 11.6).
fn set(tag: u8, mut elements: Vec<&[u8]>) -> Vec<u8> {
    elements.sort_unstable();
    elements.dedup();
    element(tag, &elements)
}

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let digits = content.len().to_be_bytes();
    let significant: Vec<u8> = digits.into_iter().skip_while(|digit| *digit == 0).collect();
    let head = match (significant.as_slice(), u8::try_from(significant.len())) {
        ([], _) => vec![tag, 0],
        ([length @ 0..0x80], _) => vec![tag, *length],
        (digits, octets) => [&[tag, 0x80 | octets.unwrap_or_default()], digits].concat(),
    };
    [head, content].concat()
}
