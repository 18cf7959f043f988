//! The answer of `rpm -qa`: every line is a package as it stands there, or rpm's key, or the answer is refused.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use reporter::packages::rpm::program;

fuzz_target!(|bytes: &[u8]| {
    let Ok(packages) = program::parse(bytes, Path::new("rpm")) else { return };
    let lines: Vec<String> = packages.iter().map(|it| format!("{}\t{}\t{}\n", it.name, it.version, it.arch)).collect();
    let answer = String::from_utf8_lossy(bytes);
    let known = |line: &&str| !line.starts_with("gpg-pubkey\t");
    assert_eq!(lines.concat(), answer.split_inclusive('\n').filter(known).collect::<String>());
    if let [whole @ .., _] = bytes {
        assert!(program::parse(whole, Path::new("rpm")).is_err() || whole.is_empty(), "cut short, and not noticed");
    }
});
