//! The real `openssl` program, which every legacy host and every officer has.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Runs `openssl` with `input` and gives its output.
#[must_use]
pub fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    filter("openssl", arguments, input)
}

/// Expands what `zstd` compressed.
#[must_use]
pub fn unzstd(input: &[u8]) -> Vec<u8> {
    filter("zstd", &["-dc"], input)
}

fn filter(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; `make deps` installs it"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writing = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
