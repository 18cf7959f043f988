//! OSG topology's sites: `rgsummary/xml`, whose resource groups are what WLCG calls sites (schema: rgsummary.xsd).

use super::reading::{Gathering, Site};
use super::{Kind, RegistryProblem};
use crate::xml::{Step, Walker};

/// A resource group, as text.
#[derive(Default)]
struct Said {
    group: String,
    site: String,
    country: String,
    disabled: String,
    contact_type: String,
    contact: String,
    security: String,
}

pub(super) fn read(text: &[u8], gathering: &mut Gathering) -> Result<(), RegistryProblem> {
    let mut walker = Walker::new(text);
    let mut said = Said::default();
    loop {
        match (walker.step()?, walker.path()) {
            (Step::End, _) => return Ok(()),
            (Step::Open, "/ResourceSummary/ResourceGroup") => said = Said::default(),
            (Step::Close, "/ResourceSummary/ResourceGroup") => add(std::mem::take(&mut said), gathering),
            (Step::Close, path) => {
                let text = match path.strip_prefix("/ResourceSummary/ResourceGroup/") {
                    Some("GroupName") => &mut said.group,
                    Some("Disable") => &mut said.disabled,
                    Some("Site/Name") => &mut said.site,
                    Some("Site/Country") => &mut said.country,
                    Some("Resources/Resource/ContactLists/ContactList/ContactType") => &mut said.contact_type,
                    // Only those whom OSG knows are given addresses.
                    Some("Resources/Resource/ContactLists/ContactList/Contacts/Contact/Email") => {
                        let kind = said.contact_type.to_ascii_lowercase();
                        if kind.contains("security") {
                            said.security.extend([" ", walker.text()]);
                        } else if kind.contains("administrative") {
                            said.contact.extend([" ", walker.text()]);
                        }
                        continue;
                    }
                    _ => continue,
                };
                walker.text().clone_into(text);
            }
            (Step::Open, _) => {
                if let Some(found) = walker.foreign_root("ResourceSummary") {
                    return Err(RegistryProblem::Root { kind: Kind::Osg, found, expected: "ResourceSummary" });
                }
            }
        }
    }
}

fn add(said: Said, gathering: &mut Gathering) {
    if said.disabled.eq_ignore_ascii_case("true") {
        gathering.closed();
        return;
    }
    let contact = gathering.mails(&said.group, &said.contact);
    let security = gathering.mails(&said.group, &said.security);
    let site = Site { name: said.group, country: said.country, contact, security, ..Site::default() };
    // A site is the place of several groups; hosts may go by its name too where it is one that can be reported.
    if said.site != site.name && report::site::check(&said.site).is_ok() {
        gathering.add(Site { name: said.site, ..site.clone() });
    }
    gathering.add(site);
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    /// The shape of `rgsummary/xml`, with invented sites.
    const GROUPS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<ResourceSummary xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="https://topology.opensciencegrid.org/schema/rgsummary.xsd">
  <ResourceGroup>
    <GridType>OSG Production Resource</GridType><GroupID>7</GroupID><GroupName>PRAIRIE_T2</GroupName><Disable>False</Disable>
    <Facility><ID>1</ID><Name>University of the Prairie</Name></Facility>
    <Site><ID>2</ID><Name>Prairie</Name><City>Prairie</City><Country>United States</Country></Site>
    <SupportCenter><ID>3</ID><Name>USATLAS</Name></SupportCenter>
    <GroupDescription>(No description)</GroupDescription>
    <Resources><Resource>
      <ID>9</ID><Name>PRAIRIE_CE</Name><Active>True</Active><Disable>True</Disable>
      <ContactLists>
        <ContactList><ContactType>Administrative Contact</ContactType><Contacts>
          <Contact><Name>Ada</Name><Email>ada@prairie.example.org</Email><ContactRank>Primary</ContactRank></Contact>
          <Contact><Name>Bob</Name><ContactRank>Secondary</ContactRank></Contact>
        </Contacts></ContactList>
        <ContactList><ContactType>Security Contact</ContactType><Contacts>
          <Contact><Name>Eve</Name><Email>eve@prairie.example.org</Email><ContactRank>Primary</ContactRank></Contact>
        </Contacts></ContactList>
      </ContactLists>
    </Resource></Resources>
  </ResourceGroup>
  <ResourceGroup>
    <GroupName>PRAIRIE_T3</GroupName><Disable>False</Disable><Site><Name>Prairie</Name><Country>United States</Country></Site>
  </ResourceGroup>
  <ResourceGroup>
    <GroupName>OLD_T3</GroupName><Disable>True</Disable><Site><Name>Old Place</Name></Site>
  </ResourceGroup>
</ResourceSummary>"#;

    #[test]
    fn groups_and_their_places_are_sites() {
        let reading = read(GROUPS.as_bytes(), None).unwrap();
        assert_eq!(reading.kind, Kind::Osg);
        let [group, other, place] = &reading.sites[..] else { panic!("{:?}", reading.sites) };
        assert_eq!(
            (group.name.as_str(), other.name.as_str(), place.name.as_str()),
            ("PRAIRIE_T2", "PRAIRIE_T3", "Prairie")
        );
        for site in [group, place] {
            assert_eq!(site.country, "United States");
            assert_eq!(
                (&site.contact, &site.security),
                (&vec!["ada@prairie.example.org".to_owned()], &vec!["eve@prairie.example.org".to_owned()])
            );
        }
        assert_eq!((other.contact.len(), reading.notes), (0, vec!["1 closed sites".to_owned()]));
    }

    #[test]
    fn half_a_file_is_refused() {
        for end in (220..GROUPS.len() - 1).step_by(11) {
            let half = read(&GROUPS.as_bytes()[..end], Some(Kind::Osg)).unwrap_err().to_string();
            assert!(half.contains("line "), "{half}");
        }
    }
}
