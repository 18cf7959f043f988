//! The seeds do what they are for: the name of each begins with the statuses that it is answered, such as `303` or `200+404`.

use std::path::Path;

use crate::stand::Stand;

/// Tries every seed of a folder once; panics where any is answered otherwise.
pub fn check(stand: &mut Stand, folder: &Path) {
    let mut seeds: Vec<_> =
        std::fs::read_dir(folder).expect("seeds").map(|seed| seed.expect("a seed").path()).collect();
    seeds.sort();
    let mut others = Vec::new();
    for seed in &seeds {
        let name = seed.file_name().expect("a name").to_string_lossy();
        let said = name.split('-').next().unwrap_or_default();
        let expected: Vec<u16> = said.split('+').map(|status| status.parse().expect("a status")).collect();
        let mut told = stand.send(&std::fs::read(seed).expect("a seed"));
        // Where the connection went on, the last answer is to the request that ends it.
        if told.len() == expected.len() + 1 && told.last() == Some(&200) {
            told.pop();
        }
        if told != expected {
            others.push(format!("{name}: {told:?}"));
        }
        if expected.iter().any(|status| [201, 303].contains(status)) {
            stand.renew();
        }
    }
    assert!(others.is_empty() && !seeds.is_empty(), "seeds with another answer:\n{}", others.join("\n"));
}
