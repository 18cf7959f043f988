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
    let threats = read("docs/threats.md");
    let claims: Vec<&str> = threats.split("Shown by").skip(1).map(|rest| rest.split("\n\n").next().unwrap()).collect();
    assert!(claims.len() >= 8, "{}", claims.len());
    for name in claims.iter().flat_map(|claim| quoted(claim)).filter(|name| !name.starts_with("make ")) {
        let (module, test) = name.split_once("::").unwrap_or((name, ""));
        let tests = read(&format!("acceptance/tests/all/{module}.rs"));
        assert!(tests.contains(&format!("fn {test}")), "{name} is not in {module}.rs");
    }
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
