//! Packed metadata: any bytes behind a magic number are refused or read, and reading them again gives the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

const MAGIC: [&[u8]; 4] = [b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b""];

// The first byte chooses how the file begins.
fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let file = [MAGIC[usize::from(*choice) % MAGIC.len()], rest].concat();
    let newest = fuzz::newest(&file);
    let again = fuzz::newest(&file);
    assert_eq!(newest.map(|newest| newest.versions().clone()), again.map(|newest| newest.versions().clone()));
});
