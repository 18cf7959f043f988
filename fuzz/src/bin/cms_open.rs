//! Opening and verifying: any bytes are refused or read, a report that was changed never reads as another one, and a key that
//! somebody else holds opens what it opens here.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use openssl::bn::BigNumContext;
use openssl::derive::Deriver;
use openssl::ec::{EcKey, EcPoint};
use openssl::pkey::PKey;
use report::compression;
use report::sealed::{self, ContentEncryption, KeyKind, NotOpened, OpenError, OpeningKey, Operation, SigningKey};

const TEXT: &[u8] = b"#\nhost: a\npackager: rpm\nsite: CERN-PROD\nversion: 1\n#\nbash\t0:5-1\tx\n#\n";

static KEY: LazyLock<OpeningKey> = LazyLock::new(|| {
    let time = |seconds| jiff::Timestamp::from_second(seconds).expect("a time");
    OpeningKey::generate(KeyKind::EcP256, "fuzz", time(1_700_000_000), time(2_000_000_000)).expect("a key")
});

/// The same key as a token has it.
static HELD: LazyLock<OpeningKey> = LazyLock::new(|| {
    let private = PKey::private_key_from_pem(&KEY.to_pem(None).expect("a text")).expect("a key");
    let holder = move |operation: &Operation| {
        let Operation::Agree(point) = operation else { panic!("an EC key is asked for {operation:?}") };
        let ours = private.ec_key().expect("an EC key");
        let point = EcPoint::from_bytes(ours.group(), point, &mut BigNumContext::new().expect("memory"));
        let peer = EcKey::from_public_key(ours.group(), &point.expect("a point of the curve alone is asked for"));
        let peer = PKey::from_ec_key(peer.expect("a public key")).expect("a key");
        let mut deriver = Deriver::new(&private).expect("memory");
        deriver.set_peer(&peer).expect("a peer");
        Ok(Some(deriver.derive_to_vec().expect("a secret")))
    };
    OpeningKey::held(KEY.recipient().clone(), Box::new(holder)).expect("a key")
});

static SENDER: LazyLock<SigningKey> = LazyLock::new(|| {
    SigningKey::generate("a", jiff::Timestamp::from_second(1_700_000_000).expect("a time")).expect("a key")
});

/// Sealed in both ways without a signature, sealed with one, and signed alone.
static BODIES: LazyLock<[Vec<u8>; 4]> = LazyLock::new(|| {
    let frame = compression::compress(TEXT).expect("a frame");
    let signed = SENDER.sign(TEXT).expect("a signature");
    let seal =
        |content: &[u8], encryption| sealed::seal(content, &[KEY.recipient().clone()], encryption).expect("a seal");
    let (cbc, gcm) = (ContentEncryption::Aes256Cbc, ContentEncryption::Aes256Gcm);
    [seal(&frame, cbc), seal(&frame, gcm), seal(&signed, cbc), signed]
});

// The first byte chooses: raw bytes, sealed or signed, or one of the bodies with the rest as changes (position, value) to it.
fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let (raw, which) = (choice % 6 < 2, usize::from(choice % 6));
    let body = if raw {
        rest.to_vec()
    } else {
        let mut body = BODIES[which - 2].clone();
        fuzz::change(&mut body, rest);
        body
    };
    let content = if which == 1 || which == 5 {
        body
    } else {
        let opened = sealed::open(&body, std::slice::from_ref(&*KEY));
        if sealed::check_structure(&body).is_err() {
            assert!(matches!(opened, Err(NotOpened::Never(OpenError::NotCms | OpenError::TrailingBytes(_)))));
        }
        let by_holder = sealed::open(&body, std::slice::from_ref(&*HELD));
        // Where the cipher's name was changed to one of another key length, OpenSSL goes on with a key that it invents and tells
        // nobody: what comes out, if anything, is garbage and another one each time.
        if by_holder != opened {
            let mut contents = [opened, by_holder].into_iter().flatten();
            assert!(contents.all(|content| !is_report(content)), "it matters who holds the key");
            return;
        }
        let Ok(content) = opened else { return };
        content
    };
    let _ = sealed::unverified(&content);
    let content = match sealed::verify(&content) {
        Ok(Some((content, signer))) => {
            if !raw {
                assert_eq!(signer.key, SENDER.signer().expect("a name").key, "a changed report is signed by another");
                assert_eq!(content, TEXT, "a changed report is still signed");
            }
            content
        }
        Ok(None) => content,
        Err(_) => return,
    };
    if let Ok(text) = compression::expand(content)
        && !raw
        && report::text::read(&text).is_ok()
    {
        assert_eq!(text, TEXT, "a changed report reads as another one");
    }
});

fn is_report(content: Vec<u8>) -> bool {
    let content = match sealed::verify(&content) {
        Ok(Some((content, _))) => content,
        Ok(None) => content,
        Err(_) => return false,
    };
    compression::expand(content).is_ok_and(|text| report::text::read(&text).is_ok())
}
