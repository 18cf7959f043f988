//! Whom reports are sealed for: the configured certificates, or those of the recipient bundle that was last accepted.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use report::hash::Hash;
use report::sealed::{BundleError, Recipient, RecipientBundle};
use serde::{Deserialize, Serialize};

use crate::config::{Config, ConfigError};
use crate::paths::Paths;
use crate::send::{Fetched, Sender};
use crate::spool::Spool;
use crate::state::{Failed, State};

/// Seconds from one question for the bundle to the next: a day, less what a daily timer may come early.
const APART: i64 = 20 * 3600;

/// Whom reports are sealed for now.
#[derive(Clone)]
pub struct Recipients {
    /// Their certificates; none when none is configured.
    pub certificates: Vec<Recipient>,
    /// Where they come from.
    pub source: Source,
}

/// Where certificates come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "lowercase")]
pub enum Source {
    /// As the host's administrator says.
    Configuration,
    /// As the officer says by a bundle.
    Bundle {
        /// Its number.
        serial: i64,
        /// When it was accepted here.
        accepted: Timestamp,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Configuration => f.write_str("the certificates of the configuration"),
            Source::Bundle { serial, accepted } => {
                write!(f, "the certificates of recipient bundle {serial}, accepted {accepted}")
            }
        }
    }
}

impl Recipients {
    /// Reads both; a kept bundle counts while the configuration is the one that it was accepted with, or trusts its signers.
    ///
    /// # Errors
    /// [`ConfigError`] names the configured file that holds no certificate.
    pub fn current(config: &Config) -> Result<Self, ConfigError> {
        let configured = config.read_recipients()?;
        let kept = match Paths::find(config.spool.as_deref()) {
            Ok(paths) if config.follows_bundle() => Kept::trusted(&paths.recipients, &configured),
            _ => None,
        };
        Ok(match kept {
            Some((kept, bundle)) => Recipients {
                certificates: bundle.recipients,
                source: Source::Bundle { serial: bundle.serial, accepted: kept.head.accepted },
            },
            None => Recipients { certificates: configured, source: Source::Configuration },
        })
    }
}

/// Asks for the bundle when a day has gone by and follows it if it may be; no report waits for it, and none is lost by it.
pub fn follow(config: &Config, paths: &Paths, spool: &Spool, sender: &Sender, now: Timestamp) {
    if !config.follows_bundle() || !is_due(State::read(&paths.state).bundle_asked, now) {
        return;
    }
    let Ok(configured) = config.read_recipients() else { return };
    let etag = Kept::trusted(&paths.recipients, &configured).and_then(|(kept, _)| kept.head.etag);
    let fetched = sender.recipient_bundle(etag.as_deref());
    // Another run may have done the same meanwhile.
    let Ok(_lock) = spool.lock() else { return };
    let mut state = State::read(&paths.state);
    state.bundle_asked = Some(now);
    let followed = match fetched {
        Fetched::Nothing => None,
        Fetched::Unchanged | Fetched::NoBundle => Some(Ok(None)),
        Fetched::TooLarge => Some(Err(Refused::Bundle(BundleError::TooLarge))),
        Fetched::Bundle { signed, etag } => Some(accept(&paths.recipients, &configured, signed, etag, now)),
    };
    match followed {
        None => {}
        Some(Ok(accepted)) => {
            state.bundle_refused = None;
            if let Some(RecipientBundle { serial, recipients }) = accepted {
                let names: Vec<_> = recipients.iter().map(Recipient::subject).collect();
                log(&format!("recipient bundle {serial} accepted: reports are sealed for {}", names.join(" and ")));
            }
        }
        Some(Err(refused)) => {
            let message = format!("recipient bundle not followed, reports are sealed as before: {refused}");
            log(&message);
            state.bundle_refused = Some(Failed { time: now, message });
        }
    }
    // What the state file tells can be told again.
    let _ = state.write(&paths.state);
}

/// A time ahead of now comes from a clock that was wrong.
fn is_due(asked: Option<Timestamp>, now: Timestamp) -> bool {
    asked.is_none_or(|asked| !(0..APART).contains(&(now.as_second() - asked.as_second())))
}

