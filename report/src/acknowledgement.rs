//! What the collector answers, and what it means for the spooled report.

use serde::{Deserialize, Serialize};

use crate::hash::Hash;

/// Media type of a sealed report (RFC 8551, section 3.2).
pub const MEDIA_TYPE: &str = "application/pkcs7-mime; smime-type=enveloped-data";

/// Media type of an error answer (RFC 9457).
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// The answer to a report that is durable: 201 when it is new, 200 when the collector had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// SHA-256 of the sealed bytes as received.
    pub report: Hash,
    /// Whether these bytes came for the first time.
    pub status: Receipt,
}

/// Whether an acknowledged report was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Receipt {
    /// Stored now; HTTP 201.
    Stored,
    /// Stored before; HTTP 200.
    Duplicate,
}

/// An error answer (RFC 9457, section 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A short name of the kind of problem, the same for each occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong with this request and what to do next.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_the_documented_json() {
        let answer = Acknowledgement { report: Hash::of(b""), status: Receipt::Stored };
        let json = r#"{"report":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","status":"stored"}"#;
        assert_eq!(serde_json::to_string(&answer).unwrap(), json);
        assert_eq!(serde_json::from_str::<Acknowledgement>(json).unwrap(), answer);
    }
}
