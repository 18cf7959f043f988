//! Keys that somebody else holds open the same bytes to the same content as keys that are here.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test ends where its expectation does")]
#![allow(clippy::disallowed_methods, reason = "the peer is the real openssl")]

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use openssl::bn::BigNumContext;
use openssl::derive::Deriver;
use openssl::ec::{EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::encrypt::Decrypter;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Padding;
use report::sealed::{
    self, BundleError, Challenge, ContentEncryption, Digest, KeyAway, KeyKind, NotOpened, OpenError, OpeningKey,
    Operation, RecipientBundle,
};

const TEXT: &[u8] = b"#\nhost: a.example.org\npackager: rpm\nsite: CERN-PROD\nversion: 1\n#\nbash\t0:5-1\tx86_64\n#\n";

fn key(kind: KeyKind, name: &str) -> OpeningKey {
    let start = Timestamp::from_second(1_700_000_000).unwrap();
    OpeningKey::generate(kind, name, start, Timestamp::from_second(2_000_000_000).unwrap()).unwrap()
}

static KEYS: LazyLock<[OpeningKey; 2]> =
    LazyLock::new(|| [key(KeyKind::Rsa(2048), "officer"), key(KeyKind::EcP256, "next officer")]);

/// What an HSM does, with a key in memory.
fn perform(private: &PKey<Private>, operation: &Operation) -> Option<Vec<u8>> {
    let md = |digest: Digest| match digest {
        Digest::Sha1 => MessageDigest::sha1(),
        Digest::Sha224 => MessageDigest::sha224(),
        Digest::Sha256 => MessageDigest::sha256(),
        Digest::Sha384 => MessageDigest::sha384(),
        Digest::Sha512 => MessageDigest::sha512(),
    };
    match operation {
        Operation::DecryptPkcs1(encrypted) => {
            let rsa = private.rsa().ok()?;
            let mut content = vec![0; usize::try_from(rsa.size()).unwrap()];
            let length = rsa.private_decrypt(encrypted, &mut content, Padding::PKCS1).ok()?;
            Some(content[..length].to_vec())
        }
        Operation::DecryptOaep { encrypted, digest, mask, label } => {
            let mut decrypter = Decrypter::new(private).ok()?;
            decrypter.set_rsa_padding(Padding::PKCS1_OAEP).ok()?;
            decrypter.set_rsa_oaep_md(md(*digest)).ok()?;
            decrypter.set_rsa_mgf1_md(md(*mask)).ok()?;
            if !label.is_empty() {
                decrypter.set_rsa_oaep_label(label).ok()?;
            }
            let mut content = vec![0; decrypter.decrypt_len(encrypted).ok()?];
            let length = decrypter.decrypt(encrypted, &mut content).ok()?;
            Some(content[..length].to_vec())
        }
        Operation::Agree(point) => {
            let ours = private.ec_key().ok()?;
            let point = EcPoint::from_bytes(ours.group(), point, &mut BigNumContext::new().unwrap()).unwrap();
            let peer = PKey::from_ec_key(EcKey::from_public_key(ours.group(), &point).unwrap()).unwrap();
            let mut deriver = Deriver::new(private).unwrap();
            deriver.set_peer(&peer).unwrap();
            deriver.derive_to_vec().ok()
        }
        Operation::SignPkcs1(info) => {
            let rsa = private.rsa().ok()?;
            let mut signature = vec![0; usize::try_from(rsa.size()).unwrap()];
            rsa.private_encrypt(info, &mut signature, Padding::PKCS1).ok()?;
            Some(signature)
        }
        Operation::SignEcdsa(digest) => {
            let signature = EcdsaSig::sign(digest, &*private.ec_key().ok()?).ok()?;
            Some([signature.r().to_vec_padded(32).unwrap(), signature.s().to_vec_padded(32).unwrap()].concat())
        }
    }
}

fn private(key: &OpeningKey) -> PKey<Private> {
    PKey::private_key_from_pem(&key.to_pem(None).unwrap()).unwrap()
}

fn held(key: &OpeningKey) -> OpeningKey {
    let private = private(key);
    OpeningKey::held(key.recipient().clone(), Box::new(move |operation| Ok(perform(&private, operation)))).unwrap()
}

static HELD: LazyLock<[OpeningKey; 2]> = LazyLock::new(|| [held(&KEYS[0]), held(&KEYS[1])]);

fn open(sealed: &[u8], key: &OpeningKey) -> Result<Vec<u8>, NotOpened> {
    sealed::open(sealed, std::slice::from_ref(key))
}

#[test]
fn what_agents_seal_opens_by_its_holder_and_by_nobody_elses() {
    let recipients: Vec<_> = KEYS.iter().map(|key| key.recipient().clone()).collect();
    let strangers = [key(KeyKind::Rsa(2048), "officer"), key(KeyKind::EcP256, "next officer")];
    for encryption in [ContentEncryption::Aes256Cbc, ContentEncryption::Aes256Gcm] {
        let sealed = sealed::seal(TEXT, &recipients, encryption).unwrap();
        for (held_key, stranger) in HELD.iter().zip(&strangers) {
            assert_eq!(open(&sealed, held_key).unwrap(), TEXT);
            let refused = Err(NotOpened::Never(OpenError::NoKeyOpens { keys: 1 }));
            assert_eq!(open(&sealed, &held(stranger)), refused);
            // The right certificate and somebody else's private key: nothing, or what OpenSSL makes of an invented key.
            let other = private(stranger);
            let liar = Box::new(move |operation: &Operation| Ok(perform(&other, operation)));
            let opened = open(&sealed, &OpeningKey::held(held_key.recipient().clone(), liar).unwrap());
            assert!(opened == refused || opened.is_ok_and(|garbage| report::text::read(&garbage).is_err()));
            let longer = [sealed.as_slice(), &[0]].concat();
            assert_eq!(open(&longer, held_key), Err(OpenError::TrailingBytes(1).into()));
        }
    }
}

#[test]
fn whatever_openssl_seals_opens_alike() {
    let folder = std::env::temp_dir().join(format!("held-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("text"), TEXT).unwrap();
    for (index, key) in KEYS.iter().enumerate() {
        std::fs::write(folder.join(format!("{index}.pem")), key.recipient().to_pem().unwrap()).unwrap();
    }
    let both = |options: &str, which: usize| {
        let sealed = openssl(&folder, options, which);
        assert_eq!(open(&sealed, &KEYS[which]).unwrap(), TEXT, "{options}");
        assert_eq!(open(&sealed, &HELD[which]).unwrap(), TEXT, "{options}, held");
    };
    for cipher in ["", "-des3", "-aes128", "-aes-192-cbc", "-aes256", "-camellia256"] {
        both(&format!("smime -encrypt {cipher}"), 0);
        both(&format!("smime -encrypt -stream {cipher}"), 0);
    }
    for which in [0, 1] {
        for cipher in ["-des3", "-aes-128-cbc", "-aes-192-gcm", "-aes256"] {
            for also in ["", "-stream", "-keyid", "-stream -keyid"] {
                both(&format!("cms -encrypt {cipher} {also}"), which);
            }
        }
    }
    for oaep in ["", "rsa_oaep_md:sha256", "rsa_oaep_md:sha512 -keyopt rsa_mgf1_md:sha1", "rsa_oaep_label:6162"] {
        let also = if oaep.is_empty() { String::new() } else { format!("-keyopt {oaep}") };
        both(&format!("cms -encrypt -aes256 -recip 0.pem -keyopt rsa_padding_mode:oaep {also}"), 0);
    }
    for ecdh in ["ecdh_kdf_md:sha224", "ecdh_kdf_md:sha256", "ecdh_kdf_md:sha512", "ecdh_cofactor_mode:1"] {
        both(&format!("cms -encrypt -aes256 -recip 1.pem -keyopt {ecdh}"), 1);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// Sealed by openssl for one of the keys; options with `-keyopt` name the recipient themselves.
fn openssl(folder: &Path, options: &str, which: usize) -> Vec<u8> {
    let mut openssl = Command::new("openssl");
    openssl.current_dir(folder).args(options.split_whitespace()).args(["-binary", "-outform", "DER", "-in", "text"]);
    if !options.contains("-recip") {
        openssl.arg(format!("{which}.pem"));
    }
    let output = openssl.output().unwrap();
    assert!(output.status.success(), "{options}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn no_changed_bit_opens_to_more_than_where_the_key_is_here() {
    for (key, held) in KEYS.iter().zip(HELD.iter()) {
        let sealed = sealed::seal(TEXT, &[key.recipient().clone()], ContentEncryption::Aes256Cbc).unwrap();
        let mut opened = 0;
        let is_garbage = |content: &[u8]| report::text::read(content).is_err();
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            match (open(&damaged, key), open(&damaged, held)) {
                (Ok(here), Ok(there)) if here == there => opened += 1,
                (Err(here), Err(there)) => assert_eq!(here, there, "bit {bit}"),
                // Both go on with an invented key where RSA's padding is wrong, so that nobody learns of it.
                (Ok(here), Ok(there)) => assert!(is_garbage(&here) && is_garbage(&there), "bit {bit}"),
                (Ok(garbage), Err(_)) | (Err(_), Ok(garbage)) => assert!(is_garbage(&garbage), "bit {bit}"),
            }
        }
        assert!(opened > 500, "{opened}");
    }
}

#[test]
fn while_the_holder_is_away_reports_wait_unless_another_key_opens_them() {
    let is_away = Arc::new(AtomicBool::new(true));
    let (away, private) = (Arc::clone(&is_away), private(&KEYS[0]));
    let holder = Box::new(move |operation: &Operation| match away.load(Ordering::Relaxed) {
        true => Err(KeyAway("token officer: not there".to_owned())),
        false => Ok(perform(&private, operation)),
    });
    let key = OpeningKey::held(KEYS[0].recipient().clone(), holder).unwrap();
    let seal = |keys: &[&OpeningKey]| {
        let recipients: Vec<_> = keys.iter().map(|key| key.recipient().clone()).collect();
        sealed::seal(TEXT, &recipients, ContentEncryption::Aes256Cbc).unwrap()
    };
    let [for_it, for_both, for_others] = [seal(&[&key]), seal(&[&key, &KEYS[1]]), seal(&[&HELD[1]])];
    let keys = [key.clone(), KEYS[1].clone()];
    assert!(matches!(sealed::open(&for_it, &keys), Err(NotOpened::KeyAway(_))));
    assert_eq!(sealed::open(&for_both, &keys).unwrap(), TEXT);
    assert!(matches!(open(&for_others, &key), Err(NotOpened::Never(OpenError::NoKeyOpens { .. }))), "nobody is asked");
    let bundle = RecipientBundle { serial: 1, recipients: vec![key.recipient().clone()] };
    assert!(matches!(bundle.sign(&[&key]), Err(BundleError::KeyAway(_))));
    is_away.store(false, Ordering::Relaxed);
    assert_eq!(sealed::open(&for_it, &keys).unwrap(), TEXT);
}

#[test]
fn holders_prove_themselves_and_sign() {
    let bundle = RecipientBundle { serial: 7, recipients: KEYS.iter().map(|key| key.recipient().clone()).collect() };
    let signed = bundle.sign(&[&HELD[0], &HELD[1], &key(KeyKind::EcP256, "third")]).unwrap();
    for (key, other) in [(&KEYS[0], &KEYS[1]), (&KEYS[1], &KEYS[0])] {
        let read = RecipientBundle::verify(&signed, &[key.recipient().clone()], Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(read.serial, 7);
        let challenge = Challenge::new(key.recipient()).unwrap();
        assert!(challenge.is_met_by(&perform(&private(key), &challenge.operation).unwrap()));
        assert!(perform(&private(other), &challenge.operation).is_none_or(|answer| !challenge.is_met_by(&answer)));
    }
    let silent = OpeningKey::held(KEYS[0].recipient().clone(), Box::new(|_| Ok(None))).unwrap();
    assert!(matches!(bundle.sign(&[&silent]), Err(BundleError::HolderRefuses(_))));
    let liar = OpeningKey::held(KEYS[1].recipient().clone(), Box::new(|_| Ok(Some(vec![1; 64])))).unwrap();
    assert!(matches!(bundle.sign(&[&liar]), Err(BundleError::Wrong)));
}
