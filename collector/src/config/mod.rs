//! The configuration file: TOML, every unknown key refused by name.

mod database_url;
mod error;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use url::Url;

use crate::access::contacts::Contacts;
use crate::access::people::Person;
use crate::admission::Bounds;
use crate::answers::campaign::Sending;
use crate::sender::{Policy, Unsigned};
use crate::sending::{MailConfig, WebhookConfig};
use crate::token::TokenConfig;

use database_url::starred;
pub use database_url::{redacted, with_password};
pub use error::ConfigError;

/// Where the configuration is looked for when no file is named.
pub const DEFAULT_FILE: &str = "/etc/wlcg-package-collector/config.toml";

/// The folder that the unit keeps its state in.
const SYSTEM_STATE: &str = "/var/lib/wlcg-package-collector";

/// The roles at a site that GOCDB has for those who look after its hosts.
const SITE_ROLES: [&str; 4] =
    ["Site Security Officer", "Site Administrator", "Site Operations Manager", "Site Operations Deputy Manager"];

/// Every setting, with its default; `config/wlcg-package-collector.toml` documents each.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Database URL; a secret when it holds a password.
    pub database: Option<String>,
    /// File whose first line is the password that is missing in `database`.
    pub database_password_file: Option<PathBuf>,
    /// PEM files with private key and certificate.
    pub keys: Vec<PathBuf>,
    /// Where `keys new` puts its files.
    pub keys_folder: Option<PathBuf>,
    /// File whose first line is the passphrase of private keys that are encrypted, new ones among them.
    pub key_passphrase_file: Option<PathBuf>,
    /// Tokens that hold private keys.
    pub tokens: Vec<TokenConfig>,
    /// PEM files with certificates that readable reports are sealed for on arrival.
    pub recipients: Vec<PathBuf>,
    /// The recipient bundle that hosts are shown; `keys publish` writes it.
    pub recipient_bundle_file: Option<PathBuf>,
    /// Address and port, or `unix:PATH`.
    pub listen: String,
    /// Proxies that are believed about their clients; the Unix socket always is.
    pub trusted_proxies: Vec<IpAddr>,
    /// Whether this process takes reports.
    pub receive: bool,
    /// Whether this process opens reports.
    pub open: bool,
    /// Whether this process shows pages.
    pub desk: bool,
    /// Largest body of a report, in bytes.
    pub max_report_bytes: usize,
    /// Longest time that a body may take, in seconds.
    pub body_timeout_seconds: u64,
    /// Most reports from one address (IPv6: one /64) in a minute.
    pub max_reports_per_minute_per_address: NonZeroU32,
    /// Most reports from the networks of one site in a minute.
    pub max_reports_per_minute_per_site: NonZeroU32,
    /// Most reports that lie in the inbox unopened; while there are more, none is taken.
    pub max_unopened_reports: u32,
    /// A host without news for so many days is unknown, never compliant.
    pub stale_after_days: u32,
    /// Opened reports are kept as they came for so many days.
    pub keep_opened_reports_days: u32,
    /// States that ended more than so many days ago are deleted; without it none are.
    pub keep_history_days: Option<NonZeroU32>,
    /// What becomes of reports without a signature.
    pub unsigned: Unsigned,
    /// Sites where something else becomes of them.
    pub unsigned_at: BTreeMap<String, Unsigned>,
    /// What pakiti-client 3 is answered.
    pub legacy_answer: String,
    /// Whether pakiti-client 3 may send readable text.
    pub legacy_plain_text: bool,
    /// Address where people reach the desk, without a path; for links that are printed or sent.
    #[serde(deserialize_with = "public_url")]
    pub public_url: Option<String>,
    /// How long a sign-in link works, in minutes.
    pub sign_in_link_minutes: u32,
    /// How long somebody stays signed in by a link, in hours.
    pub session_hours: u32,
    /// Lines of the audit log are kept for so many days; 0: for ever.
    pub audit_keep_days: u32,
    /// GOCDB's export of people with roles at sites, who are known by it as well.
    pub gocdb_roles: Option<PathBuf>,
    /// Roles in GOCDB that make somebody responsible for a site.
    pub gocdb_site_roles: Vec<String>,
    /// Whom a trusted proxy may name, and what they may do.
    pub people: Vec<Person>,
    /// How mails of campaigns are sent; without it none are.
    pub mail: Option<MailConfig>,
    /// Who is told of what happens in campaigns; without it nobody is.
    pub webhook: Option<WebhookConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            database: None,
            database_password_file: None,
            keys: Vec::new(),
            keys_folder: None,
            key_passphrase_file: None,
            tokens: Vec::new(),
            recipients: Vec::new(),
            recipient_bundle_file: None,
            listen: "127.0.0.1:8642".to_owned(),
            trusted_proxies: Vec::new(),
            receive: true,
            open: true,
            desk: true,
            max_report_bytes: 4 * 1024 * 1024,
            body_timeout_seconds: 60,
            max_reports_per_minute_per_address: const { NonZeroU32::new(1_200).unwrap() },
            max_reports_per_minute_per_site: const { NonZeroU32::new(6_000).unwrap() },
            max_unopened_reports: 1_000_000,
            stale_after_days: 7,
            keep_opened_reports_days: 30,
            keep_history_days: None,
            unsigned: Unsigned::default(),
            unsigned_at: BTreeMap::new(),
            legacy_answer: "OK".to_owned(),
            legacy_plain_text: false,
            public_url: None,
            sign_in_link_minutes: 15,
            session_hours: 12,
            audit_keep_days: 365,
            gocdb_roles: None,
            gocdb_site_roles: SITE_ROLES.map(str::to_owned).into(),
            people: Vec::new(),
            mail: None,
            webhook: None,
        }
    }
}

