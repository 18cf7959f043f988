//! Why a configuration cannot be used, by what is wrong with it.

use std::path::PathBuf;

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("reading configuration {file}: {source}")]
    Read {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is not as it should be.
    #[error("configuration {file}: {source}")]
    Parse {
        /// The file.
        file: PathBuf,
        /// Key, line and what was expected.
        source: Box<toml::de::Error>,
    },
    /// A password and no place for it.
    #[error(
        "database {0}: a password file needs a URL such as mysql://USER@HOST/DATABASE, without a password of its own"
    )]
    Password(String),
    /// Nowhere to keep the database.
    #[error("no folder for the database: give --database sqlite:PATH or set HOME")]
    NoFolder,
}
