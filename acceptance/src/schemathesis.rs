//! schemathesis asks a running server everything that its OpenAPI document allows, and much that it does not.

use std::path::Path;
use std::process::Command;

/// Requests of each kind for each operation.
const EXAMPLES: &str = "25";

/// Longest time of a whole run, in seconds.
const PATIENCE: &str = "300";

/// What the server does against its own document, as schemathesis tells it; `None` when nothing is found.
///
/// `headers` go with every request. The same requests are made each time.
#[must_use]
pub fn contradictions(openapi_url: &str, headers: &[(&str, &str)]) -> Option<String> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemathesis");
    let program = tools.join("venv/bin/schemathesis");
    assert!(program.is_file(), "{} is missing: `make deps` installs it", program.display());
    // It leaves files where it runs.
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("timeout");
    command.arg(PATIENCE).arg(program).arg("--config-file").arg(tools.join("schemathesis.toml"));
    command.args(["run", openapi_url, "--seed", "1", "--max-examples", EXAMPLES]);
    command.args(["--checks", "all", "--max-failures", "20", "--request-timeout", "30", "--no-color"]);
    for (name, value) in headers {
        command.args(["--header", &format!("{name}: {value}")]);
    }
    let output = command.current_dir(folder.path()).env("NO_PROXY", "*").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => None,
        Some(124) => panic!("schemathesis took longer than {PATIENCE} seconds: {said}"),
        _ => Some(said.into_owned()),
    }
}

/// Ends the test where the server contradicts its document.
pub fn must_keep_its_word(openapi_url: &str, headers: &[(&str, &str)]) {
    if let Some(told) = contradictions(openapi_url, headers) {
        panic!("{openapi_url}:\n{told}");
    }
}
