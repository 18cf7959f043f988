//! Report text: what reads is written, and reads back the same; an error points into the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use report::text;

fuzz_target!(|bytes: &[u8]| {
    match text::read(bytes) {
        Err(error) => {
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 2;
            assert!((1..=lines).contains(&error.line), "{error}");
        }
        Ok(mut report) => {
            let written = text::write(&report).expect("what was read can be written");
            let mut again = text::read(written.as_bytes()).expect("what was written can be read");
            for packages in [&mut report.packages, &mut again.packages] {
                packages.sort();
                packages.dedup();
            }
            assert_eq!(again, report);
            let (header, section) = text::read_header(written.as_bytes()).expect("it was read before");
            let hash = text::list_hash(header.packager, &report.packages).expect("it was written before");
            assert_eq!(section.hash_as_received(), hash);
        }
    }
});
