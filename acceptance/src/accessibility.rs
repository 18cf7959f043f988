//! axe-core in the page: what keeps people who see, hear or move otherwise from using it.

use std::path::Path;
use std::sync::OnceLock;

use crate::browser::Browser;

/// The faults of the shown page that axe-core calls serious or critical, each with the places where it is.
#[must_use]
pub fn serious_faults(browser: &Browser) -> Vec<String> {
    let _ = browser.execute(axe(), vec![]);
    let script = "
        const done = arguments[arguments.length - 1];
        axe.run(document, {resultTypes: ['violations']}).then(
            (results) => done(results.violations
                .filter((violation) => ['serious', 'critical'].includes(violation.impact))
                .map((violation) => [`${violation.impact} ${violation.id}: ${violation.help}`,
                    ...violation.nodes.map((node) => `${node.target.join(' ')}: ${node.failureSummary}`)].join('\\n  '))),
            (error) => done([`axe-core failed: ${error}`]));";
    let found = browser.execute_async(script, vec![]);
    let faults = found.as_array().expect("axe-core answers with a list");
    faults.iter().map(|fault| fault.as_str().unwrap_or_default().to_owned()).collect()
}

/// Ends the test where the shown page has such a fault.
pub fn must_be_accessible(browser: &Browser) {
    let faults = serious_faults(browser);
    assert!(faults.is_empty(), "{}:\n{}", browser.address(), faults.join("\n"));
}

fn axe() -> &'static str {
    static SCRIPT: OnceLock<String> = OnceLock::new();
    SCRIPT.get_or_init(|| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/node_modules/axe-core/axe.min.js");
        std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{}: {error}; `make deps` installs it", file.display()))
    })
}
