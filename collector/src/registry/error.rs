//! Why a registry's file cannot be imported: which file, where in it, and what to do.

use super::Kind;
use crate::xml::XmlError;

/// A file that cannot be imported.
#[derive(Debug, thiserror::Error)]
#[error("registry file {file}: {problem}")]
pub struct RegistryError {
    /// The file as the operator named it.
    pub file: String,
    /// What is wrong.
    #[source]
    pub problem: RegistryProblem,
}

/// Why a registry's text cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryProblem {
    /// The system's reason.
    #[error("reading it: {0}")]
    Read(#[from] std::io::Error),
    /// More than any registry holds.
    #[error("is larger than {0} MiB, which no registry's answer is: is it the right file?")]
    TooLarge(usize),
    /// Neither XML nor JSON.
    #[error(
        "is no registry's answer: expected GOCDB's get_site or get_site_list (XML), CRIC's rcsite/query/?json or OSG's rgsummary/xml"
    )]
    Unknown,
    /// A page that was saved in place of the data.
    #[error(
        "is a web page, perhaps one that asks to sign in: fetch it again with a grid certificate, as docs/operator.md says"
    )]
    WebPage,
    /// XML that breaks off or is none.
    #[error("{0}; fetch it again")]
    Xml(#[from] XmlError),
    /// JSON that breaks off, or is another answer of CRIC's.
    #[error("is no answer to CRIC's rcsite/query: {0}; fetch it again")]
    Json(#[from] serde_json::Error),
    /// XML of another kind.
    #[error("its outermost element is {found:?}, that of {kind} is {expected:?}: is it the right file?", kind = kind.as_str())]
    Root {
        /// Which registry it was taken for.
        kind: Kind,
        /// What was found.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// One page of GOCDB's answer.
    #[error(
        "is one page of GOCDB's answer, and would remove the sites of the other pages: fetch it without next_cursor and prev_cursor"
    )]
    Page,
    /// Nothing in it.
    #[error("names no site that could report: what was imported before stays; is it the right file?")]
    NoSites,
}