/// Keeps a bundle that is newer than the one before and signed by somebody whom that one trusts, else the configuration.
fn accept(
    file: &Path,
    configured: &[Recipient],
    signed: Vec<u8>,
    etag: Option<String>,
    now: Timestamp,
) -> Result<Option<RecipientBundle>, Refused> {
    let kept = Kept::trusted(file, configured);
    if kept.as_ref().is_some_and(|(kept, _)| kept.signed == signed) {
        return Ok(None);
    }
    // Once a bundle is followed the configured keys count no more: one that was given up because it leaked moves nobody.
    let (trusted, last) = match &kept {
        Some((_, bundle)) => (bundle.recipients.as_slice(), bundle.serial),
        None => (configured, 0),
    };
    let bundle = RecipientBundle::verify(&signed, trusted, now).map_err(Refused::Bundle)?;
    if bundle.serial <= last {
        return Err(Refused::NotNewer { serial: bundle.serial, last });
    }
    let head = Head { accepted: now, etag, configured: fingerprints(configured) };
    Kept { head, signed }.write(file).map_err(Refused::NotKept)?;
    Ok(Some(bundle))
}

/// A bundle as it is kept: one line of JSON, then the bundle as it came.
struct Kept {
    head: Head,
    signed: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    accepted: Timestamp,
    etag: Option<String>,
    /// Fingerprints of the certificates that were configured then.
    configured: Vec<Hash>,
}

impl Kept {
    /// The kept bundle, if it still counts; a file that is damaged is as good as none.
    fn trusted(file: &Path, configured: &[Recipient]) -> Option<(Self, RecipientBundle)> {
        if configured.is_empty() {
            return None;
        }
        let content = std::fs::read(file).ok()?;
        let at = content.iter().position(|byte| *byte == b'\n')?;
        let head: Head = serde_json::from_slice(content.get(..at)?).ok()?;
        let signed = content.get(at + 1..)?.to_owned();
        let bundle = if head.configured == fingerprints(configured) {
            // It was verified when it was accepted; since then its signers may have gone.
            RecipientBundle::unverified(&signed)
        } else {
            RecipientBundle::verify(&signed, configured, head.accepted)
        };
        Some((Kept { head, signed }, bundle.ok()?))
    }

    /// Puts the file in place whole, synced with its folder.
    fn write(&self, file: &Path) -> std::io::Result<()> {
        let unfinished = file.with_extension("bundle.new");
        let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        serde_json::to_writer(&mut new, &self.head)?;
        new.write_all(b"\n")?;
        new.write_all(&self.signed)?;
        new.sync_all()?;
        std::fs::rename(&unfinished, file)?;
        File::open(file.parent().unwrap_or(Path::new("/")))?.sync_all()
    }
}

fn fingerprints(certificates: &[Recipient]) -> Vec<Hash> {
    certificates.iter().filter_map(|certificate| certificate.fingerprint().ok()).collect()
}

fn log(line: &str) {
    let _ = writeln!(std::io::stderr(), "wlcg-package-reporter: {line}");
}

/// Why a bundle is not followed.
#[derive(Debug, thiserror::Error)]
enum Refused {
    /// The bundle itself.
    #[error("{0}")]
    Bundle(BundleError),
    /// An old one, or another one with the same number.
    #[error("its serial {serial} is not higher than {last}, that of the last one accepted")]
    NotNewer {
        /// The one offered.
        serial: i64,
        /// The one kept.
        last: i64,
    },
    /// It would be forgotten.
    #[error("it cannot be kept: {0}")]
    NotKept(std::io::Error),
}

#[cfg(test)]
mod tests {
    use report::sealed::{KeyKind, OpeningKey};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn key(name: &str) -> OpeningKey {
        OpeningKey::generate(KeyKind::EcP256, name, at(1_700_000_000), at(1_800_000_000)).unwrap()
    }

    fn signed(serial: i64, recipient: &OpeningKey, keys: &[&OpeningKey]) -> Vec<u8> {
        RecipientBundle { serial, recipients: vec![recipient.recipient().clone()] }.sign(keys).unwrap()
    }

