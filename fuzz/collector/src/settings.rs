//! A configuration as TOML, to compare it with the file that it was read from.

use std::net::IpAddr;
use std::path::Path;

use toml::{Table, Value};
use wlcg_package_collector::config::Config;
use wlcg_package_collector::sender::Unsigned;

/// Every key but that of people, who are known by what they may do.
pub const KEYS: [&str; 33] = [
    "audit_keep_days",
    "body_timeout_seconds",
    "database",
    "database_password_file",
    "desk",
    "gocdb_roles",
    "gocdb_site_roles",
    "keep_history_days",
    "keep_opened_reports_days",
    "key_passphrase_file",
    "keys",
    "keys_folder",
    "legacy_answer",
    "legacy_plain_text",
    "listen",
    "mail",
    "max_report_bytes",
    "max_reports_per_minute_per_address",
    "max_reports_per_minute_per_site",
    "max_unopened_reports",
    "open",
    "public_url",
    "receive",
    "recipient_bundle_file",
    "recipients",
    "session_hours",
    "sign_in_link_minutes",
    "stale_after_days",
    "tokens",
    "trusted_proxies",
    "unsigned",
    "unsigned_at",
    "webhook",
];

/// The key of people.
pub const PEOPLE: &str = "people";

/// Every setting that has a value.
#[must_use]
pub fn of(config: &Config) -> Table {
    let mut said = Table::new();
    let mut say = |key: &str, value: Option<Value>| value.map(|value| said.insert(key.to_owned(), value));
    let number = |number: u64| Some(i64::try_from(number).map_or_else(|_| number.to_string().into(), Value::Integer));
    let file = |file: &Path| Value::from(file.to_str().expect("UTF-8"));
    let files = |files: &[std::path::PathBuf]| Value::Array(files.iter().map(|path| file(path)).collect());
    say("audit_keep_days", number(config.audit_keep_days.into()));
    say("body_timeout_seconds", number(config.body_timeout_seconds));
    say("database", config.database.clone().map(Value::from));
    say("database_password_file", config.database_password_file.as_deref().map(file));
    say("desk", Some(config.desk.into()));
    say("gocdb_roles", config.gocdb_roles.as_deref().map(file));
    say("gocdb_site_roles", Some(config.gocdb_site_roles.clone().into()));
    say("keep_history_days", config.keep_history_days.and_then(|days| number(days.get().into())));
    say("keep_opened_reports_days", number(config.keep_opened_reports_days.into()));
    say("key_passphrase_file", config.key_passphrase_file.as_deref().map(file));
    say("keys", Some(files(&config.keys)));
    say("keys_folder", config.keys_folder.as_deref().map(file));
    say("legacy_answer", Some(config.legacy_answer.clone().into()));
    say("legacy_plain_text", Some(config.legacy_plain_text.into()));
    say("listen", Some(config.listen.clone().into()));
    say("max_report_bytes", number(config.max_report_bytes as u64));
    say("max_reports_per_minute_per_address", number(config.max_reports_per_minute_per_address.get().into()));
    say("max_reports_per_minute_per_site", number(config.max_reports_per_minute_per_site.get().into()));
    say("max_unopened_reports", number(config.max_unopened_reports.into()));
    say("open", Some(config.open.into()));
    say("public_url", config.public_url.clone().map(Value::from));
    say("receive", Some(config.receive.into()));
    say("recipient_bundle_file", config.recipient_bundle_file.as_deref().map(file));
    say("recipients", Some(files(&config.recipients)));
    say("session_hours", number(config.session_hours.into()));
    say("sign_in_link_minutes", number(config.sign_in_link_minutes.into()));
    say("stale_after_days", number(config.stale_after_days.into()));
    say("trusted_proxies", Some(config.trusted_proxies.iter().map(IpAddr::to_string).collect::<Vec<_>>().into()));
    say("unsigned", Some(unsigned(config.unsigned)));
    let at = config.unsigned_at.iter().map(|(site, what)| (site.clone(), unsigned(*what)));
    say("unsigned_at", Some(Value::Table(at.collect())));
    let tokens = config.tokens.iter().map(|token| {
        let said = [
            ("module", Some(file(&token.module))),
            ("token", Some(token.token.clone().into())),
            ("certificates", Some(files(&token.certificates))),
            ("pin_file", token.pin_file.as_deref().map(file)),
        ];
        table(said)
    });
    say("tokens", Some(Value::Array(tokens.collect())));
    let mail = config.mail.as_ref().map(|mail| {
        table([
            ("server", Some(mail.server.clone().into())),
            ("from", Some(mail.from.clone().into())),
            ("reply_to", mail.reply_to.clone().map(Value::from)),
            ("password_file", mail.password_file.as_deref().map(file)),
            ("timeout_seconds", number(mail.timeout_seconds)),
        ])
    });
    say("mail", mail);
    let webhook = config.webhook.as_ref().map(|webhook| {
        table([
            ("url", Some(webhook.url.clone().into())),
            ("secret_file", webhook.secret_file.as_deref().map(file)),
            ("timeout_seconds", number(webhook.timeout_seconds)),
        ])
    });
    say("webhook", webhook);
    said
}

/// Whether it holds a number that the parser takes and TOML's own integers do not reach.
#[must_use]
pub fn is_beyond_toml(config: &Config) -> bool {
    let of_mail = config.mail.as_ref().map_or(0, |mail| mail.timeout_seconds);
    let of_webhook = config.webhook.as_ref().map_or(0, |webhook| webhook.timeout_seconds);
    [config.body_timeout_seconds, config.max_report_bytes as u64, of_mail, of_webhook]
        .iter()
        .any(|&n| n > i64::MAX as u64)
}

fn table<const N: usize>(said: [(&str, Option<Value>); N]) -> Value {
    Value::Table(said.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect())
}

fn unsigned(what: Unsigned) -> Value {
    format!("{what:?}").to_lowercase().into()
}

/// What the file says of a key, as [`of`] writes it.
#[must_use]
pub fn meant(key: &str, written: &Value) -> Value {
    let address = |value: &Value| value.as_str().expect("text").parse::<IpAddr>().expect("an address").to_string();
    let mut meant = written.clone();
    match (key, &mut meant) {
        ("trusted_proxies", Value::Array(addresses)) => {
            addresses.iter_mut().for_each(|value| *value = Value::from(address(value)));
        }
        // The host of a URL is in small letters, and no slash stands behind it.
        ("public_url", Value::String(url)) => *url = url.trim_end_matches('/').to_lowercase(),
        ("mail" | "webhook", Value::Table(inside)) => {
            let seconds = if key == "mail" { 60 } else { 30 };
            inside.entry("timeout_seconds").or_insert(Value::Integer(seconds));
        }
        _ => {}
    }
    meant
}
