//! The collector's configuration: what is taken says what stands there and shows no password; an unknown key is named.
#![no_main]

use fuzz_collector::settings::{self, KEYS, PEOPLE};
use libfuzzer_sys::fuzz_target;
use toml::{Table, Value};
use wlcg_package_collector::access::contacts::Contacts;
use wlcg_package_collector::access::people::People;
use wlcg_package_collector::config::{Config, redacted, with_password};
use wlcg_package_collector::sending::{MailConfig, Mailer, Webhook, WebhookConfig};

/// Characters that would end the part of a URL that a password stands in.
const PASSWORD: &str = "p@ss:/w#?%d";

fn load(bytes: &[u8]) -> Result<Config, String> {
    let folder = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    let file = folder.path().join("config.toml");
    std::fs::write(&file, bytes).expect("a file");
    let path = file.display().to_string();
    Config::load(Some(&file)).map_err(|error| {
        assert!(error.to_string().contains(&path), "{error}: of which file?");
        error.to_string().replace(&path, "FILE")
    })
}

/// The same text with another password in every URL; none when it has none. A password in which TOML may refuse a character stays:
/// that it does is an error of its own.
fn with_other_password(text: &str) -> Option<String> {
    let (before, rest) = text.split_once("://")?;
    let authority = &rest[..rest.find(['/', '?', '#', '"', '\'', '\n']).unwrap_or(rest.len())];
    let password =
        authority.rsplit_once('@').and_then(|(login, _)| login.split_once(':')).map(|(_, password)| password);
    let password = password.filter(|password| !password.contains(|c: char| c.is_control() || c == '\\'));
    let other = password.map(|password| password.chars().map(|c| if c == 'q' { 'z' } else { 'q' }).collect::<String>());
    let (start, end) = match (password, other) {
        (Some(password), Some(other)) => {
            let at = authority.len() - authority.split_once(':')?.1.len();
            (format!("{before}://{}{other}", &authority[..at]), &rest[at + password.len()..])
        }
        _ => (format!("{before}://"), rest),
    };
    Some(format!("{start}{}", with_other_password(end).unwrap_or_else(|| end.to_owned())))
}

/// Passwords are shown in no answer: with another one it would be the same.
fn shows_no_password(config: &Config) {
    if let Some(url) = &config.database {
        let other = Config { database: with_other_password(url), ..config.clone() };
        assert!(other.database.is_none() || format!("{other:?}") == format!("{config:?}"), "{config:?}");
        let folder = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
        let file = folder.path().join("password");
        std::fs::write(&file, format!("{PASSWORD}\nx")).expect("a file");
        match with_password(url, &file) {
            Ok(joined) => assert_eq!(redacted(&joined), redacted(url)),
            Err(error) => assert!(!error.to_string().contains(PASSWORD)),
        }
    }
    // Files that the input names are not read here: one of them could be a device that never ends.
    if let Some(mail) = config.mail.as_ref().filter(|mail| mail.password_file.is_none()) {
        let told = Mailer::new(mail, None).err().map(|error| error.to_string());
        if let Some(server) = with_other_password(&mail.server) {
            let other = MailConfig { server, ..mail.clone() };
            assert_eq!(Mailer::new(&other, None).err().map(|error| error.to_string()), told);
        }
    }
    if let Some(webhook) = config.webhook.as_ref().filter(|webhook| webhook.secret_file.is_none()) {
        let told = Webhook::new(webhook, None).err().map(|error| error.to_string());
        assert!(told.is_some(), "a webhook without a secret");
        if let Some(url) = with_other_password(&webhook.url) {
            let other = WebhookConfig { url, ..webhook.clone() };
            assert_eq!(Webhook::new(&other, None).err().map(|error| error.to_string()), told);
        }
    }
}

/// Everybody who is written there has what is written there, and nobody else has anything.
fn knows_its_people(config: &Config, written: &Table) {
    let people = People::new(&config.people, Contacts::default());
    let entries = written.get(PEOPLE).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    assert_eq!(config.people.len(), entries.len());
    let stranger = "nobody of these";
    let is_written = entries.iter().any(|entry| entry.get("name").and_then(Value::as_str) == Some(stranger));
    assert_eq!(people.viewer(stranger, &[]).is_some(), is_written);
    for entry in entries {
        let of = |key: &str| entry.get(key).and_then(Value::as_str);
        let groups: Vec<String> = of("group").map(str::to_owned).into_iter().collect();
        let viewer = people.viewer(of("name").unwrap_or_default(), &groups).expect("somebody who is written there");
        let roles = ["site", "reader", "officer"];
        let place = |role: &str| roles.iter().position(|known| *known == role).expect("a role");
        assert!(place(viewer.role.as_str()) >= place(of("role").expect("a role")));
        let sites = entry.get("sites").and_then(Value::as_array).into_iter().flatten();
        assert!(sites.filter_map(Value::as_str).all(|site| viewer.scope.holds(site)));
    }
}

fuzz_target!(|bytes: &[u8]| {
    let loaded = load(bytes);
    let said = loaded.as_ref().map(settings::of);
    assert_eq!(load(bytes).as_ref().map(settings::of), said, "it was read otherwise before");
    let Ok(text) = str::from_utf8(bytes) else {
        assert!(loaded.is_err());
        return;
    };
    let Ok(config) = loaded else {
        let told = said.expect_err("an error");
        if let Some(other) = with_other_password(text) {
            let other = load(other.as_bytes());
            assert!(other.is_ok() || other.as_ref().is_err_and(|error| *error == *told), "{told}\n{other:?}");
        }
        return;
    };
    let Ok(written) = text.parse::<Table>() else {
        assert!(settings::is_beyond_toml(&config), "taken, and no TOML");
        return;
    };
    for key in written.keys() {
        assert!(KEYS.contains(&key.as_str()) || key == PEOPLE, "{key:?} is no setting, and taken");
    }
    let (said, default) = (settings::of(&config), settings::of(&Config::default()));
    for key in KEYS {
        let expected = written.get(key).map(|value| settings::meant(key, value)).or_else(|| default.get(key).cloned());
        assert_eq!(said.get(key).cloned(), expected, "{key}");
    }
    knows_its_people(&config, &written);
    shows_no_password(&config);
    let refused = load(&[b"lissten = 1\n", bytes].concat());
    // A byte order mark stands at the beginning or nowhere.
    assert!(
        refused.as_ref().is_err_and(|told| told.contains("lissten") || text.starts_with('\u{feff}')),
        "{refused:?}"
    );
    // In every table as well; and written anew it is still the same.
    let anew = load(toml::to_string(&written).expect("TOML").as_bytes()).expect("written anew");
    assert_eq!(settings::of(&anew), said);
    for table in ["mail", "webhook"] {
        let mut changed = written.clone();
        let Some(inside) = changed.get_mut(table).and_then(Value::as_table_mut) else { continue };
        inside.insert("lissten".to_owned(), Value::Boolean(true));
        let refused = load(toml::to_string(&changed).expect("TOML").as_bytes());
        assert!(refused.as_ref().is_err_and(|told| told.contains("lissten")), "{refused:?}");
    }
});
