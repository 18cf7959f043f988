//! Prometheus' own tool, which knows what Prometheus takes.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is wrong with the text of a `/metrics` page; empty when nothing is.
#[must_use]
pub fn faults_of_metrics(text: &str) -> String {
    let mut command = Command::new("promtool");
    let mut child = command
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("promtool: {error}; `make deps` installs Debian's prometheus"));
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said.into_owned()
}

/// Checks a file of alert rules, then plays a file of what they must say when; both must succeed.
pub fn try_rules(rules: &Path, story: &Path) {
    for arguments in [["check", "rules"], ["test", "rules"]] {
        let file = if arguments[0] == "check" { rules } else { story };
        let output = Command::new("promtool").args(arguments).arg(file).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "promtool {arguments:?} {}: {said}", file.display());
    }
}
