//! The page that tells why there is no page.

use askama::Template;

use super::filters;

/// A problem, as a person reads it.
#[derive(Debug, Clone, Template)]
#[template(path = "failure.html")]
pub struct Failure {
    /// What is wrong, in a few words that begin with a capital letter.
    pub title: String,
    /// What was asked, what is wrong with it, and what to do.
    pub detail: String,
}
