//! Why a reference list cannot be used, in words that lead to the place.

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// Not the TOML form.
    #[error("reference list: {0}")]
    Toml(#[source] Box<toml::de::Error>),
    /// Not the CSV form.
    #[error("reference list: {0}")]
    Csv(#[from] csv::Error),
    /// A column that means nothing here.
    #[error("reference list: column {0:?} is unknown: use product,package,os,minimum,blocked,since,deadline,url")]
    Column(String),
    /// A date that is none.
    #[error("reference list, line {line}: date {text:?}: expected YEAR-MONTH-DAY")]
    Date {
        /// Line in the file, from 1.
        line: u64,
        /// What stood there.
        text: String,
    },
    /// No name.
    #[error("reference list: needs a name, without control characters or space around it")]
    Name,
    /// A reference that asks nothing, or something twice.
    #[error("reference {number} ({package}): {what}")]
    Reference {
        /// Which one, from 1.
        number: usize,
        /// Its package.
        package: String,
        /// What is wrong.
        what: &'static str,
    },
    /// A list that cannot be written.
    #[error("writing a reference list: {0}")]
    Write(String),
}
