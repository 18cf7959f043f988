//! URLs with passwords, the database's above all: never shown with them; the database's may come from a file.

use std::path::Path;

use super::ConfigError;

/// A URL without its password.
#[must_use]
pub fn redacted(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            let user = url.get(scheme + 3..at).and_then(|login| login.split(':').next()).unwrap_or_default();
            format!("{}://{user}:***{}", url.get(..scheme).unwrap_or_default(), url.get(at..).unwrap_or_default())
        }
        _ => url.to_owned(),
    }
}

/// A text with stars for the passwords of its URLs, as many as they have characters: errors show the lines that they are in.
pub(super) fn starred(text: &str) -> String {
    let mut starred = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, url)) = rest.split_once("://") {
        starred.extend([before, "://"]);
        rest = url;
        let quoted = url.split(['"', '\'', '\n']).next().unwrap_or_default();
        let login = quoted.rsplit_once('@').map(|(login, _)| login);
        if let Some((login, (user, password))) = login.and_then(|login| Some((login, login.split_once(':')?))) {
            starred.extend([user, ":"]);
            starred.extend(password.chars().map(|_| '*'));
            rest = url.strip_prefix(login).unwrap_or_default();
        }
    }
    starred + rest
}

/// The database URL with the password that `file` holds in its first line.
///
/// # Errors
/// [`ConfigError`] when the file cannot be read, or the URL has no user or a password already.
pub fn with_password(url: &str, file: &Path) -> Result<String, ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|source| ConfigError::Read { file: file.to_owned(), source })?;
    let password = text.lines().next().unwrap_or_default();
    let place = url.find("://").map(|scheme| scheme + 3).zip(url.rfind('@')).filter(|(start, at)| start < at);
    let user = place.and_then(|(start, at)| url.get(start..at)).filter(|user| !user.contains(':'));
    let (Some((_, at)), Some(_)) = (place, user) else { return Err(ConfigError::Password(redacted(url))) };
    let escaped: String = password.bytes().map(escape).collect();
    Ok(format!("{}:{escaped}{}", url.get(..at).unwrap_or_default(), url.get(at..).unwrap_or_default()))
}

/// Everything but letters and digits, so that no password ends the part of the URL that it stands in (RFC 3986, 2.1).
fn escape(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_from_a_file_joins_its_url() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "p@ss:/word\n").unwrap();
        assert_eq!(with_password("mysql://u@h/d", file.path()).unwrap(), "mysql://u:p%40ss%3A%2Fword@h/d");
        for url in ["sqlite:/x", "mysql://h/d", "mysql://u:p@h/d"] {
            assert!(matches!(with_password(url, file.path()), Err(ConfigError::Password(_))), "{url}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(redacted("mysql://collector:s:e@cret@db/x"), "mysql://collector:***@db/x");
        assert_eq!(redacted("sqlite:/var/lib/x"), "sqlite:/var/lib/x");
        assert_eq!(
            starred("a = \"x://u:s:@é@h/d\" # y://v:t@i\nb = 'z://w@j', 'https://k:1'\nc = \"x://u:cut@h"),
            "a = \"x://u:****@h/d\" # y://v:*@i\nb = 'z://w@j', 'https://k:1'\nc = \"x://u:***@h"
        );
    }
}
