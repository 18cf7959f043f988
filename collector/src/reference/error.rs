//! Why a reference list cannot be used, in words that lead to the place.

use super::typed::Fault;

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
    /// No name, or one that cannot be told from others; holds the longest, in characters.
    #[error(
        "reference list: needs a name of at most {0} characters, without control or invisible ones or space around it"
    )]
    Name(usize),
    /// The text of another list.
    #[error("reference list: the text is that of the list {written:?}, not {wanted:?}")]
    OtherName {
        /// The name in the text.
        written: String,
        /// The list that it was given for.
        wanted: String,
    },
    /// A reference that asks nothing, or something twice.
    #[error("reference list, line {line} ({package}), {field}: {what}", field = .fault.field, what = .fault.what)]
    Reference {
        /// Line in the file, from 1.
        line: u64,
        /// Its package.
        package: String,
        /// What is wrong.
        fault: Fault,
    },
    /// A list that cannot be written.
    #[error("writing a reference list: {0}")]
    Write(String),
}
