//! A whole reference list as text.

use askama::Template;

use super::super::filters;
use super::super::frame::Frame;
use super::Draft;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "reference_text.html")]
pub struct TextPage {
    /// What surrounds it.
    pub frame: Frame,
    /// The list that it belongs to.
    pub draft: Draft,
    /// `toml` or `csv`.
    pub form: &'static str,
    /// The text as typed.
    pub text: String,
    /// What is wrong with it.
    pub error: String,
}
