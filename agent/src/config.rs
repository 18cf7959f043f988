//! Settings: command line before environment before file; every unknown key refused by name.

use std::path::{Path, PathBuf};

use report::sealed::{ContentEncryption, KeyError, Recipient};
use report::site::{self, SiteError};
use serde::Deserialize;

use crate::cli::{self, Options};
use crate::legacy::{self, Legacy, LegacyError};

/// Where the configuration is looked for first when no file is named.
pub const SYSTEM_FILE: &str = "/etc/wlcg-package-reporter/config.toml";

/// Every setting, with its default; `config/wlcg-package-reporter.toml` documents each.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The site's name.
    pub site: Option<String>,
    /// A word that groups hosts.
    pub tag: Option<String>,
    /// Host name to report.
    pub host: Option<String>,
    /// The collector's address.
    pub url: Option<String>,
    /// What the address understands.
    pub protocol: Protocol,
    /// What a Pakiti 3 server is asked to do.
    pub mode: Option<String>,
    /// What a Pakiti 3 server's answer ends with once it has a report.
    pub expect: String,
    /// Certificates to seal for.
    pub recipients: Vec<RecipientSource>,
    /// Whether the collector's recipient bundle, if one of those has signed it, says whom to seal for instead.
    pub follow_recipient_bundle: bool,
    /// How the content is encrypted.
    pub seal: ContentEncryption,
    /// Whether the text is compressed before it is sealed.
    pub compress: bool,
    /// Whether reports are signed.
    pub sign: bool,
    /// Private key and certificate to sign with, instead of the host's own.
    pub signing_key: Option<PathBuf>,
    /// Longest time that one request may take, in seconds.
    pub timeout_seconds: u64,
    /// Tries for each report within a run.
    pub tries: u32,
    /// Folder for sealed reports.
    pub spool: Option<PathBuf>,
    /// Most bytes in the spool.
    pub spool_max_bytes: u64,
    /// Most reports in the spool.
    pub spool_max_reports: usize,
    /// Longest time that a report waits, in days.
    pub spool_max_age_days: u32,
    /// Names of packages that are left out.
    pub skip: Vec<String>,
    /// Minutes from one report of the daemon to the next.
    pub period_minutes: u32,
    /// Seconds that the package databases must have been left alone before a change is reported.
    pub settle_seconds: u32,
    /// Seconds from the last report to one that follows a change.
    pub changes_apart_seconds: u32,
    /// What pakiti-client's configuration asks of this run; `None` when it is none.
    #[serde(skip)]
    pub legacy: Option<cli::Report>,
}

/// What stands at the other end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// A WLCG package collector.
    #[default]
    Wlcg,
    /// A Pakiti 3 server, or the collector at its legacy address.
    Pakiti,
}

/// Certificates in a file, or as they are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum RecipientSource {
    /// A PEM file.
    File(PathBuf),
    /// PEM text.
    Pem(String),
}

impl From<String> for RecipientSource {
    fn from(text: String) -> Self {
        if text.contains('\n') { RecipientSource::Pem(text) } else { RecipientSource::File(text.into()) }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            site: None,
            tag: None,
            host: None,
            url: None,
            protocol: Protocol::default(),
            mode: None,
            expect: "OK".to_owned(),
            recipients: Vec::new(),
            follow_recipient_bundle: true,
            seal: ContentEncryption::default(),
            compress: true,
            sign: true,
            signing_key: None,
            timeout_seconds: 30,
            tries: 3,
            spool: None,
            spool_max_bytes: 64 * 1024 * 1024,
            spool_max_reports: 400,
            spool_max_age_days: 180,
            skip: Vec::new(),
            period_minutes: 1440,
            settle_seconds: 300,
            changes_apart_seconds: 1800,
            legacy: None,
        }
    }
}

impl Config {
    /// The settings of a run.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, the key and the line.
    pub fn load(options: &Options) -> Result<Self, ConfigError> {
        let mut config = match (&options.config, &options.conf) {
            (Some(named), _) => Config::read(named)?.ok_or_else(|| ConfigError::Missing(named.clone()))?,
            (None, Some(named)) => read_legacy(named)?.into_config(),
            (None, None) => Config::read_default()?,
        };
        let Options { site, tag, host, url, mode, recipient, spool, .. } = options.clone();
        config.site = site.or(config.site);
        config.tag = tag.or(config.tag);
        config.host = host.or(config.host);
        config.url = url.or(config.url);
        config.mode = mode.or(config.mode);
        config.spool = spool.or(config.spool);
        if !recipient.is_empty() {
            config.recipients = recipient.into_iter().map(RecipientSource::File).collect();
        }
        Ok(config)
    }

    fn read_default() -> Result<Self, ConfigError> {
        let own = directories::ProjectDirs::from("", "", "wlcg-package-reporter")
            .map(|folders| folders.config_dir().join("config.toml"));
        for file in [Some(PathBuf::from(SYSTEM_FILE)), own].into_iter().flatten() {
            if let Some(config) = Config::read(&file)? {
                return Ok(config);
            }
        }
        Ok(Config::default())
    }

