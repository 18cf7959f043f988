//! Smallest, middle and largest of several runs.

use std::fmt;

use crate::section::rounded;

/// Several runs in three figures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of at least one figure.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        Spread { min: figures[0], median: figures[figures.len() / 2], max: figures[figures.len() - 1] }
    }

    /// Of the first of each pair to its second.
    pub(crate) fn of_ratios(pairs: &[(f64, f64)]) -> Self {
        Spread::of(pairs.iter().map(|(ours, theirs)| ours / theirs))
    }

    /// All three in a unit such as ` ms`.
    pub(crate) fn shown(&self, unit: &str) -> String {
        format!("{} / {} / {}{unit}", rounded(self.min), rounded(self.median), rounded(self.max))
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(""))
    }
}