/// Shows that a database is configured, never its password.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("database", &self.database.as_deref().map(redacted))
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// How much is admitted into the inbox.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds {
            per_minute_per_address: self.max_reports_per_minute_per_address,
            per_minute_per_site: self.max_reports_per_minute_per_site,
            unopened: self.max_unopened_reports,
        }
    }

    /// Those whom GOCDB's export names; nobody before it is read.
    #[must_use]
    pub fn contacts(&self) -> Contacts {
        self.gocdb_roles.as_ref().map(|file| Contacts::of(file, &self.gocdb_site_roles)).unwrap_or_default()
    }

    /// Reads the named file, which must exist, or the default one, which may be missing.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, the key and the line.
    pub fn load(named: Option<&Path>) -> Result<Self, ConfigError> {
        let file = named.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(file) {
            Ok(text) => Config::parse(&text, file),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(Config::default()),
            Err(source) => Err(ConfigError::Read { file: file.to_owned(), source }),
        }
    }

    fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            // What is shown of the file goes to the journal: it is read again without its passwords.
            let source =
                toml::from_str::<Config>(&starred(text)).err().unwrap_or_else(|| without_its_line(text, &error));
            ConfigError::Parse { file: file.to_owned(), source: Box::new(source) }
        })
    }

    /// What becomes of reports without a signature.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy { unsigned: self.unsigned, unsigned_at: self.unsigned_at.clone() }
    }

    /// Where messages of campaigns go and what they point to.
    #[must_use]
    pub fn sending(&self) -> Sending {
        Sending {
            desk_url: self.public_url.clone(),
            mail: self.mail.is_some(),
            webhook: self.webhook.as_ref().map(|webhook| webhook.url.clone()),
        }
    }
}

/// An error that a password itself makes.
fn without_its_line(text: &str, error: &toml::de::Error) -> toml::de::Error {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    serde::de::Error::custom(format!("line {line}, in the password of a URL: {}", error.message()))
}

/// `public_url` without a slash at its end, if it is an address that people's browsers can open.
fn public_url<'de, D: Deserializer<'de>>(given: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(given)?;
    let is_ours = |url: &Url| {
        ["http", "https"].contains(&url.scheme())
            && url.host_str().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
    };
    match Url::parse(&text).ok().filter(is_ours) {
        // The parser takes white space and backslashes for what was meant; a link in a mail is not so kind.
        Some(url) if text.trim_end_matches('/').eq_ignore_ascii_case(url.as_str().trim_end_matches('/')) => {
            Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
        }
        _ => Err(serde::de::Error::custom(format!(
            "public_url {text:?}: expected https://HOST or https://HOST:PORT (or http://), without a path"
        ))),
    }
}

