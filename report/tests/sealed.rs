//! Sealing: what is sealed opens for each recipient and for nobody else, and damage never passes as another report.
#![allow(clippy::unwrap_used, reason = "a test ends where its expectation does")]

use jiff::Timestamp;
use report::compression;
use report::sealed::{self, ContentEncryption, KeyKind, OpenError, OpeningKey, Recipient, SigningKey};

const TEXT: &[u8] = b"#\nhost: a.example.org\npackager: rpm\nsite: CERN-PROD\nversion: 1\n#\nbash\t0:5-1\tx86_64\n#\n";

fn key(kind: KeyKind, name: &str) -> OpeningKey {
    let start = Timestamp::from_second(1_700_000_000).unwrap();
    let end = Timestamp::from_second(2_000_000_000).unwrap();
    OpeningKey::generate(kind, name, start, end).unwrap()
}

#[test]
fn every_recipient_opens_and_nobody_else() {
    let keys = [key(KeyKind::Rsa(2048), "officer"), key(KeyKind::EcP256, "next officer")];
    let stranger = key(KeyKind::Rsa(2048), "stranger");
    let recipients: Vec<Recipient> = keys.iter().map(|key| key.recipient().clone()).collect();
    for encryption in [ContentEncryption::Aes256Cbc, ContentEncryption::Aes256Gcm] {
        let sealed = sealed::seal(TEXT, &recipients, encryption).unwrap();
        sealed::check_structure(&sealed).unwrap();
        for key in &keys {
            assert_eq!(sealed::open(&sealed, std::slice::from_ref(key)).unwrap(), TEXT);
        }
        assert_eq!(sealed::open(&sealed, &[stranger.clone(), keys[0].clone()]).unwrap(), TEXT);
        for _ in 0..50 {
            let refused = sealed::open(&sealed, std::slice::from_ref(&stranger));
            assert_eq!(refused, Err(OpenError::NoKeyOpens { keys: 1 }.into()));
        }
    }
}

#[test]
fn nothing_may_follow_and_nothing_may_be_missing() {
    let key = key(KeyKind::EcP256, "officer");
    let sealed = sealed::seal(TEXT, &[key.recipient().clone()], ContentEncryption::Aes256Cbc).unwrap();
    let longer = [sealed.as_slice(), b"\0\0"].concat();
    assert_eq!(sealed::open(&longer, std::slice::from_ref(&key)), Err(OpenError::TrailingBytes(2).into()));
    for end in 0..sealed.len() {
        assert_eq!(sealed::check_structure(&sealed[..end]), Err(OpenError::NotCms), "cut at {end}");
    }
    for foreign in [&b""[..], TEXT, b"\x30\x03\x02\x01\x01", b"-----BEGIN CMS-----"] {
        assert_eq!(sealed::check_structure(foreign), Err(OpenError::NotCms));
    }
}

#[test]
fn a_flipped_bit_never_gives_another_text() {
    let key = key(KeyKind::EcP256, "officer");
    let frame = compression::compress(TEXT).unwrap();
    for encryption in [ContentEncryption::Aes256Cbc, ContentEncryption::Aes256Gcm] {
        let sealed = sealed::seal(&frame, &[key.recipient().clone()], encryption).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let Ok(content) = sealed::open(&damaged, std::slice::from_ref(&key)) else { continue };
            if let Ok(text) = compression::expand(content) {
                assert!(text == TEXT || report::text::read(&text).is_err(), "bit {bit} gave another report");
            }
        }
    }
}

/// CBC decrypts changed bytes to a changed text; the signature notices, also where nothing is compressed.
#[test]
fn a_flipped_bit_never_gives_another_signed_text() {
    let key = key(KeyKind::EcP256, "officer");
    let sender = SigningKey::generate("a.example.org", Timestamp::from_second(1_700_000_000).unwrap()).unwrap();
    let signed = sender.sign(TEXT).unwrap();
    let sealed = sealed::seal(&signed, &[key.recipient().clone()], ContentEncryption::Aes256Cbc).unwrap();
    let (mut opened, mut caught) = (0, 0);
    for bit in 0..sealed.len() * 8 {
        let mut damaged = sealed.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let Ok(content) = sealed::open(&damaged, std::slice::from_ref(&key)) else { continue };
        opened += usize::from(content != signed);
        match sealed::verify(&content) {
            Ok(Some((text, signer))) => {
                assert_eq!((text.as_slice(), signer.key), (TEXT, sender.signer().unwrap().key), "bit {bit}");
            }
            Ok(None) => assert!(report::text::read(&content).is_err(), "bit {bit} gave an unsigned report"),
            Err(_) => caught += 1,
        }
    }
    assert!(opened > 5_000 && caught > 4_000, "{opened} opened to something else, {caught} of them caught");
}

#[test]
fn a_key_reads_back_from_its_file_and_others_do_not() {
    let made = key(KeyKind::Rsa(2048), "officer");
    let pem = made.to_pem(None).unwrap();
    let read = OpeningKey::from_pem(&pem, None).unwrap();
    assert_eq!(read.recipient().fingerprint().unwrap(), made.recipient().fingerprint().unwrap());
    assert_eq!(read.recipient().subject(), "CN=officer");
    assert_eq!(read.recipient().not_after().unwrap().as_second(), 2_000_000_000);
    assert!(OpeningKey::from_pem(&made.recipient().to_pem().unwrap(), None).is_err());
    let stranger = key(KeyKind::EcP256, "stranger");
    let private = String::from_utf8(pem).unwrap();
    let private = private.split_inclusive("-----END PRIVATE KEY-----\n").next().unwrap().to_owned();
    let mixed = [private.as_bytes(), &stranger.recipient().to_pem().unwrap()].concat();
    assert!(OpeningKey::from_pem(&mixed, None).is_err());
    assert!(Recipient::from_pem(b"nothing").is_err());
}
