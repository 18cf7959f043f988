//! Whom GOCDB names as responsible for sites: its answers to `get_site_contacts` and `get_user`, as its API documents them.

use std::collections::{BTreeSet, HashMap};
use std::io::BufRead;

use crate::xml::{Step, Walker, XmlError};

/// The sites of each person, by the subject of their certificate or their EGI Check-in identifier.
pub type Grants = HashMap<String, BTreeSet<String>>;

/// Somebody in the file, as far as it was read.
#[derive(Default)]
struct Said {
    names: Vec<String>,
    role: String,
    site: String,
    entity: String,
    sites: Vec<String>,
}

/// Reads who has one of these roles at which site; a mail address makes nobody known, as anybody may claim one.
///
/// # Errors
/// [`GocdbError`]; nothing of the file is to be used then.
pub fn read(source: impl BufRead, roles: &[String]) -> Result<Grants, GocdbError> {
    let mut walker = Walker::new(source);
    let mut grants = Grants::new();
    let mut said = Said::default();
    let wanted = |role: &str| roles.iter().any(|wanted| wanted == role);
    loop {
        match (walker.step()?, walker.path()) {
            (Step::End, _) if grants.is_empty() => return Err(GocdbError::Nobody(roles.join(", "))),
            (Step::End, _) => return Ok(grants),
            (Step::Open, "/results/SITE") => said = Said { site: walker.attribute("NAME")?, ..Said::default() },
            (Step::Open, "/results/SITE/CONTACT") => {
                (said.names, said.role) = (Vec::new(), String::new());
            }
            (Step::Open, "/results/EGEE_USER") => said = Said::default(),
            // Only an answer in pages has it: the people of the other pages would lose their role.
            (Step::Open, "/results/meta") => return Err(GocdbError::Page),
            (Step::Close, "/results/SITE/CONTACT") => {
                said.sites = if wanted(&said.role) { vec![said.site.clone()] } else { Vec::new() };
                grant(&mut grants, &said);
            }
            (Step::Close, "/results/EGEE_USER/USER_ROLE") => {
                if said.entity == "site" && wanted(&said.role) {
                    said.sites.push(std::mem::take(&mut said.site));
                }
                (said.role, said.site, said.entity) = Default::default();
            }
            (Step::Close, "/results/EGEE_USER") => grant(&mut grants, &said),
            (Step::Close, path) => {
                let tail = path.strip_prefix("/results/").unwrap_or_default();
                let into = match tail {
                    "SITE/SHORT_NAME" | "EGEE_USER/USER_ROLE/ON_ENTITY" => &mut said.site,
                    "SITE/CONTACT/ROLE_NAME" | "EGEE_USER/USER_ROLE/USER_ROLE" => &mut said.role,
                    "EGEE_USER/USER_ROLE/ENTITY_TYPE" => &mut said.entity,
                    "SITE/CONTACT/CERTDN" | "SITE/CONTACT/EGICHECKIN" | "EGEE_USER/CERTDN" | "EGEE_USER/EGICHECKIN" => {
                        said.names.push(walker.text().to_owned());
                        continue;
                    }
                    _ => continue,
                };
                walker.text().clone_into(into);
            }
            (Step::Open, _) => {
                if let Some(found) = walker.foreign_root("results") {
                    return Err(GocdbError::Root(found));
                }
            }
        }
    }
}

/// A name that no host can report under gives nothing.
fn grant(grants: &mut Grants, said: &Said) {
    let sites = || said.sites.iter().filter(|site| report::site::check(site).is_ok()).cloned();
    if sites().next().is_none() {
        return;
    }
    for name in said.names.iter().filter(|name| !name.is_empty()) {
        grants.entry(name.clone()).or_default().extend(sites());
    }
}

