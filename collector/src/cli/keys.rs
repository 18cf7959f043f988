//! Recipient keys on the command line.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

/// Recipient keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a key pair and its certificate
    New {
        /// Name in the certificate and of the files
        #[arg(default_value = "mw-officer")]
        name: String,
        /// Kind of key; legacy hosts and `openssl smime` need RSA
        #[arg(long, value_enum, default_value_t = KeyKindName::Rsa3072)]
        kind: KeyKindName,
        /// Validity of the certificate in days; hosts keep using it after that and warn
        #[arg(long, value_name = "DAYS", default_value_t = 3650)]
        days: u32,
        /// Folder for NAME.key.pem (secret) and NAME.cert.pem (for the hosts) [default: the configured one]
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// The configured keys, how long their certificates are valid, and which are retired
    List,
    /// Tell hosts by a signed bundle to seal for the keys in use from now on, and for the configured `recipients`
    Publish {
        /// Where it is written, atomically [default: the configured `recipient_bundle_file`]
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Seal the reports that are kept for retired keys anew, for the keys in use and the configured `recipients`
    Reseal {
        /// Tell how many that would be, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Leave a key out of the next bundle; it goes on opening what was sealed for it
    Retire {
        /// Its name, as in NAME.key.pem
        name: String,
    },
}

/// Kinds of recipient keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyKindName {
    /// RSA, 2048 bits
    Rsa2048,
    /// RSA, 3072 bits
    Rsa3072,
    /// RSA, 4096 bits
    Rsa4096,
    /// EC P-256
    EcP256,
}
