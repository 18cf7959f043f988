//! The content-encryption key out of an ECDH shared secret: X9.63 key derivation and key wrap (RFC 5753, sections 3.1 and 7.2).

use openssl::bn::BigNumContext;
use openssl::cipher::Cipher;
use openssl::cipher_ctx::{CipherCtx, CipherCtxFlags};
use openssl::ec::{EcGroup, EcGroupRef, EcPoint, EcPointRef, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::hash::{Hasher, MessageDigest};
use openssl::nid::Nid;

use super::ber::{self, CONTEXT_0, CONTEXT_1, CONTEXT_2, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element};
use super::envelope::Agreed;

/// The sender's ephemeral public key, when it is a point of P-256 (RFC 5753, section 3.1.1: originatorKey).
pub(super) fn point(agreed: &Agreed<'_>) -> Option<Vec<u8>> {
    const EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
    const PRIME256V1: &[u8] = &[OBJECT_IDENTIFIER, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
    const NULL: &[u8] = &[0x05, 0];
    if agreed.originator.first() != Some(&CONTEXT_1) {
        return None;
    }
    let [algorithm, bits] = ber::children(agreed.originator)?[..] else { return None };
    // Without parameters the curve is the recipient's.
    match ber::children(algorithm)?[..] {
        [oid] | [oid, NULL | PRIME256V1] if ber::content(oid)? == EC_PUBLIC_KEY => {}
        _ => return None,
    }
    // A point is whole bytes: how many bits of the last one are said to be unused means nothing, to OpenSSL as well.
    let (_unused, point) = ber::content(bits)?.split_first()?;
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).ok()?;
    // Refuses what is not on the curve: such points would tell the private key bit by bit.
    let point = EcPoint::from_bytes(&group, point, &mut *BigNumContext::new().ok()?).ok()?;
    uncompressed(&group, &point).ok()
}

/// The form that every token knows (SEC 1, section 2.3.3).
pub(super) fn uncompressed(group: &EcGroupRef, point: &EcPointRef) -> Result<Vec<u8>, ErrorStack> {
    point.to_bytes(group, PointConversionForm::UNCOMPRESSED, &mut *BigNumContext::new()?)
}

/// The content-encryption key, when `shared` is the secret that both sides have; a wrong one is noticed by the wrap's own check.
pub(super) fn unwrap(agreed: &Agreed<'_>, shared: &[u8]) -> Option<Vec<u8>> {
    let [scheme, wrap] = ber::children(agreed.algorithm)?[..] else { return None };
    let digest = digest(ber::content(scheme)?)?;
    let nid = wrap_cipher(ber::content(ber::children(wrap)?.first()?)?)?;
    let cipher = Cipher::from_nid(nid)?;
    let bits = u32::try_from(cipher.key_length()).ok()?.checked_mul(8)?;
    let ukm = agreed.ukm.map(|ukm| element(CONTEXT_0, &[&element(OCTET_STRING, &[ukm])])).unwrap_or_default();
    let supplied = element(CONTEXT_2, &[&element(OCTET_STRING, &[&bits.to_be_bytes()])]);
    // ECC-CMS-SharedInfo (RFC 5753, section 7.2).
    let info = element(SEQUENCE, &[wrap, &ukm, &supplied]);
    let key = derive(digest, shared, &info, cipher.key_length()).ok()?;
    let unwrap = || {
        let mut context = CipherCtx::new()?;
        context.set_flags(CipherCtxFlags::FLAG_WRAP_ALLOW);
        context.decrypt_init(Some(cipher), Some(&key), None)?;
        let mut content_key = Vec::new();
        context.cipher_update_vec(agreed.encrypted, &mut content_key)?;
        context.cipher_final_vec(&mut content_key)?;
        Ok::<_, ErrorStack>(content_key)
    };
    unwrap().ok()
}

/// ANSI X9.63 (SEC 1, section 3.6.1).
fn derive(digest: MessageDigest, shared: &[u8], info: &[u8], length: usize) -> Result<Vec<u8>, ErrorStack> {
    let mut key = Vec::new();
    for counter in 1_u32.. {
        if key.len() >= length {
            break;
        }
        let mut hasher = Hasher::new(digest)?;
        hasher.update(shared)?;
        hasher.update(&counter.to_be_bytes())?;
        hasher.update(info)?;
        key.extend_from_slice(&hasher.finish()?);
    }
    key.truncate(length);
    Ok(key)
}

/// dhSinglePass-stdDH and dhSinglePass-cofactorDH with each hash (RFC 5753, section 7.1.4); P-256 has the cofactor 1.
fn digest(scheme: &[u8]) -> Option<MessageDigest> {
    Some(match scheme {
        [0x2B, 0x81, 0x05, 0x10, 0x86, 0x48, 0x3F, 0x00, 0x02 | 0x03] => MessageDigest::sha1(),
        [0x2B, 0x81, 0x04, 0x01, 0x0B | 0x0E, 0x00] => MessageDigest::sha224(),
        [0x2B, 0x81, 0x04, 0x01, 0x0B | 0x0E, 0x01] => MessageDigest::sha256(),
        [0x2B, 0x81, 0x04, 0x01, 0x0B | 0x0E, 0x02] => MessageDigest::sha384(),
        [0x2B, 0x81, 0x04, 0x01, 0x0B | 0x0E, 0x03] => MessageDigest::sha512(),
        _ => return None,
    })
}

/// AES key wrap (RFC 3565, section 2.3.2) and Triple-DES key wrap (RFC 3370, section 4.3.1), which goes with Triple-DES content.
fn wrap_cipher(oid: &[u8]) -> Option<Nid> {
    Some(match oid {
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x05] => Nid::ID_AES128_WRAP,
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x19] => Nid::ID_AES192_WRAP,
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2D] => Nid::ID_AES256_WRAP,
        [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x03, 0x06] => Nid::ID_SMIME_ALG_CMS3DESWRAP,
        _ => return None,
    })
}
