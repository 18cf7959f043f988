//! Opening: any bytes are refused or opened, and a sealed report that was changed never opens to another text.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use report::compression;
use report::sealed::{self, ContentEncryption, KeyKind, OpenError, OpeningKey};

const TEXT: &[u8] = b"#\nhost: a\npackager: rpm\nsite: CERN-PROD\nversion: 1\n#\nbash\t0:5-1\tx\n#\n";

static KEY: LazyLock<OpeningKey> = LazyLock::new(|| {
    let time = |seconds| jiff::Timestamp::from_second(seconds).expect("a time");
    OpeningKey::generate(KeyKind::EcP256, "fuzz", time(1_700_000_000), time(2_000_000_000)).expect("a key")
});

static SEALED: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let content = compression::compress(TEXT).expect("a frame");
    [ContentEncryption::Aes256Cbc, ContentEncryption::Aes256Gcm].map(|encryption| {
        sealed::seal(&content, &[KEY.recipient().clone()], encryption).expect("a seal")
    })
});

// The first byte chooses: raw bytes, or a sealed report with the rest as changes (position, value) to it.
fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let body = match choice % 3 {
        0 => rest.to_vec(),
        which => {
            let mut body = SEALED[usize::from(which - 1)].clone();
            for change in rest.chunks_exact(3) {
                let at = usize::from(u16::from_le_bytes([change[0], change[1]]));
                match body.len() {
                    length if at < length => body[at] ^= change[2],
                    length => body.truncate(length - usize::from(change[2]).min(length)),
                }
            }
            body
        }
    };
    let opened = sealed::open(&body, std::slice::from_ref(&*KEY));
    if sealed::check_structure(&body).is_err() {
        assert!(matches!(opened, Err(OpenError::NotCms | OpenError::TrailingBytes(_))));
    }
    if let Ok(text) = opened.map(compression::expand)
        && let Ok(text) = text
        && choice % 3 != 0
        && report::text::read(&text).is_ok()
    {
        assert_eq!(text, TEXT, "a changed report opened to another one");
    }
});
