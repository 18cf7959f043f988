//! The people of GOCDB's export, read again when the file changes; a damaged file keeps those of the former one.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use super::gocdb::{self, GocdbError, Grants};

/// Who is responsible for which sites.
#[derive(Clone, Default)]
pub struct Contacts {
    source: Option<Arc<Source>>,
    grants: Arc<RwLock<Grants>>,
}

struct Source {
    file: PathBuf,
    roles: Vec<String>,
    /// What the file was when it was last looked at; none when it could not be.
    seen: Mutex<Option<Option<Stamp>>>,
}

/// Tells one state of a file from another: when it was written, its size and its place.
type Stamp = (SystemTime, u64, u64);

/// What a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// How many names of people.
    pub people: usize,
    /// How many sites.
    pub sites: usize,
}

impl Contacts {
    /// Those with one of these roles in GOCDB's export; nobody before the first [`Contacts::refresh`].
    #[must_use]
    pub fn of(file: &Path, roles: &[String]) -> Self {
        let source = Source { file: file.to_owned(), roles: roles.to_vec(), seen: Mutex::default() };
        Contacts { source: Some(Arc::new(source)), grants: Arc::default() }
    }

    /// Reads the file if it is another one than at the last look; `None` when it is not.
    ///
    /// # Errors
    /// [`ContactsError`], once for each state of the file; whoever was known stays so.
    pub fn refresh(&self) -> Option<Result<Read, ContactsError>> {
        let source = self.source.as_ref()?;
        let now = stamp(&source.file);
        let seen = Some(now.as_ref().ok().copied());
        if std::mem::replace(&mut *source.seen.lock().unwrap_or_else(PoisonError::into_inner), seen) == seen {
            return None;
        }
        let read = now
            .and_then(|_| File::open(&source.file))
            .map_err(GocdbError::from)
            .and_then(|file| gocdb::read(BufReader::new(file), &source.roles));
        Some(match read {
            Ok(grants) => {
                let sites: BTreeSet<&String> = grants.values().flatten().collect();
                let read = Read { people: grants.len(), sites: sites.len() };
                *self.grants.write().unwrap_or_else(PoisonError::into_inner) = grants;
                Ok(read)
            }
            Err(problem) => Err(ContactsError { file: source.file.clone(), problem }),
        })
    }

    /// The sites that somebody is responsible for.
    #[must_use]
    pub fn sites_of(&self, name: &str) -> Option<BTreeSet<String>> {
        self.grants.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

fn stamp(file: &Path) -> std::io::Result<Stamp> {
    let found = std::fs::metadata(file)?;
    Ok((found.modified()?, found.len(), found.ino()))
}

/// An export that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("GOCDB's roles in {}: {problem}; whoever was known by the former file stays so", file.display())]
pub struct ContactsError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    #[source]
    pub problem: GocdbError,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(dn: &str) -> String {
        format!(
            "<results><SITE NAME='A'><CONTACT><CERTDN>{dn}</CERTDN><ROLE_NAME>R</ROLE_NAME></CONTACT></SITE></results>"
        )
    }

    #[test]
    fn a_changed_file_is_read_and_a_damaged_one_changes_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("contacts.xml");
        let contacts = Contacts::of(&file, &["R".to_owned()]);
        let known = || ["/CN=1", "/CN=22"].map(|name| contacts.sites_of(name).is_some());
        assert!(contacts.refresh().unwrap().unwrap_err().to_string().contains("contacts.xml"), "no file yet");
        assert!(contacts.refresh().is_none(), "told once");
        std::fs::write(&file, export("/CN=1")).unwrap();
        assert_eq!(contacts.refresh().unwrap().unwrap(), Read { people: 1, sites: 1 });
        assert!(contacts.refresh().is_none() && known() == [true, false]);
        let cut = export("/CN=22");
        std::fs::write(&file, &cut[..cut.len() - 3]).unwrap();
        assert!(contacts.refresh().unwrap().is_err() && known() == [true, false]);
        std::fs::remove_file(&file).unwrap();
        assert!(contacts.refresh().unwrap().is_err() && known() == [true, false]);
        std::fs::write(&file, cut).unwrap();
        assert!(contacts.refresh().unwrap().is_ok() && known() == [false, true]);
        assert!(Contacts::default().refresh().is_none());
    }
}