    fn read(file: &Path) -> Result<Option<Self>, ConfigError> {
        match std::fs::read_to_string(file) {
            Ok(text) => Config::parse(&text, file).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ConfigError::Read { file: file.to_owned(), source }),
        }
    }

    fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|source| ConfigError::Parse { file: file.to_owned(), source: Box::new(source) })
    }

    /// The site, checked.
    ///
    /// # Errors
    /// [`ConfigError::Site`] says what to do.
    pub fn checked_site(&self) -> Result<&str, ConfigError> {
        let name = self.site.as_deref().unwrap_or_default();
        site::check(name)?;
        Ok(name)
    }

    /// The certificates to seal for.
    ///
    /// # Errors
    /// [`ConfigError`] names the file that holds none.
    pub fn read_recipients(&self) -> Result<Vec<Recipient>, ConfigError> {
        let mut recipients = Vec::new();
        for source in &self.recipients {
            let (pem, file) = match source {
                RecipientSource::Pem(pem) => (pem.clone().into_bytes(), PathBuf::from("in the configuration")),
                RecipientSource::File(file) => {
                    let read = |source| ConfigError::Read { file: file.clone(), source };
                    (std::fs::read(file).map_err(read)?, file.clone())
                }
            };
            recipients.extend(Recipient::from_pem(&pem).map_err(|source| ConfigError::Recipient { file, source })?);
        }
        Ok(recipients)
    }

    /// Whether the collector is asked whom to seal for; a Pakiti server knows nothing of that.
    #[must_use]
    pub fn follows_bundle(&self) -> bool {
        self.follow_recipient_bundle && self.protocol == Protocol::Wlcg
    }
}

/// Reads pakiti-client's configuration.
///
/// # Errors
/// [`ConfigError`] names the file and the line.
pub fn read_legacy(file: &Path) -> Result<Legacy, ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|source| ConfigError::Read { file: file.to_owned(), source })?;
    legacy::parse(&text).map_err(|source| ConfigError::Legacy { file: file.to_owned(), source })
}

/// Why a run cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that was named is not there.
    #[error("configuration {0} does not exist")]
    Missing(PathBuf),
    /// A file cannot be read.
    #[error("reading {file}: {source}")]
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
    /// The file is no configuration of pakiti-client.
    #[error("pakiti-client configuration {file}: {source}")]
    Legacy {
        /// The file.
        file: PathBuf,
        /// Line and what was expected.
        source: LegacyError,
    },
    /// The site.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// A recipient.
    #[error("recipient {file}: {source}")]
    Recipient {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// No folder for state.
    #[error("no folder for the spool: give --spool DIR")]
    NoFolder,
    /// A folder that somebody else made.
    #[error("{0} is not a folder of this user alone: remove it or give --spool DIR")]
    ForeignFolder(PathBuf),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_example_shows_every_key_with_its_default() {
        let text = include_str!("../../config/wlcg-package-reporter.toml");
        let shipped = Config::parse(text, Path::new("example")).unwrap();
        assert_eq!(shipped, Config::default());
        let settings: String = text
            .lines()
            .filter_map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")))
            .fold(String::new(), |all, line| all + line + "\n");
        let shown = Config::parse(&settings, Path::new("example")).unwrap();
        let Config {
            seal,
            compress,
            sign,
            timeout_seconds,
            tries,
            spool_max_bytes,
            spool_max_reports,
            spool_max_age_days,
            period_minutes,
            settle_seconds,
            changes_apart_seconds,
            protocol,
            expect,
            follow_recipient_bundle,
            ..
        } = Config::default();
        assert_eq!((shown.seal, shown.compress, shown.sign, shown.tries), (seal, compress, sign, tries));
        assert_eq!((shown.timeout_seconds, shown.spool_max_bytes), (timeout_seconds, spool_max_bytes));
        assert_eq!((shown.spool_max_reports, shown.spool_max_age_days), (spool_max_reports, spool_max_age_days));
        assert_eq!((shown.period_minutes, shown.protocol, shown.expect), (period_minutes, protocol, expect));
        assert_eq!((shown.settle_seconds, shown.changes_apart_seconds), (settle_seconds, changes_apart_seconds));
        assert_eq!(shown.follow_recipient_bundle, follow_recipient_bundle);
        for key in ["mode", "site", "tag", "host", "url", "recipients", "spool", "skip", "signing_key"] {
            assert!(settings.lines().any(|line| line.starts_with(&format!("{key} = "))), "{key} is not in the example");
        }
    }

    #[test]
    fn unknown_keys_are_named() {
        let error = Config::parse("site = \"A\"\nsiet = \"B\"\n", Path::new("c.toml")).unwrap_err().to_string();
        assert!(error.contains("siet") && error.contains("line 2") && error.contains("c.toml"), "{error}");
    }
}