    struct Host {
        folder: tempfile::TempDir,
        configured: Vec<Recipient>,
    }

    impl Host {
        fn offered(&self, bundle: Vec<u8>) -> Result<Option<i64>, String> {
            let accepted = accept(&self.file(), &self.configured, bundle, None, at(1_750_000_000));
            accepted.map(|bundle| bundle.map(|bundle| bundle.serial)).map_err(|refused| refused.to_string())
        }

        fn file(&self) -> std::path::PathBuf {
            self.folder.path().join("recipients.bundle")
        }

        fn serial(&self) -> Option<i64> {
            Kept::trusted(&self.file(), &self.configured).map(|(_, bundle)| bundle.serial)
        }
    }

    fn host(configured: &OpeningKey) -> Host {
        Host { folder: tempfile::tempdir().unwrap(), configured: vec![configured.recipient().clone()] }
    }

    #[test]
    fn trust_goes_on_from_bundle_to_bundle_and_never_back() {
        let [first, second, third, stranger] = ["1", "2", "3", "stranger"].map(key);
        let mut host = host(&first);
        let to_second = signed(10, &second, &[&first, &second]);
        assert_eq!(host.offered(to_second.clone()), Ok(Some(10)));
        assert_eq!(host.offered(to_second.clone()), Ok(None), "the same again");
        for (bundle, reason) in [
            (signed(10, &third, &[&second]), "serial 10 is not higher than 10"),
            (signed(9, &third, &[&second]), "serial 9 is not higher than 10"),
            (signed(11, &stranger, &[&stranger]), "nobody who is trusted here"),
            (signed(11, &first, &[&first]), "nobody who is trusted here"),
            (to_second[..200].to_vec(), "cut short"),
            (Vec::new(), "not one CMS SignedData"),
            (b"<html>sign in</html>".to_vec(), "not one CMS SignedData"),
            (vec![b'0'; 70_000], "larger than 65536 bytes"),
        ] {
            let before = std::fs::read(host.file()).unwrap();
            let told = host.offered(bundle).unwrap_err();
            assert!(told.contains(reason), "{told}");
            assert_eq!(std::fs::read(host.file()).unwrap(), before);
        }
        assert_eq!(host.offered(signed(12, &third, &[&second, &third])), Ok(Some(12)));
        assert_eq!(host.serial(), Some(12), "though nobody configured has signed it");

        // The site's administrator configures another certificate.
        host.configured = vec![stranger.recipient().clone()];
        assert_eq!(host.serial(), None);
        assert_eq!(host.offered(signed(3, &second, &[&stranger])), Ok(Some(3)), "another officer counts anew");
        host.configured = vec![second.recipient().clone(), third.recipient().clone()];
        assert_eq!(host.serial(), None);
        assert_eq!(host.offered(signed(13, &third, &[&third])), Ok(Some(13)));
        host.configured = vec![third.recipient().clone()];
        assert_eq!(host.serial(), Some(13), "it is signed by the one configured now");
        host.configured.clear();
        assert_eq!(host.serial(), None);
    }

    #[test]
    fn a_kept_bundle_that_is_damaged_counts_for_nothing_and_is_replaced() {
        let [first, second] = ["1", "2"].map(key);
        let host = host(&first);
        assert_eq!(host.offered(signed(10, &second, &[&first])), Ok(Some(10)));
        let whole = std::fs::read(host.file()).unwrap();
        for end in [0, 5, whole.len() / 2, whole.len() - 1] {
            std::fs::write(host.file(), &whole[..end]).unwrap();
            assert_eq!(host.serial(), None);
        }
        assert_eq!(host.offered(signed(10, &second, &[&first])), Ok(Some(10)));
        let names: Vec<_> =
            std::fs::read_dir(host.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["recipients.bundle"]);
    }

    #[test]
    fn it_is_asked_for_once_a_day_and_a_wrong_clock_does_not_stretch_it() {
        let due = |asked: i64, now: i64| is_due(Some(at(asked)), at(now));
        assert!(is_due(None, at(0)));
        assert_eq!([due(0, 0), due(0, APART - 1), due(0, APART), due(1, 0)], [false, false, true, true]);
    }
}
