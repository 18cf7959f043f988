//! Who is who: the names and groups that a proxy vouches for, mapped to roles and sites by the configuration.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;

use super::contacts::Contacts;
use super::{Role, Scope, Viewer};

/// Somebody, or everybody of a group, and what they may do: `[[people]]` in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Person {
    who: Who,
    role: Role,
    sites: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    Name(String),
    Group(String),
}

/// As in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<String>,
    group: Option<String>,
    role: Role,
    #[serde(default)]
    sites: BTreeSet<String>,
}

impl TryFrom<Written> for Person {
    type Error = PersonError;

    fn try_from(written: Written) -> Result<Self, PersonError> {
        let who = match (written.name, written.group) {
            (Some(name), None) if !name.is_empty() => Who::Name(name),
            (None, Some(group)) if !group.is_empty() => Who::Group(group),
            _ => return Err(PersonError::Who),
        };
        check_sites(written.role, &written.sites)?;
        Ok(Person { who, role: written.role, sites: written.sites })
    }
}

/// Somebody with a role and, if it is bound to sites, its sites.
///
/// # Errors
/// [`PersonError`].
pub fn with_role(name: String, role: Role, sites: impl IntoIterator<Item = String>) -> Result<Viewer, PersonError> {
    let sites: BTreeSet<String> = sites.into_iter().collect();
    check_sites(role, &sites)?;
    let scope = if role == Role::Site { Scope::Sites(sites) } else { Scope::All };
    Ok(Viewer { name, role, scope })
}

/// Checks that a role has sites if, and only if, it is bound to sites.
fn check_sites(role: Role, sites: &BTreeSet<String>) -> Result<(), PersonError> {
    match (role, sites.is_empty()) {
        (Role::Site, true) => return Err(PersonError::NoSites),
        (Role::Officer | Role::Reader, false) => return Err(PersonError::Sites(role.as_str())),
        _ => {}
    }
    for site in sites {
        report::site::check(site)?;
    }
    Ok(())
}

/// Everybody whom a proxy may name.
#[derive(Clone, Default)]
pub struct People {
    configured: Arc<[Person]>,
    contacts: Contacts,
}

impl People {
    /// Those of the configuration, and those whom GOCDB names.
    #[must_use]
    pub fn new(configured: &[Person], contacts: Contacts) -> Self {
        People { configured: configured.into(), contacts }
    }

    /// Somebody as the proxy names them: the most that any entry gives counts, and the sites of all of them.
    #[must_use]
    pub fn viewer(&self, name: &str, groups: &[String]) -> Option<Viewer> {
        let is_meant = |person: &&Person| match &person.who {
            Who::Name(wanted) => wanted == name,
            Who::Group(wanted) => groups.contains(wanted),
        };
        let configured = self.configured.iter().filter(is_meant).map(|person| (person.role, person.sites.clone()));
        let of_gocdb = self.contacts.sites_of(name).map(|sites| (Role::Site, sites));
        let (role, sites) = configured.chain(of_gocdb).reduce(|(role, mut sites), (other, more)| {
            sites.extend(more);
            (role.max(other), sites)
        })?;
        let scope = if role == Role::Site { Scope::Sites(sites) } else { Scope::All };
        Some(Viewer { name: name.to_owned(), role, scope })
    }
}

/// Why an entry cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PersonError {
    /// Nobody, or two at once.
    #[error("give either `name` (as the proxy sends it in X-Remote-User) or `group` (one of X-Remote-Groups)")]
    Who,
    /// Bound to sites, but to none.
    #[error("role \"site\" needs `sites`, such as [\"CERN-PROD\"]")]
    NoSites,
    /// Sites for someone who sees all.
    #[error("role \"{0}\" sees every site: leave `sites` out, or use role \"site\"")]
    Sites(&'static str),
    /// A site that cannot be.
    #[error(transparent)]
    Site(#[from] report::site::SiteError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        people: Vec<Person>,
    }

    fn people(text: &str) -> Result<Vec<Person>, toml::de::Error> {
        Ok(toml::from_str::<File>(text)?.people)
    }

    #[test]
    fn the_most_that_any_entry_gives() {
        let people = people(
            "[[people]]\nname = '/CN=A'\nrole = 'site'\nsites = ['S1']\n\
             [[people]]\ngroup = 'all'\nrole = 'site'\nsites = ['S2']\n\
             [[people]]\ngroup = 'team'\nrole = 'reader'\n\
             [[people]]\nname = '/CN=B'\nrole = 'officer'\n",
        )
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let export = folder.path().join("contacts.xml");
        let contact = |dn, site| {
            format!("<SITE NAME='{site}'><CONTACT><CERTDN>{dn}</CERTDN><ROLE_NAME>R</ROLE_NAME></CONTACT></SITE>")
        };
        std::fs::write(&export, format!("<results>{}{}</results>", contact("/CN=A", "S3"), contact("/CN=D", "S4")))
            .unwrap();
        let contacts = Contacts::of(&export, &["R".to_owned()]);
        contacts.refresh().unwrap().unwrap();
        let people = People::new(&people, contacts);
        let viewer = |name: &str, groups: &[&str]| {
            people.viewer(name, &groups.iter().map(|group| (*group).to_owned()).collect::<Vec<_>>())
        };
        let told = |name: &str, groups: &[&str]| {
            viewer(name, groups).map(|viewer| (viewer.role, viewer.scope.sites().collect::<Vec<_>>().join(" ")))
        };
        assert_eq!(told("/CN=A", &[]), Some((Role::Site, "S1 S3".to_owned())));
        assert_eq!(told("/CN=D", &[]), Some((Role::Site, "S4".to_owned())));
        assert_eq!(told("/CN=A", &["all", "other"]), Some((Role::Site, "S1 S2 S3".to_owned())));
        assert_eq!(told("/CN=A", &["team"]), Some((Role::Reader, String::new())));
        assert_eq!(told("/CN=B", &["team"]), Some((Role::Officer, String::new())));
        assert_eq!(told("/CN=C", &["all"]), Some((Role::Site, "S2".to_owned())));
        for (name, groups) in [("/CN=C", &["ALL", "tea", "/CN=B"][..]), ("/cn=a", &[]), ("all", &[]), ("", &[""])] {
            assert_eq!(told(name, groups), None, "{name} {groups:?}");
        }
        assert_eq!(viewer("/CN=A", &["team"]).unwrap().scope, Scope::All);
    }

    #[test]
    fn half_an_entry_is_refused_with_what_is_missing() {
        for (entry, said) in [
            ("role = 'officer'", "either `name`"),
            ("name = 'a'\ngroup = 'b'\nrole = 'officer'", "either `name`"),
            ("name = ''\nrole = 'officer'", "either `name`"),
            ("name = 'a'\nrole = 'site'", "needs `sites`"),
            ("name = 'a'\nrole = 'reader'\nsites = ['S']", "sees every site"),
            ("name = 'a'\nrole = 'site'\nsites = ['MY-SITE']", "placeholder"),
            ("name = 'a'\nrole = 'boss'", "boss"),
            ("name = 'a'\nrole = 'reader'\nsite = 'S'", "site"),
        ] {
            let error = people(&format!("[[people]]\n{entry}\n")).unwrap_err().to_string();
            assert!(error.contains(said), "{entry}: {error}");
        }
    }
}
