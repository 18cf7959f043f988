//! The reporter's configuration: what is taken has no unknown key and says what stands there; an unknown key is named.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reporter::cli::Options;
use reporter::config::Config;

/// Every key, as the manual page has them.
const KEYS: [&str; 23] = [
    "changes_apart_seconds",
    "compress",
    "expect",
    "follow_recipient_bundle",
    "host",
    "mode",
    "period_minutes",
    "protocol",
    "recipients",
    "seal",
    "settle_seconds",
    "sign",
    "signing_key",
    "site",
    "skip",
    "spool",
    "spool_max_age_days",
    "spool_max_bytes",
    "spool_max_reports",
    "tag",
    "timeout_seconds",
    "tries",
    "url",
];

fn load(bytes: &[u8]) -> Result<Config, String> {
    let folder = fuzz::folder();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, bytes).expect("a file");
    let path = file.display().to_string();
    Config::load(&Options { config: Some(file), ..Options::default() }).map_err(|error| {
        assert!(error.to_string().contains(&path), "{error}: of which file?");
        error.to_string().replace(&path, "FILE")
    })
}

fuzz_target!(|bytes: &[u8]| {
    let loaded = load(bytes);
    assert_eq!(load(bytes), loaded, "it was read otherwise before");
    let Ok(config) = loaded else { return };
    let text = str::from_utf8(bytes).expect("TOML is UTF-8");
    let Ok(written) = text.parse::<toml::Table>() else {
        // A table has no integers from 2^63 on, and a setting may; in any base they have so many characters.
        let long = |word: &str| word.len() >= 18;
        let of_word = |byte: char| byte.is_ascii_alphanumeric() || byte == '_';
        assert!(text.split(|byte| !of_word(byte)).any(long), "{text:?} is no TOML, and taken");
        return;
    };
    for (key, value) in &written {
        assert!(KEYS.contains(&key.as_str()), "{key:?} is no setting, and taken");
        let kept = match key.as_str() {
            "site" => config.site.clone(),
            "tag" => config.tag.clone(),
            "host" => config.host.clone(),
            "url" => config.url.clone(),
            "mode" => config.mode.clone(),
            "expect" => Some(config.expect.clone()),
            "sign" => Some(config.sign.to_string()),
            "compress" => Some(config.compress.to_string()),
            "follow_recipient_bundle" => Some(config.follow_recipient_bundle.to_string()),
            "tries" => Some(config.tries.to_string()),
            "timeout_seconds" => Some(config.timeout_seconds.to_string()),
            "spool_max_bytes" => Some(config.spool_max_bytes.to_string()),
            "spool_max_reports" => Some(config.spool_max_reports.to_string()),
            "spool_max_age_days" => Some(config.spool_max_age_days.to_string()),
            "period_minutes" => Some(config.period_minutes.to_string()),
            "settle_seconds" => Some(config.settle_seconds.to_string()),
            "changes_apart_seconds" => Some(config.changes_apart_seconds.to_string()),
            _ => continue,
        };
        assert_eq!(kept, Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)), "{key}");
    }
    let refused = load(&[b"siet = 1\n", bytes].concat());
    // A byte order mark stands at the beginning or nowhere.
    assert!(refused.as_ref().is_err_and(|told| told.contains("siet") || text.starts_with('\u{feff}')), "{refused:?}");
});
