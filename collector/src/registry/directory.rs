//! All that is known of sites: what every registry and the operator say, as one answer for each site.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{Kind, Site, near, outside};

/// Where a description of a site comes from; the first of several that knows something is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The operator.
    Declared,
    /// A registry.
    Registry(Kind),
}

impl Source {
    /// Every source, in the order in which they are believed.
    pub const ALL: [Source; 4] =
        [Source::Declared, Source::Registry(Kind::Gocdb), Source::Registry(Kind::Cric), Source::Registry(Kind::Osg)];

    /// The word in the database and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Declared => "declared",
            Source::Registry(kind) => kind.as_str(),
        }
    }
}

/// A site as all sources together describe it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteEntry {
    /// Who knows it, in the order in which they are believed.
    pub sources: Vec<Source>,
    /// Country, tier, contacts and other names of the first source that has them; the networks of all.
    pub site: Site,
}

impl SiteEntry {
    /// Whether an address is known to lie outside of the site's networks.
    #[must_use]
    pub fn is_outside(&self, source: &str) -> bool {
        outside(&self.site.prefixes, source)
    }
}

/// Every site that a registry or the operator names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    sites: BTreeMap<String, SiteEntry>,
    any_registry: bool,
}

impl Directory {
    /// Joins what each source says.
    #[must_use]
    pub fn new(mut said: Vec<(Source, Site)>) -> Self {
        said.sort_by_key(|(source, _)| *source);
        let any_registry = said.iter().any(|(source, _)| *source != Source::Declared);
        let mut sites: BTreeMap<String, SiteEntry> = BTreeMap::new();
        for (source, site) in said {
            let entry = sites.entry(site.name.clone()).or_default();
            entry.sources.push(source);
            entry.site.name = site.name;
            first(&mut entry.site.country, site.country, String::is_empty);
            // GOCDB's tier is optional and mostly missing or old: CRIC's is the one that WLCG keeps.
            let better = source == Source::Registry(Kind::Cric) && !entry.sources.contains(&Source::Declared);
            if better && !site.tier.is_empty() {
                entry.site.tier = site.tier;
            } else {
                first(&mut entry.site.tier, site.tier, String::is_empty);
            }
            first(&mut entry.site.contact, site.contact, Vec::is_empty);
            first(&mut entry.site.security, site.security, Vec::is_empty);
            entry.site.prefixes.extend(site.prefixes);
            entry.site.aliases.extend(site.aliases);
        }
        for entry in sites.values_mut() {
            entry.site.prefixes = IpNet::aggregate(&entry.site.prefixes);
            entry.site.aliases.sort();
            entry.site.aliases.dedup();
        }
        Directory { sites, any_registry }
    }

    /// Whether a site's reports are believed: those of sites that somebody names, and all of them before any registry is imported.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        !self.any_registry || self.sites.contains_key(name)
    }

    /// What is known of a site.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SiteEntry> {
        self.sites.get(name)
    }

    /// Every site, by name.
    pub fn iter(&self) -> impl Iterator<Item = &SiteEntry> {
        self.sites.values()
    }

    /// Names near to one that is not known, nearest first, at most three.
    #[must_use]
    pub fn near(&self, name: &str) -> Vec<&str> {
        near::near(name, self.sites.iter().map(|(name, entry)| (name.as_str(), entry.site.aliases.as_slice())))
    }
}

fn first<T>(known: &mut T, new: T, is_empty: impl Fn(&T) -> bool) {
    if is_empty(known) {
        *known = new;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{join_prefixes, split_prefixes};
    use super::*;

    fn site(name: &str, country: &str, tier: &str, contact: &str, prefixes: &str) -> Site {
        let contact = contact.split_whitespace().map(str::to_owned).collect();
        Site {
            name: name.to_owned(),
            country: country.to_owned(),
            tier: tier.to_owned(),
            contact,
            prefixes: split_prefixes(prefixes),
            ..Site::default()
        }
    }

    #[test]
    fn several_registries_make_one_answer() {
        let [declared, gocdb, cric, osg] = Source::ALL;
        let directory = Directory::new(vec![
            (osg, site("A", "United States", "", "o@a.org", "")),
            (cric, site("A", "US", "1", "c@a.org", "192.0.2.0/25 2001:db8::/48")),
            (gocdb, site("A", "", "2", "g@a.org h@a.org", "192.0.2.128/25")),
            (cric, site("B", "CH", "1", "", "")),
            (declared, site("B", "", "3", "me@b.org", "")),
        ]);
        let a = directory.get("A").unwrap();
        assert_eq!(a.sources, [gocdb, cric, osg]);
        assert_eq!((a.site.country.as_str(), a.site.tier.as_str()), ("US", "1"));
        assert_eq!(a.site.contact, ["g@a.org", "h@a.org"]);
        assert_eq!(join_prefixes(&a.site.prefixes), "192.0.2.0/24 2001:db8::/48");
        let b = directory.get("B").unwrap();
        assert_eq!(
            (b.sources.as_slice(), b.site.tier.as_str(), b.site.contact.as_slice()),
            (&[declared, cric][..], "3", &["me@b.org".to_owned()][..])
        );
        assert!(a.is_outside("192.0.3.1") && !a.is_outside("192.0.2.200") && !b.is_outside("192.0.3.1"));
        assert!(directory.takes("A") && directory.takes("B") && !directory.takes("C"));
        let only_declared = Directory::new(vec![(declared, site("B", "", "", "", ""))]);
        assert!(only_declared.takes("C") && Directory::default().takes("C"), "a declaration alone shuts nobody out");
    }
}
