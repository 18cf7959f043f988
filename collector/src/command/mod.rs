//! What every command shares: options, configuration, the time, the database, the keys, and where answers go.

pub(crate) mod access;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod inbox;
pub(crate) mod keys;
pub(crate) mod purge;
pub(crate) mod question;
pub(crate) mod reference;
pub(crate) mod registry;
pub(crate) mod repository;
pub(crate) mod serve;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use wlcg_package_collector::access::deed::By;
use wlcg_package_collector::cli::{FormatName, Options};
use wlcg_package_collector::config::{self, Config};
use wlcg_package_collector::store::Store;
use wlcg_package_collector::table::{Format, Table};
use wlcg_package_collector::{keys as key_files, systemd, token};

/// One call of the program.
pub(crate) struct Invocation {
    /// The options of every command.
    pub(crate) options: Options,
    /// What is configured.
    pub(crate) config: Config,
    /// When it was called.
    pub(crate) now: Timestamp,
    /// Who called it, as the audit log names them.
    pub(crate) operator: String,
}

impl Invocation {
    /// The database, its schema brought up to this program.
    pub(crate) async fn store(&self) -> anyhow::Result<Store> {
        let url = self.database()?;
        Store::open(&url).await.with_context(|| format!("opening {}", config::redacted(&url)))
    }

    /// The address of the database, with its password.
    pub(crate) fn database(&self) -> anyhow::Result<String> {
        let Some(url) = self.options.database.as_ref().or(self.config.database.as_ref()) else {
            return Ok(format!("sqlite:{}", config::state_folder()?.join("collector.sqlite").display()));
        };
        let file = self.config.database_password_file.clone().or_else(|| systemd::secret(systemd::DATABASE_PASSWORD));
        Ok(match file {
            Some(file) => config::with_password(url, &file)?,
            None => url.clone(),
        })
    }

    /// Every key that reports can be opened with here.
    pub(crate) fn opening_keys(&self) -> anyhow::Result<Vec<key_files::KeyFile>> {
        let mut files = self.key_files()?;
        let credentials = systemd::keys();
        if !credentials.is_empty() {
            files.extend(key_files::load(&credentials, Path::new("/"), self.passphrase()?.as_ref())?);
        }
        Ok(files)
    }

    /// The keys that are named, else those of the configured folder, and those in tokens.
    pub(crate) fn key_files(&self) -> anyhow::Result<Vec<key_files::KeyFile>> {
        let named = if self.options.key.is_empty() { &self.config.keys } else { &self.options.key };
        let mut files = key_files::load(named, &self.keys_folder()?, self.passphrase()?.as_ref())?;
        files.extend(token::load(&self.config.tokens, systemd::secret(systemd::TOKEN_PIN))?);
        Ok(files)
    }

    /// What private keys are encrypted with, where that is configured or handed over.
    pub(crate) fn passphrase(&self) -> anyhow::Result<Option<key_files::Passphrase>> {
        let file = self.config.key_passphrase_file.clone().or_else(|| systemd::secret(systemd::KEY_PASSPHRASE));
        Ok(file.map(|file| key_files::Passphrase::read(&file)).transpose()?)
    }

    /// Where keys are kept.
    pub(crate) fn keys_folder(&self) -> anyhow::Result<PathBuf> {
        Ok(match &self.config.keys_folder {
            Some(folder) => folder.clone(),
            None => match systemd::source() {
                Some(folder) => folder,
                None => config::state_folder()?.join("keys"),
            },
        })
    }

    /// Who changes something by this call, for the audit log.
    pub(crate) fn by(&self) -> By<'_> {
        By::operator(&self.operator, self.now.as_second())
    }

    /// The form of answers that was asked for.
    pub(crate) fn format(&self) -> Format {
        match self.options.format {
            FormatName::Table => Format::Table,
            FormatName::Json => Format::Json,
            FormatName::Csv => Format::Csv,
        }
    }

    /// Puts an answer on standard output.
    pub(crate) fn show(&self, answer: &Table) -> anyhow::Result<()> {
        say(&answer.render(self.format()))
    }
}

/// Puts a text on standard output, now.
pub(crate) fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