/// Why an export of GOCDB cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GocdbError {
    /// The system's reason.
    #[error("{0}")]
    Read(#[from] std::io::Error),
    /// XML that breaks off or is none.
    #[error("{0}; fetch it again")]
    Xml(#[from] XmlError),
    /// XML of another kind.
    #[error("its outermost element is {0:?}: expected GOCDB's answer to get_site_contacts or get_user")]
    Root(String),
    /// One page of the answer.
    #[error("is one page of GOCDB's answer: fetch it without next_cursor and prev_cursor")]
    Page,
    /// Nobody of interest.
    #[error("names nobody with one of the roles {0}: expected GOCDB's answer to get_site_contacts or get_user")]
    Nobody(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shape of the answer to `get_site_contacts`, with invented people.
    const CONTACTS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<results>
  <SITE ID="14G0" PRIMARY_KEY="119G0" NAME="IZOLA-GRID">
    <PRIMARY_KEY>119G0</PRIMARY_KEY>
    <SHORT_NAME>IZOLA-GRID</SHORT_NAME>
    <CONTACT USER_ID="6G0" PRIMARY_KEY="6G0">
      <FORENAME>Ana</FORENAME><SURNAME>Kos</SURNAME><TITLE/><EMAIL>ana@izola.example.org</EMAIL><TEL/>
      <CERTDN>/C=SI/O=Izola &amp; Sons/CN=Ana Kos</CERTDN>
      <ROLE_NAME>Site Security Officer</ROLE_NAME>
    </CONTACT>
    <CONTACT USER_ID="7G0" PRIMARY_KEY="7G0">
      <CERTDN>/C=SI/CN=Only Looks</CERTDN><ROLE_NAME>Site Observer</ROLE_NAME>
    </CONTACT>
    <CONTACT USER_ID="8G0" PRIMARY_KEY="8G0"><CERTDN/><ROLE_NAME>Site Administrator</ROLE_NAME></CONTACT>
  </SITE>
  <SITE ID="15G0" PRIMARY_KEY="120G0" NAME="BASEL-GRID"><SHORT_NAME>BASEL-GRID</SHORT_NAME>
    <CONTACT USER_ID="6G0" PRIMARY_KEY="6G0">
      <CERTDN>/C=SI/O=Izola &amp; Sons/CN=Ana Kos</CERTDN><ROLE_NAME>Site Administrator</ROLE_NAME>
    </CONTACT>
  </SITE>
  <SITE ID="16G0" PRIMARY_KEY="121G0" NAME="Izola MRF"><SHORT_NAME>Izola MRF</SHORT_NAME>
    <CONTACT USER_ID="9G0" PRIMARY_KEY="9G0"><CERTDN>/CN=B</CERTDN><ROLE_NAME>Site Administrator</ROLE_NAME></CONTACT>
  </SITE>
</results>"#;

    /// The shape of the answer to `get_user` where GOCDB tells all identifiers.
    const USERS: &str = r#"<?xml version="1.0"?><results>
  <EGEE_USER ID="8G0" PRIMARY_KEY="8G0">
    <FORENAME>Ana</FORENAME><EMAIL>ana@izola.example.org</EMAIL>
    <CERTDN>/C=SI/CN=Ana</CERTDN><EGICHECKIN>0123abc@egi.eu</EGICHECKIN><HOMESITE>HOME-GRID</HOMESITE>
    <USER_ROLE><USER_ROLE>Site Operations Manager</USER_ROLE><ON_ENTITY>IZOLA-GRID</ON_ENTITY><ENTITY_TYPE>site</ENTITY_TYPE>
      <RECOGNISED_IN_PROJECTS><PROJECT ID="1">EGI</PROJECT></RECOGNISED_IN_PROJECTS></USER_ROLE>
    <USER_ROLE><USER_ROLE>Site Operations Manager</USER_ROLE><ON_ENTITY>NGI_SI</ON_ENTITY><ENTITY_TYPE>ngi</ENTITY_TYPE></USER_ROLE>
    <USER_ROLE><USER_ROLE>Observer</USER_ROLE><ON_ENTITY>BASEL-GRID</ON_ENTITY><ENTITY_TYPE>site</ENTITY_TYPE></USER_ROLE>
  </EGEE_USER>
  <EGEE_USER ID="9G0" PRIMARY_KEY="9G0"><CERTDN>/CN=None</CERTDN></EGEE_USER>
</results>"#;

    fn roles() -> Vec<String> {
        ["Site Security Officer", "Site Administrator", "Site Operations Manager"].map(str::to_owned).into()
    }

    fn told(document: &str) -> Vec<String> {
        let mut told: Vec<String> = read(document.as_bytes(), &roles())
            .unwrap()
            .into_iter()
            .map(|(name, sites)| format!("{name}: {}", sites.into_iter().collect::<Vec<_>>().join(" ")))
            .collect();
        told.sort();
        told
    }

    #[test]
    fn roles_at_sites_are_read_from_both_answers() {
        assert_eq!(told(CONTACTS), ["/C=SI/O=Izola & Sons/CN=Ana Kos: BASEL-GRID IZOLA-GRID"]);
        assert_eq!(told(USERS), ["/C=SI/CN=Ana: IZOLA-GRID", "0123abc@egi.eu: IZOLA-GRID"]);
    }

    #[test]
    fn what_is_not_whole_is_not_used() {
        for document in [CONTACTS, USERS] {
            for end in (40..document.len() - 1).step_by(5) {
                assert!(read(&document.as_bytes()[..end], &roles()).is_err(), "{end}");
            }
        }
        let page = CONTACTS.replace("<results>", "<results><meta><count>1</count></meta>");
        assert!(matches!(read(page.as_bytes(), &roles()), Err(GocdbError::Page)));
        assert!(matches!(read(&b"<results/>"[..], &roles()), Err(GocdbError::Nobody(_))));
        assert!(matches!(read(CONTACTS.as_bytes(), &[]), Err(GocdbError::Nobody(_))));
        assert!(matches!(read(&b"<html><a/></html>"[..], &roles()), Err(GocdbError::Root(_))));
    }
}
