//! What a part has found out: rows of figures with how they were measured.

use crate::spread::Spread;

/// A part's figures.
#[derive(Debug, Default)]
pub(crate) struct Section {
    /// Heading.
    pub(crate) title: &'static str,
    /// How it was measured, in Markdown.
    pub(crate) method: String,
    /// The figures.
    pub(crate) rows: Vec<Row>,
    /// What the figures mean: the limit, how far we are from it, where the rest goes, in Markdown.
    pub(crate) remarks: String,
    /// Pictures, by file name in docs/images, each with its words for those who do not see it.
    #[allow(dead_code, reason = "parts without pictures leave it empty")]
    pub(crate) charts: Vec<(String, String)>,
}

/// A figure beside its peer's or the limit.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// Our figure with its unit.
    pub(crate) ours: String,
    /// The peer or the limit by name, with its figure; empty where there is none.
    pub(crate) peer: String,
    /// Ours to theirs, pair by pair; `None` where there is no peer.
    pub(crate) ratio: Option<Spread>,
    /// What was aimed for; empty where it is told for information.
    pub(crate) target: String,
    /// Whether that was reached; `None` without a target.
    pub(crate) met: Option<bool>,
}

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "each part has targets of its own kind")]
pub(crate) enum Target {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
    /// It is told for information.
    None,
}

impl Target {
    /// Whether a figure is as it should be.
    pub(crate) fn met(self, figure: f64) -> Option<bool> {
        match self {
            Target::AtMost(most) => Some(figure <= most),
            Target::AtLeast(least) => Some(figure >= least),
            Target::None => None,
        }
    }

    fn shown(self, unit: &str) -> String {
        match self {
            Target::AtMost(most) => format!("≤ {}{unit}", rounded(most)),
            Target::AtLeast(least) => format!("≥ {}{unit}", rounded(least)),
            Target::None => String::new(),
        }
    }
}

impl Row {
    /// A ratio to a peer or a limit; its median is held against the target.
    pub(crate) fn ratio(what: &str, ours: String, peer: String, ratio: Spread, target: Target) -> Self {
        let (met, target) = (target.met(ratio.median), target.shown(""));
        Row { what: what.to_owned(), ours, peer, ratio: Some(ratio), target, met }
    }

    /// A figure of its own, in a unit such as ` ms`.
    pub(crate) fn figure(what: &str, figure: f64, unit: &str, peer: String, target: Target) -> Self {
        let ours = format!("{}{unit}", rounded(figure));
        Row { what: what.to_owned(), ours, peer, ratio: None, target: target.shown(unit), met: target.met(figure) }
    }
}

/// Three digits that count.
pub(crate) fn rounded(figure: f64) -> String {
    let digits = match figure.abs() {
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        small if small >= 1.0 => 2,
        _ => 3,
    };
    format!("{figure:.digits$}")
}
