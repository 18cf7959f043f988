//! What the programs cost, beside their peers and the limits, measured in one run: `make bench [PART=agent]`.
//!
//! Each part is a module that gives a [`section::Section`]; [`page`] prints it and puts it into docs/benchmarks.md.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark ends where its expectation does"
)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "figures are rounded for people")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark measures time and prints it")]

mod agent;
mod chart;
mod cost;
mod front_door;
mod grid;
mod opening;
mod outage;
mod page;
mod questions;
mod seal;
mod section;
mod spread;
mod store;

use section::Section;

/// The parts in the order of the page, each with the name that `PART` takes.
const PARTS: [(&str, Measure); 7] = [
    ("agent", agent::measure),
    ("front_door", front_door::measure),
    ("seal", seal::measure),
    ("opening", opening::measure),
    ("store", store::measure),
    ("questions", questions::measure),
    ("outage", outage::measure),
];

/// Measures a part.
type Measure = fn() -> Section;

fn main() {
    let wanted = std::env::var("PART").unwrap_or_default();
    let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
    assert!(wanted.is_empty() || names.contains(&wanted.as_str()), "PART is {wanted:?}: it is one of {names:?}");
    for (name, measure) in PARTS {
        if wanted.is_empty() || wanted == name {
            page::put(name, &measure(), &names);
        }
    }
}
