//! The operations of a private key as PKCS#11 mechanisms (PKCS#11 3.1, sections 6.1.6, 6.1.8, 6.3.12 and 6.3.17).

use cryptoki::error::Error;
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use report::sealed::{Digest, Operation};

/// Lets the token do it.
pub(super) fn run(session: &Session, key: ObjectHandle, operation: &Operation) -> Result<Vec<u8>, Error> {
    match operation {
        Operation::DecryptPkcs1(encrypted) => session.decrypt(&Mechanism::RsaPkcs, key, encrypted),
        Operation::DecryptOaep { encrypted, digest, mask, label } => {
            let source = match &label[..] {
                [] => PkcsOaepSource::empty(),
                label => PkcsOaepSource::data_specified(label),
            };
            let parameters = PkcsOaepParams::new(hash(*digest), mask_generation(*mask), source);
            session.decrypt(&Mechanism::RsaPkcsOaep(parameters), key, encrypted)
        }
        Operation::Agree(point) => {
            let agree = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(EcKdf::null(), point));
            // The secret comes out: what is derived from it has to be done here, as hardly any token does it (RFC 5753, section 7.2).
            let secret = [
                Attribute::Class(ObjectClass::SECRET_KEY),
                Attribute::KeyType(KeyType::GENERIC_SECRET),
                Attribute::Token(false),
                Attribute::Sensitive(false),
                Attribute::Extractable(true),
                Attribute::ValueLen(32.into()),
            ];
            let secret = session.derive_key(&agree, key, &secret)?;
            let attributes = session.get_attributes(secret, &[AttributeType::Value]);
            session.destroy_object(secret)?;
            match attributes?.pop() {
                Some(Attribute::Value(value)) => Ok(value),
                _ => Err(Error::InvalidValue),
            }
        }
        Operation::SignPkcs1(info) => session.sign(&Mechanism::RsaPkcs, key, info),
        Operation::SignEcdsa(digest) => session.sign(&Mechanism::Ecdsa, key, digest),
    }
}

fn hash(digest: Digest) -> MechanismType {
    match digest {
        Digest::Sha1 => MechanismType::SHA1,
        Digest::Sha224 => MechanismType::SHA224,
        Digest::Sha256 => MechanismType::SHA256,
        Digest::Sha384 => MechanismType::SHA384,
        Digest::Sha512 => MechanismType::SHA512,
    }
}

fn mask_generation(digest: Digest) -> PkcsMgfType {
    match digest {
        Digest::Sha1 => PkcsMgfType::MGF1_SHA1,
        Digest::Sha224 => PkcsMgfType::MGF1_SHA224,
        Digest::Sha256 => PkcsMgfType::MGF1_SHA256,
        Digest::Sha384 => PkcsMgfType::MGF1_SHA384,
        Digest::Sha512 => PkcsMgfType::MGF1_SHA512,
    }
}
