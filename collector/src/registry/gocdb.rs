//! GOCDB's sites: the answers to `get_site` (everything) and `get_site_list` (names and countries), as its API documents them.

use super::reading::{Gathering, Site};
use super::{Kind, RegistryProblem};
use crate::xml::{Step, Walker};

/// What a site element says, as text.
#[derive(Default)]
struct Said {
    name: String,
    country: String,
    country_code: String,
    tier: String,
    contact: String,
    security: String,
    networks: String,
    status: String,
}

pub(super) fn read(text: &[u8], gathering: &mut Gathering) -> Result<(), RegistryProblem> {
    let mut walker = Walker::new(text);
    let mut said = Said::default();
    loop {
        match (walker.step()?, walker.path()) {
            (Step::End, _) => return Ok(()),
            (Step::Open, "/results/SITE") => {
                said = Said {
                    name: walker.attribute("NAME")?,
                    country: walker.attribute("COUNTRY")?,
                    country_code: walker.attribute("COUNTRY_CODE")?,
                    ..Said::default()
                };
            }
            // Only an answer in pages has it: an import of one page would forget the sites of the others.
            (Step::Open, "/results/meta") => return Err(RegistryProblem::Page),
            (Step::Close, "/results/SITE") => add(std::mem::take(&mut said), gathering),
            (Step::Close, path) => {
                let text = match path.strip_prefix("/results/SITE/") {
                    Some("SHORT_NAME") => &mut said.name,
                    Some("COUNTRY") => &mut said.country,
                    Some("COUNTRY_CODE") => &mut said.country_code,
                    Some("TIER") => &mut said.tier,
                    Some("CONTACT_EMAIL") => &mut said.contact,
                    Some("CSIRT_EMAIL") => &mut said.security,
                    Some("CERTIFICATION_STATUS") => &mut said.status,
                    Some("SITE_IP" | "SITE_IPV6") => {
                        said.networks.extend([" ", walker.text()]);
                        continue;
                    }
                    _ => continue,
                };
                walker.text().clone_into(text);
            }
            (Step::Open, _) => {
                if let Some(found) = walker.foreign_root("results") {
                    return Err(RegistryProblem::Root { kind: Kind::Gocdb, found, expected: "results" });
                }
            }
        }
    }
}

fn add(said: Said, gathering: &mut Gathering) {
    if said.status.eq_ignore_ascii_case("closed") {
        gathering.closed();
        return;
    }
    let contact = gathering.mails(&said.name, &said.contact);
    let security = gathering.mails(&said.name, &said.security);
    let prefixes = gathering.prefixes(&said.name, &said.networks);
    let country = if said.country_code.is_empty() { said.country } else { said.country_code };
    let (name, tier) = (said.name, said.tier);
    gathering.add(Site { name, country, tier, contact, security, prefixes, aliases: Vec::new() });
}

#[cfg(test)]
mod tests {
    use super::super::{join_prefixes, read};
    use super::*;

