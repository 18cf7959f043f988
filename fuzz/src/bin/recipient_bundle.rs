//! Recipient bundles: any bytes are refused or read, a changed one never says something else, and nobody else's is trusted.
#![no_main]

use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use report::sealed::{KeyKind, OpeningKey, Recipient, RecipientBundle, SigningKey};

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("a time")
}

fn key(name: &str) -> OpeningKey {
    OpeningKey::generate(KeyKind::EcP256, name, time(1_700_000_000), time(2_000_000_000)).expect("a key")
}

/// The one that is trusted, and another one that signs as well.
static KEYS: LazyLock<[OpeningKey; 2]> = LazyLock::new(|| [key("fuzz"), key("other")]);

static STRANGER: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate("a", time(1_700_000_000)).expect("a key"));

static BUNDLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let recipients = vec![KEYS[1].recipient().clone()];
    RecipientBundle { serial: 1_750_000_000, recipients }.sign(&[&KEYS[0], &KEYS[1]]).expect("a bundle")
});

fn said(bundle: &RecipientBundle) -> (i64, Vec<Vec<u8>>) {
    (bundle.serial, bundle.recipients.iter().map(|recipient| recipient.to_pem().expect("PEM")).collect())
}

fn trusted(signed: &[u8]) -> Option<RecipientBundle> {
    let trusted: [Recipient; 1] = [KEYS[0].recipient().clone()];
    RecipientBundle::verify(signed, &trusted, time(1_750_000_000)).ok()
}

// The first byte chooses: raw bytes, bytes that a stranger signs, or our bundle with the rest as changes (position, value) to it.
fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    match choice % 3 {
        0 | 1 => {
            let signed = if choice % 3 == 0 { rest.to_vec() } else { STRANGER.sign(rest).expect("a signature") };
            assert!(trusted(&signed).is_none(), "nobody who is trusted has signed it");
            let Ok(bundle) = RecipientBundle::unverified(&signed) else { return };
            assert!(bundle.serial > 0 && !bundle.recipients.is_empty());
            let again = trusted(&bundle.sign(&[&KEYS[0]]).expect("what was read can be signed"));
            // None: a certificate that has expired by now.
            assert!(again.is_none_or(|again| said(&again) == said(&bundle)));
        }
        _ => {
            let mut changed = BUNDLE.clone();
            for change in rest.chunks_exact(3) {
                let at = usize::from(u16::from_le_bytes([change[0], change[1]]));
                match changed.len() {
                    length if at < length => changed[at] ^= change[2],
                    length => changed.truncate(length - usize::from(change[2]).min(length)),
                }
            }
            if let Some(bundle) = trusted(&changed) {
                assert_eq!(bundle.serial, 1_750_000_000);
                assert_eq!(bundle.recipients.len(), 1);
                assert_eq!(bundle.recipients[0].fingerprint().ok(), KEYS[1].recipient().fingerprint().ok());
            }
        }
    }
});
