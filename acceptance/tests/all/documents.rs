//! The documents name what is there: tests that show a claim, crates that are built in.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn each_threat_names_tests_that_exist() {
    assert!(tests_named_in("docs/threats.md", "\n\n") >= 8);
}

#[test]
fn each_promise_names_tests_that_exist() {
    let promises = read("docs/promises.md");
    let promised = promises.split("## Not shown").next().unwrap();
    for promise in promised.lines().filter(|line| line.starts_with("- ")) {
        assert!(promise.contains("Shown by `"), "{promise}");
    }
    assert!(tests_named_in("docs/promises.md", "\n") >= 15);
}

/// Looks each test up that a claim, which ends with `end`, says it is shown by; how many claims there are.
fn tests_named_in(document: &str, end: &str) -> usize {
    let text = read(document);
    let claims: Vec<&str> = text.split("Shown by").skip(1).map(|rest| rest.split(end).next().unwrap()).collect();
    let is_test = |name: &&str| !name.starts_with("make ") && !name.contains(" = ");
    for name in claims.iter().flat_map(|claim| quoted(claim)).filter(is_test) {
        let (module, test) = name.split_once("::").unwrap_or((name, ""));
        let tests = read(&format!("acceptance/tests/all/{module}.rs"));
        let called = if test.is_empty() { "fn ".to_owned() } else { format!("fn {test}(") };
        assert!(tests.contains(&called), "{name} is not in {module}.rs");
    }
    claims.len()
}

#[test]
fn every_crate_that_is_built_in_is_listed_and_no_other() {
    let listed = read("docs/dependencies.md");
    let listed: BTreeSet<&str> =
        listed.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let manifests = ["report", "agent", "collector"].map(|part| read(&format!("{part}/Cargo.toml")));
    let mut built_in = BTreeSet::new();
    for manifest in &manifests {
        let section = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
        built_in.extend(section.lines().filter_map(|line| Some(line.split(['.', ' ', '=']).next()?.trim())));
    }
    built_in.retain(|name| !name.is_empty() && *name != "report" && !name.starts_with('#'));
    assert_eq!(listed, built_in);
}
