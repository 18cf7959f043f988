//! Several signatures around one content: a SignedData of each signer, joined into one (RFC 5652, section 5.1).
//!
//! The openssl crate has no word for a second signer, nor for one whose private key is elsewhere; only DER that OpenSSL or this
//! file has just written is joined here.

use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::pkey::{PKeyRef, Private};
use openssl::stack::Stack;
use openssl::x509::X509;

use super::ber::{self, CONTEXT_0, OCTET_STRING, SEQUENCE, SET, element};
use super::bundle::BundleError;
use super::envelope::Names;
use super::held::{HeldKey, Operation};
use super::key::{OpeningKey, PrivateKey};

/// Signs `content`, which stays inside, with every key; `None` without a key, or when OpenSSL wrote something unexpected.
pub(super) fn sign(content: &[u8], keys: &[&OpeningKey]) -> Result<Option<Vec<u8>>, BundleError> {
    let mut signed = Vec::new();
    for key in keys {
        signed.push(match key.private() {
            PrivateKey::Here(private) => sign_here(content, key.certificate(), private)?,
            PrivateKey::Held(held) => sign_by_holder(content, key, held)?,
        });
    }
    Ok(join(&signed))
}

fn sign_here(content: &[u8], certificate: &X509, private: &PKeyRef<Private>) -> Result<Vec<u8>, ErrorStack> {
    // Without signed attributes: the library would put its own look at the clock into them.
    let flags = Pkcs7Flags::BINARY | Pkcs7Flags::NOATTR;
    Pkcs7::sign(certificate, private, &*Stack::new()?, content, flags)?.to_der()
}

/// AlgorithmIdentifier of SHA-256, as OpenSSL writes it in a SignedData (RFC 5754, section 2).
const SHA_256: &[u8] = &[SEQUENCE, 13, 0x06, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0];
/// rsaEncryption (RFC 3370, section 3.2).
const RSA: &[u8] = &[SEQUENCE, 13, 0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0];
/// ecdsa-with-SHA256 (RFC 5754, section 3.3).
const ECDSA: &[u8] = &[SEQUENCE, 10, 0x06, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
const SIGNED_DATA: &[u8] = &[0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
const DATA: &[u8] = &[0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01];
const VERSION_1: &[u8] = &[0x02, 1, 1];

/// A SignedData without signed attributes (RFC 5652, section 5.1) whose signature the key's holder makes.
fn sign_by_holder(content: &[u8], key: &OpeningKey, held: &HeldKey) -> Result<Vec<u8>, BundleError> {
    let refused = || BundleError::HolderRefuses(key.recipient().subject());
    let digest = hash(MessageDigest::sha256(), content)?;
    let (algorithm, signature) = if held.is_ec() {
        let signature = held.ask(&Operation::SignEcdsa(digest.to_vec()))?.ok_or_else(refused)?;
        let (r, s) = signature.split_at(signature.len() / 2);
        let signature = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
        (ECDSA, signature.to_der()?)
    } else {
        let info = element(SEQUENCE, &[SHA_256, &element(OCTET_STRING, &[&digest])]);
        (RSA, held.ask(&Operation::SignPkcs1(info))?.ok_or_else(refused)?)
    };
    let names = Names::of(key.certificate())?;
    let signature = element(OCTET_STRING, &[&signature]);
    let signer = element(SEQUENCE, &[VERSION_1, names.issuer_and_serial(), SHA_256, algorithm, &signature]);
    let inside = element(SEQUENCE, &[DATA, &element(CONTEXT_0, &[&element(OCTET_STRING, &[content])])]);
    let certificates = element(CONTEXT_0, &[&key.certificate().to_der()?]);
    let digests = element(SET, &[SHA_256]);
    let signed_data = element(SEQUENCE, &[VERSION_1, &digests, &inside, &certificates, &element(SET, &[&signer])]);
    Ok(element(SEQUENCE, &[SIGNED_DATA, &element(CONTEXT_0, &[&signed_data])]))
}

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
    let signed_data = element(
        SEQUENCE,
        &[version, &set(SET, algorithms), content, &set(CONTEXT_0, certificates), &set(SET, signers)],
    );
    Some(element(SEQUENCE, &[content_type, &element(CONTEXT_0, &[&signed_data])]))
}

/// DER wants the elements of a set in order (X.690, section 11.6).
fn set(tag: u8, mut elements: Vec<&[u8]>) -> Vec<u8> {
    elements.sort_unstable();
    elements.dedup();
    element(tag, &elements)
}
