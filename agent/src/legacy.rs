//! pakiti-client's configuration, `name = value` lines with here-documents, so that a host can swap the program alone.
//!
//! Names and syntax are those of pakiti-client 3 (its manual, CONFIGURATION and OPTIONS).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::cli;
use crate::config::{Config, Protocol};

/// Paths of programs that pakiti-client calls, and switches for people at a terminal: nothing here needs them.
const WITHOUT_EFFECT: [&str; 13] = [
    "config",
    "curl",
    "debug",
    "help",
    "hostname",
    "lsb_release",
    "manual",
    "openssl",
    "pkg",
    "rpm",
    "svmon",
    "uname",
    "wget",
];

/// What a file of pakiti-client asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Legacy {
    site: Option<String>,
    tag: Option<String>,
    host: Option<String>,
    url: Option<String>,
    mode: Option<String>,
    expect: Option<String>,
    encrypt: Option<String>,
    run: cli::Report,
}

/// Reads the text of such a file.
///
/// # Errors
/// [`LegacyError`] with the line.
pub fn parse(text: &str) -> Result<Legacy, LegacyError> {
    let mut legacy = Legacy::default();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let strange = |what| LegacyError { line: at + 1, what };
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or_else(|| strange(Strange::Line))?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || !name.bytes().all(is_word) {
            return Err(strange(Strange::Line));
        }
        let tag = value.strip_prefix("<<").filter(|tag| !tag.is_empty() && tag.bytes().all(is_word));
        let value = match tag {
            None => value.to_owned(),
            Some(tag) => {
                let mut text = String::new();
                loop {
                    let (_, line) = lines.next().ok_or_else(|| strange(Strange::Unfinished(tag.to_owned())))?;
                    if line.trim_end() == tag {
                        break text;
                    }
                    text.push_str(line);
                    text.push('\n');
                }
            }
        };
        legacy.set(name, value).map_err(strange)?;
    }
    Ok(legacy)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl Legacy {
    fn set(&mut self, name: &str, value: String) -> Result<(), Strange> {
        let path = || Some(PathBuf::from(&value));
        match name {
            "site" => self.site = Some(value),
            "tag" => self.tag = Some(value),
            "host" => self.host = Some(value),
            "url" => self.url = Some(value),
            "mode" => self.mode = Some(value),
            "encrypt" => self.encrypt = Some(value),
            "input" => self.run.input = path(),
            "output" => self.run.output = path(),
            "expect" if value.contains(|c: char| r"\^$.|?*+()[]{}".contains(c)) => return Err(Strange::Pattern),
            "expect" => self.expect = Some(value),
            "rndsleep" => self.run.rndsleep = Some(value.parse().map_err(|_| Strange::Seconds)?),
            name if WITHOUT_EFFECT.contains(&name) => {}
            name => return Err(Strange::Name(name.to_owned())),
        }
        Ok(())
    }

    /// The settings of a run, as pakiti-client would have it: sent to the address as it stands, readable by its server.
    #[must_use]
    pub fn into_config(self) -> Config {
        let default = Config::default();
        Config {
            site: self.site,
            tag: self.tag,
            host: self.host,
            url: self.url,
            protocol: Protocol::Pakiti,
            mode: self.mode,
            expect: self.expect.unwrap_or(default.expect),
            recipients: self.encrypt.into_iter().map(Into::into).collect(),
            legacy: Some(self.run),
            ..Config::default()
        }
    }

    /// The same as a configuration file of this program.
    #[must_use]
    pub fn to_toml(&self, file: &Path) -> String {
        let mut out = format!(
            "# Made from {} by `wlcg-package-reporter config import`.\n\
             # For a WLCG package collector: give its address as `url` and take `protocol` away.\n",
            file.display().to_string().escape_debug()
        );
        let mut line = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                let _ = writeln!(out, "{name} = {}", toml::Value::from(value));
            }
        };
        line("site", self.site.as_deref());
        line("tag", self.tag.as_deref());
        line("host", self.host.as_deref());
        line("url", self.url.as_deref());
        line("protocol", Some("pakiti"));
        line("mode", self.mode.as_deref());
        line("expect", self.expect.as_deref());
        if let Some(encrypt) = &self.encrypt {
            let _ = writeln!(out, "recipients = [{}]", toml::Value::from(encrypt.as_str()));
        }
        let mut told = |name: &str, value: Option<String>, instead: &str| {
            if let Some(value) = value {
                // A here-document has line ends, behind which a comment is over.
                let _ = writeln!(out, "# {name} = {}: {instead}", value.escape_debug());
            }
        };
        let shown = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        told("input", shown(&self.run.input), "give it as `report --input FILE`");
        told("output", shown(&self.run.output), "give it as `report --output FILE`");
        let seconds = self.run.rndsleep.map(|seconds| seconds.to_string());
        told("rndsleep", seconds, "timer and cron line already spread the hosts over the day");
        out
    }
}

/// A line that is no setting of pakiti-client.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct LegacyError {
    line: usize,
    what: Strange,
}

#[derive(Debug, thiserror::Error)]
enum Strange {
    #[error("expected `name = value`")]
    Line,
    #[error("the end of the text, a line {0}, is missing")]
    Unfinished(String),
    #[error("`{0}` is no setting that this program takes over from pakiti-client")]
    Name(String),
    #[error("`rndsleep` takes a number of seconds")]
    Seconds,
    #[error("`expect` is taken as a plain text here, not as a pattern: give the words that the answer ends with")]
    Pattern,
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# our site\n site = CERN-PROD \nurl=https://pakiti.example.org/feeder/\nrndsleep = 600\n\
        openssl = /usr/bin/openssl\nencrypt = <<EOT\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\nEOT \ntag = a = b\n";

    #[test]
    fn settings_and_here_documents_are_read() {
        let legacy = parse(FILE).unwrap();
        let config = legacy.clone().into_config();
        assert_eq!((config.site.as_deref(), config.tag.as_deref()), (Some("CERN-PROD"), Some("a = b")));
        assert_eq!((config.protocol, config.legacy.unwrap().rndsleep), (Protocol::Pakiti, Some(600)));
        assert_eq!(legacy.encrypt.unwrap(), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    }

    #[test]
    fn the_imported_file_means_the_same() {
        let text = FILE.replace(
            "tag = a = b",
            "tag = \"quoted\\ #\nexpect = th4nk y0u\nmode = store-only\nhost = h\noutput = <<EOT\n/tmp/x\nsign = false\nEOT",
        );
        let legacy = parse(&text).unwrap();
        let written = legacy.to_toml(Path::new("/etc/pakiti/pakiti-client.conf"));
        let read: Config = toml::from_str(&written).unwrap();
        assert_eq!(read, Config { legacy: None, ..legacy.into_config() }, "{written}");
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (text, told) in [
            ("site\n", "line 1: expected"),
            ("\n-- = x\n", "line 2: expected"),
            ("encrypt = <<EOT\nx\n", "a line EOT"),
            ("svmonreport = 1\n", "`svmonreport`"),
            ("rndsleep = soon\n", "seconds"),
            ("expect = O.\n", "plain text"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text:?}: {error}");
        }
    }
}