/// The folder for state when nothing is configured: systemd's, else the user's own.
///
/// # Errors
/// [`ConfigError::NoFolder`] when there is no home folder either.
pub fn state_folder() -> Result<PathBuf, ConfigError> {
    if let Some(folders) = std::env::var_os("STATE_DIRECTORY").filter(|folders| !folders.is_empty()) {
        // systemd joins several with colons; the first is ours.
        return Ok(std::env::split_paths(&folders).next().unwrap_or_default());
    }
    // Questions asked beside the running service are about its database.
    let user = rustix::process::geteuid();
    let readable = |found: std::fs::Metadata| found.is_dir() && (user.is_root() || found.uid() == user.as_raw());
    if std::fs::metadata(SYSTEM_STATE).is_ok_and(readable) {
        return Ok(PathBuf::from(SYSTEM_STATE));
    }
    directories::ProjectDirs::from("", "", "wlcg-package-collector")
        .map(|folders| folders.state_dir().unwrap_or_else(|| folders.data_dir()).to_owned())
        .ok_or(ConfigError::NoFolder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_example_is_read_and_shows_every_default() {
        let text = include_str!("../../../config/wlcg-package-collector.toml");
        Config::parse(text, Path::new("example")).unwrap();
        // Every line that is commented out is a setting with its default.
        let settings: String = text
            .lines()
            .filter_map(|line| {
                let is_setting = |rest: &&str| rest.contains(" = ") || rest.starts_with("[");
                line.strip_prefix("# ").filter(is_setting).or(Some(line))
            })
            .filter(|line| !line.starts_with('#'))
            .fold(String::new(), |all, line| all + line + "\n");
        let shown = Config::parse(&settings, Path::new("example")).unwrap();
        let default = Config::default();
        assert_eq!(shown.listen, default.listen);
        assert_eq!(shown.max_report_bytes, default.max_report_bytes);
        assert_eq!(shown.stale_after_days, default.stale_after_days);
        assert_eq!(shown.keep_opened_reports_days, default.keep_opened_reports_days);
        assert_eq!(shown.body_timeout_seconds, default.body_timeout_seconds);
        assert_eq!(shown.bounds(), default.bounds());
        assert_eq!(shown.legacy_answer, default.legacy_answer);
        assert_eq!(shown.unsigned, default.unsigned);
        assert_eq!(shown.trusted_proxies, default.trusted_proxies);
        assert_eq!(shown.sign_in_link_minutes, default.sign_in_link_minutes);
        assert_eq!(shown.session_hours, default.session_hours);
        assert_eq!(shown.audit_keep_days, default.audit_keep_days);
        assert_eq!(shown.people.len(), 3);
        assert!(shown.tokens.iter().all(|token| token.pin_file.is_some()) && shown.tokens.len() == 1);
        assert_eq!(shown.gocdb_site_roles, default.gocdb_site_roles);
        let (mail, webhook) = (shown.mail.unwrap(), shown.webhook.unwrap());
        assert_eq!((mail.timeout_seconds, webhook.timeout_seconds), (60, 30));
        assert!(mail.reply_to.is_some() && mail.password_file.is_some() && webhook.secret_file.is_some());
        for key in [
            "database",
            "database_password_file",
            "keys",
            "keys_folder",
            "key_passphrase_file",
            "recipients",
            "recipient_bundle_file",
            "receive",
            "open",
            "desk",
            "legacy_plain_text",
            "unsigned_at",
            "public_url",
            "gocdb_roles",
        ] {
            assert!(settings.lines().any(|line| line.starts_with(&format!("{key} = "))), "{key} is not in the example");
        }
    }

    #[test]
    fn unknown_keys_are_named() {
        let error =
            Config::parse("listen = \"127.0.0.1:1\"\nlissten = 1\n", Path::new("c.toml")).unwrap_err().to_string();
        assert!(error.contains("lissten") && error.contains("line 2") && error.contains("c.toml"), "{error}");
    }

    #[test]
    fn the_public_url_is_one_that_a_browser_opens() {
        let read = |url: &str| Config::parse(&format!("public_url = {url:?}\n"), Path::new("c.toml"));
        for (given, kept) in [
            ("https://packages.example.org", "https://packages.example.org"),
            ("https://packages.example.org/", "https://packages.example.org"),
            ("http://[::1]:8642", "http://[::1]:8642"),
        ] {
            assert_eq!(read(given).unwrap().public_url.as_deref(), Some(kept));
        }
        for wrong in [
            "",
            "packages.example.org",
            "ftp://packages.example.org",
            "https://",
            "https:packages.example.org",
            "https://user:secret@packages.example.org",
            "https://packages.example.org/desk",
            "https://packages.example.org/?x=1",
            "https://packages.example.org/#x",
            " https://packages.example.org",
            "javascript:alert(1)",
        ] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("expected https://HOST") && error.contains("line 1"), "{wrong}: {error}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let config = Config { database: Some("mysql://u:secret@h/d".to_owned()), ..Config::default() };
        assert!(!format!("{config:?}").contains("secret"));
        for (wrong, told) in [
            ("listen = \"x\"\ndatabase = \"mysql://u:secret@h/d\n", "line 2, column"),
            ("database = \"mysql://u:secret@h/d\" x", "mysql://u:******@h/d"),
            ("public_url = \"https://u:secret@h\"", "public_url \"https://u:******@h\""),
            ("\"mysql://u:secret@h/d\" = 1", "unknown field"),
            ("open = true\ndatabase = \"mysql://u:secret\\z@h/d\"", "line 2, in the password of a URL"),
        ] {
            let error = Config::parse(wrong, Path::new("c.toml")).unwrap_err().to_string();
            assert!(error.contains(told) && error.contains("c.toml") && !error.contains("secret"), "{error}");
        }
    }
}
