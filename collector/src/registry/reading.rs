//! What a registry's file says: its sites, and what was left out of it.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{Kind, RegistryProblem, cric, gocdb, mail, osg, prefix};

/// A site as one registry describes it; what it does not say is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Site {
    /// Name that hosts report, such as `CERN-PROD`.
    pub name: String,
    /// Two-letter code where the registry has one, else its name.
    pub country: String,
    /// Tier, `0` to `3`.
    pub tier: String,
    /// Mail addresses of the administrators.
    pub contact: Vec<String>,
    /// Mail addresses of the security team.
    pub security: Vec<String>,
    /// Networks of its hosts.
    pub prefixes: Vec<IpNet>,
    /// Names that experiments give it, such as `T2_CH_CERN`: not what hosts should report, but a hint.
    pub aliases: Vec<String>,
}

/// What was read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Which registry it is of.
    pub kind: Kind,
    /// By name, each once.
    pub sites: Vec<Site>,
    /// What was left out, for the operator.
    pub notes: Vec<String>,
}

/// Reads a registry's answer; without a kind it is told from how the text begins.
///
/// # Errors
/// [`RegistryProblem`] with the place.
pub fn read(text: &[u8], kind: Option<Kind>) -> Result<Reading, RegistryProblem> {
    let kind = match kind {
        Some(kind) => kind,
        None => recognise(text)?,
    };
    let mut gathering = Gathering::default();
    match kind {
        Kind::Gocdb => gocdb::read(text, &mut gathering)?,
        Kind::Cric => cric::read(text, &mut gathering)?,
        Kind::Osg => osg::read(text, &mut gathering)?,
    }
    gathering.finish(kind)
}

fn recognise(text: &[u8]) -> Result<Kind, RegistryProblem> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text).trim_ascii_start();
    let head = String::from_utf8_lossy(text.get(..text.len().min(4096)).unwrap_or_default()).to_ascii_lowercase();
    let at = |tag: &str| head.find(tag);
    if head.starts_with('{') {
        return Ok(Kind::Cric);
    }
    if !head.starts_with('<') {
        return Err(RegistryProblem::Unknown);
    }
    match (at("<results"), at("<resourcesummary"), at("<html").or(at("<!doctype html"))) {
        (None, None, Some(_)) => Err(RegistryProblem::WebPage),
        (Some(_), None, _) => Ok(Kind::Gocdb),
        (None, Some(_), _) => Ok(Kind::Osg),
        _ => Err(RegistryProblem::Unknown),
    }
}

/// Longer texts are no country and no tier.
const LONGEST_WORD: usize = 60;

/// So many notes are told one by one.
const NOTES: usize = 20;

/// Sites on their way in.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    sites: BTreeMap<String, Site>,
    notes: Vec<String>,
    untold: usize,
    closed: usize,
}

impl Gathering {
    /// Takes a site; of one that comes twice both count.
    pub(super) fn add(&mut self, mut site: Site) {
        if let Err(error) = report::site::check(&site.name) {
            self.note(error.to_string());
            return;
        }
        site.country = word(&site.country);
        site.tier = word(&site.tier);
        let known = self.sites.entry(site.name.clone()).or_insert_with(|| Site { name: site.name, ..Site::default() });
        for (known, new) in [(&mut known.country, site.country), (&mut known.tier, site.tier)] {
            if known.is_empty() {
                *known = new;
            }
        }
        join(&mut known.contact, site.contact);
        join(&mut known.security, site.security);
        join(&mut known.prefixes, site.prefixes);
        join(&mut known.aliases, site.aliases);
    }

    /// Notes a site that is no more.
    pub(super) fn closed(&mut self) {
        self.closed += 1;
    }

    /// Reads mail addresses, as many as the text holds.
    pub(super) fn mails(&mut self, site: &str, text: &str) -> Vec<String> {
        let (mails, wrong) = mail::split(text);
        for wrong in wrong {
            self.note(format!("{}: mail address \"{}\"", shown(site), shown(&wrong)));
        }
        mails
    }

    /// Reads networks, as many as the text holds.
    pub(super) fn prefixes(&mut self, site: &str, text: &str) -> Vec<IpNet> {
        let (prefixes, wrong) = prefix::read_list(text);
        for wrong in wrong {
            self.note(format!("{}: network \"{}\"", shown(site), shown(&wrong)));
        }
        prefixes
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < NOTES {
            self.notes.push(note);
        } else {
            self.untold += 1;
        }
    }

    fn finish(mut self, kind: Kind) -> Result<Reading, RegistryProblem> {
        if self.sites.is_empty() {
            return Err(RegistryProblem::NoSites);
        }
        if self.untold > 0 {
            self.notes.push(format!("{} more", self.untold));
        }
        if self.closed > 0 {
            self.notes.push(format!("{} closed sites", self.closed));
        }
        Ok(Reading { kind, sites: self.sites.into_values().collect(), notes: self.notes })
    }
}

fn join<T: PartialEq>(known: &mut Vec<T>, new: Vec<T>) {
    for value in new {
        if !known.contains(&value) {
            known.push(value);
        }
    }
}

fn word(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(LONGEST_WORD).collect()
}

fn shown(text: &str) -> String {
    text.chars().take(LONGEST_WORD).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_told_from_one_another_and_from_other_files() {
        for (text, told) in [
            ("<!DOCTYPE html><html><title>Sign in</title>", "web page"),
            ("<?xml version=\"1.0\"?><html xmlns=\"x\">", "web page"),
            ("name,country\n", "no registry's answer"),
            ("<feed/>", "no registry's answer"),
            ("", "no registry's answer"),
            ("{\"error\": \"no such query\"}", "rcsite/query"),
            ("{}", "names no site"),
            ("<results></results>", "names no site"),
        ] {
            let error = read(text.as_bytes(), None).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
        let error = read(b"<results/>", Some(Kind::Osg)).unwrap_err().to_string();
        assert!(error.contains("results") && error.contains("ResourceSummary"), "{error}");
        let utf16: Vec<u8> = "\u{feff}<results/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(read(&utf16, None).is_err() && read(&utf16, Some(Kind::Gocdb)).is_err());
    }
}