    /// The shape of the answer to `get_site`, with invented sites.
    const SITES: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<results>
  <SITE ID="14" PRIMARY_KEY="119G0" NAME="IZOLA-GRID">
    <PRIMARY_KEY>119G0</PRIMARY_KEY>
    <SHORT_NAME>IZOLA-GRID</SHORT_NAME>
    <OFFICIAL_NAME>Izola &amp; Sons</OFFICIAL_NAME>
    <CONTACT_EMAIL>grid@izola.example.org;ops@izola.example.org</CONTACT_EMAIL>
    <TIER>2</TIER>
    <COUNTRY_CODE>SI</COUNTRY_CODE>
    <COUNTRY>Slovenia</COUNTRY>
    <CERTIFICATION_STATUS>Certified</CERTIFICATION_STATUS>
    <CSIRT_EMAIL>csirt@izola.example.org</CSIRT_EMAIL>
    <DOMAIN><DOMAIN_NAME>izola.example.org</DOMAIN_NAME></DOMAIN>
    <SITE_IP>192.0.2.0/255.255.255.0;198.51.100.0/255.255.255.0</SITE_IP>
    <SITE_IPV6>2001:db8:14::/48</SITE_IPV6>
    <SCOPES><SCOPE>EGI</SCOPE><SCOPE>wlcg</SCOPE></SCOPES>
    <EXTENSIONS><EXTENSION><KEY>CONTACT_EMAIL</KEY><VALUE>not@this.example.org</VALUE></EXTENSION></EXTENSIONS>
  </SITE>
  <SITE ID="15" PRIMARY_KEY="120G0" NAME="OLD-GRID">
    <SHORT_NAME>OLD-GRID</SHORT_NAME><CERTIFICATION_STATUS>Closed</CERTIFICATION_STATUS>
  </SITE>
  <SITE ID="16" PRIMARY_KEY="121G0" NAME="Izola MRF">
    <SHORT_NAME>Izola MRF</SHORT_NAME>
  </SITE>
  <SITE ID="17" PRIMARY_KEY="122G0" NAME="BASEL-GRID">
    <SHORT_NAME>BASEL-GRID</SHORT_NAME><COUNTRY>Switzerland</COUNTRY>
    <CONTACT_EMAIL>evil@basel.example.org&#13;&#10;Bcc:x</CONTACT_EMAIL>
    <SITE_IP>0.0.0.0/255.255.255.255</SITE_IP><SITE_IPV6>::/::z</SITE_IPV6>
  </SITE>
</results>"#;

    #[test]
    fn everything_is_read_from_get_site() {
        let reading = read(SITES.as_bytes(), None).unwrap();
        assert_eq!(reading.kind, Kind::Gocdb);
        let [basel, izola] = &reading.sites[..] else { panic!("{:?}", reading.sites) };
        assert_eq!((izola.name.as_str(), izola.country.as_str(), izola.tier.as_str()), ("IZOLA-GRID", "SI", "2"));
        assert_eq!(izola.contact, ["grid@izola.example.org", "ops@izola.example.org"]);
        assert_eq!(izola.security, ["csirt@izola.example.org"]);
        assert_eq!(join_prefixes(&izola.prefixes), "192.0.2.0/24 198.51.100.0/24 2001:db8:14::/48");
        assert_eq!((basel.country.as_str(), basel.contact.len(), basel.prefixes.len()), ("Switzerland", 1, 0));
        let notes = reading.notes.join("\n");
        for told in ["Izola MRF", "\"Bcc:x\"", "\"::/::z\"", "1 closed sites"] {
            assert!(notes.contains(told), "{told}: {notes}");
        }
    }

    #[test]
    fn names_and_countries_are_read_from_get_site_list() {
        let list = r#"<?xml version="1.0" encoding="UTF-8"?><results>
          <SITE ID="11" PRIMARY_KEY="523G0" NAME="BERN-GRID" COUNTRY="Switzerland" COUNTRY_CODE="CH" ROC="NGI_CH" SUBGRID="" GIIS_URL="ldap://b:1/a=b&amp;c"/>
          <SITE ID="12" PRIMARY_KEY="200G0" NAME="ZAGREB-GRID" COUNTRY="Croatia" COUNTRY_CODE="HR" ROC="NGI_HR" SUBGRID="" GIIS_URL=""/>
        </results>"#;
        let reading = read(list.as_bytes(), None).unwrap();
        let names: Vec<_> = reading.sites.iter().map(|site| (site.name.as_str(), site.country.as_str())).collect();
        assert_eq!(names, [("BERN-GRID", "CH"), ("ZAGREB-GRID", "HR")]);
        assert_eq!(reading.notes, [] as [&str; 0]);
    }

    #[test]
    fn a_page_and_half_a_file_are_refused() {
        let page = SITES.replace("<results>", "<results><meta><count>100</count></meta>");
        assert!(matches!(read(page.as_bytes(), None), Err(RegistryProblem::Page)));
        for end in (40..SITES.len() - 1).step_by(7) {
            let half = read(&SITES.as_bytes()[..end], Some(Kind::Gocdb)).unwrap_err().to_string();
            assert!(half.contains("line "), "{half}");
        }
    }
}
