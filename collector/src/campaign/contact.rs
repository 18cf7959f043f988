//! Addresses of sites: the registry's, unless the officer has written others.

use std::collections::BTreeMap;
use std::fmt;

use super::CampaignError;
use crate::registry::split_addresses;

/// More addresses than this are a slip of the hand.
const MOST: usize = 20;

/// Addresses that an officer wrote for sites, one line each: `SITE = name@example.org, other@example.org`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contacts(BTreeMap<String, Vec<String>>);

impl Contacts {
    /// Reads the lines.
    ///
    /// # Errors
    /// [`CampaignError::Contact`] with the line.
    pub fn read(text: &str) -> Result<Self, CampaignError> {
        let mut contacts = BTreeMap::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |what: &str| CampaignError::Contact { line: at + 1, what: what.to_owned() };
            let (site, written) = line.split_once('=').ok_or_else(|| wrong("no = between site and addresses"))?;
            let site = site.trim();
            if site.is_empty() || site.contains(crate::table::misleads) {
                return Err(wrong("no site before the ="));
            }
            let (addresses, others) = split_addresses(written);
            if addresses.is_empty() || !others.is_empty() || addresses.len() > MOST {
                return Err(wrong("no address that mail can be sent to"));
            }
            if contacts.insert(site.to_owned(), addresses).is_some() {
                return Err(wrong("the site stands on a line before this one already"));
            }
        }
        Ok(Contacts(contacts))
    }

    /// The addresses for a site: those written here, else the registry's.
    #[must_use]
    pub fn of(&self, site: &str, registry: &[String]) -> Vec<String> {
        let addresses = self.0.get(site).map_or(registry, Vec::as_slice);
        addresses.iter().take(MOST).cloned().collect()
    }
}

impl fmt::Display for Contacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(site, addresses)| writeln!(f, "{site} = {}", addresses.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_addresses_come_before_the_registry() {
        let contacts = Contacts::read("\r\nA = a@example.org;b@example.org\r\n B=c@example.org\n").unwrap();
        let registry = ["x@example.org".to_owned()];
        assert_eq!(contacts.of("A", &registry), ["a@example.org", "b@example.org"]);
        assert_eq!(contacts.of("C", &registry), ["x@example.org"]);
        assert_eq!(Contacts::read(&contacts.to_string()).unwrap(), contacts);
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, told) in [
            ("A = a@b.org\nB c@d.org", "line 2: no ="),
            ("A = a@b.org, nobody", "line 1: no address"),
            ("A = a@b.org\u{0}Bcc:c@d.org", "line 1: no address"),
            ("A =", "no address"),
            ("= a@b.org", "no site"),
            ("A = a@b.org\nA = c@d.org", "line 2: the site stands"),
        ] {
            let error = Contacts::read(text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
