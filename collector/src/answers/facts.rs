//! What the header lines of a report say of its host.

use std::sync::Arc;

use report::os;

/// What is asked of header lines most often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Short name of the operating system, such as `el9`.
    pub os: Option<Arc<str>>,
    /// The operating system in its own words.
    pub system: String,
    /// Running kernel.
    pub kernel: Arc<str>,
    /// What the host itself complains of, such as a recipient certificate that ends soon.
    pub complaint: String,
    /// Tag that the site gave it.
    pub tag: String,
}

impl Facts {
    /// Reads stored header lines.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let value = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default().to_owned()
        };
        let system = value("system");
        Facts {
            os: os::short_name(&system).map(Arc::from),
            system,
            kernel: value("kernel").into(),
            complaint: value("reporter-warning"),
            tag: value("tag"),
        }
    }
}
