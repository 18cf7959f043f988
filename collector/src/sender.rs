//! Whether a report is believed to come from its host: by the key that the host was first seen with.
//!
//! A host is a name at a site. The first signed report of a host pins its key; from then on no other key, and no report
//! without one, becomes part of its history unless a person approves it. Hosts of one site may share a key, as cloned
//! images do; a key that signs for one site does not sign for another by itself.

use report::hash::Hash;
use report::sealed::Signer;
use serde::Deserialize;
use std::collections::BTreeMap;

use crate::problem::Problem;
use crate::store::InboxState;

/// What becomes of reports without a signature, of hosts that have never signed one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unsigned {
    /// They become history.
    #[default]
    Accept,
    /// A person decides for each host.
    Hold,
    /// They never become history.
    Refuse,
}

/// What becomes of reports without a signature, site by site.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// At a site that is not named.
    pub unsigned: Unsigned,
    /// At these sites.
    pub unsigned_at: BTreeMap<String, Unsigned>,
}

impl Policy {
    fn at(&self, site: &str) -> Unsigned {
        self.unsigned_at.get(site).copied().unwrap_or(self.unsigned)
    }
}

/// A host that is pinned to a key, or to reports without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The site.
    pub site: String,
    /// The key; `None` for a host that was allowed to go without.
    pub key: Option<Hash>,
}

/// What the collector knows before it reads a report of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The pins of all hosts of this name.
    pub of_name: Vec<Pin>,
    /// The sites that the report's key signs for.
    pub of_key: Vec<String>,
}

/// A report that is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Believed {
    /// Nothing new about its sender.
    AsKnown,
    /// The host's first signed report: its key is to be pinned.
    First(Hash),
}

/// Judges a report of a host at `site` by who signed it.
///
/// # Errors
/// [`Doubt`] when a person has to decide, or has decided already for the whole site.
pub fn judge(site: &str, signer: Option<&Signer>, known: &Known, policy: &Policy) -> Result<Believed, Doubt> {
    let here = known.of_name.iter().find(|pin| pin.site == site);
    let Some(signer) = signer else { return judge_unsigned(site, here, known, policy) };
    match here.and_then(|pin| pin.key) {
        Some(pinned) if pinned == signer.key => return Ok(Believed::AsKnown),
        Some(pinned) => return Err(Doubt::KeyChanged { signer: signer.clone(), pinned }),
        None => {}
    }
    if known.of_key.is_empty() || known.of_key.iter().any(|signs_at| signs_at == site) {
        return Ok(Believed::First(signer.key));
    }
    Err(Doubt::KeyOfOtherSite { signer: signer.clone(), sites: listed(&known.of_key) })
}

/// Judges a report that was handed in by somebody who may report for its site.
///
/// That is as good as a signature where there is none to be had; a host that signs for itself is still known by its key
/// alone, and a host of the same name elsewhere is another one.
///
/// # Errors
/// [`Doubt::SignatureMissing`] for a host that is known by a key.
pub fn judge_handed_in(site: &str, known: &Known) -> Result<Believed, Doubt> {
    match known.of_name.iter().find(|pin| pin.site == site).and_then(|pin| pin.key) {
        Some(pinned) => Err(Doubt::SignatureMissing { pinned }),
        None => Ok(Believed::AsKnown),
    }
}

fn judge_unsigned(site: &str, here: Option<&Pin>, known: &Known, policy: &Policy) -> Result<Believed, Doubt> {
    match here.map(|pin| pin.key) {
        Some(Some(pinned)) => return Err(Doubt::SignatureMissing { pinned }),
        Some(None) => return Ok(Believed::AsKnown),
        None => {}
    }
    let elsewhere: Vec<&str> =
        known.of_name.iter().filter(|pin| pin.key.is_some()).map(|pin| pin.site.as_str()).collect();
    if !elsewhere.is_empty() {
        return Err(Doubt::SignedElsewhere { sites: listed(&elsewhere) });
    }
    match policy.at(site) {
        Unsigned::Accept => Ok(Believed::AsKnown),
        Unsigned::Hold => Err(Doubt::Unsigned),
        Unsigned::Refuse => Err(Doubt::UnsignedRefused),
    }
}

fn listed<S: AsRef<str>>(sites: &[S]) -> String {
    const MOST: usize = 3;
    let named: Vec<&str> = sites.iter().take(MOST).map(AsRef::as_ref).collect();
    let more = sites.len().saturating_sub(MOST);
    if more == 0 { named.join(", ") } else { format!("{} and {more} more", named.join(", ")) }
}

/// Why a report is not believed to come from its host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Another key than the host's.
    #[error("signed by key {} ({}), the host is known by key {pinned}", signer.key, signer.subject)]
    KeyChanged {
        /// Who signed.
        signer: Signer,
        /// The host's key.
        pinned: Hash,
    },
    /// A new host's report, with a key that signs for hosts of other sites.
    #[error("signed by key {} ({}), which signs for hosts of {sites}", signer.key, signer.subject)]
    KeyOfOtherSite {
        /// Who signed.
        signer: Signer,
        /// The sites, for people.
        sites: String,
    },
    /// No signature, and a host of this name signs for other sites.
    #[error("not signed, and a host of this name signs its reports at {sites}")]
    SignedElsewhere {
        /// The sites, for people.
        sites: String,
    },
    /// No signature, and this host signs.
    #[error("not signed, and the host is known by key {pinned}")]
    SignatureMissing {
        /// The host's key.
        pinned: Hash,
    },
    /// No signature, and this site's hosts must be approved without.
    #[error("not signed: hosts of this site that do not sign wait for approval")]
    Unsigned,
    /// No signature, and this site's hosts must have one.
    #[error("not signed: reports of this site are refused without a signature")]
    UnsignedRefused,
    /// A person has decided against this sender for this host before.
    #[error(
        "{told}; that holds for whatever this sender sends for this host, until one of its reports is let wait again"
    )]
    Rejected {
        /// What was said then.
        told: String,
        /// The trouble then.
        problem: Problem,
    },
}

impl Doubt {
    /// The kind of trouble.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Doubt::KeyChanged { .. } => Problem::KeyChanged,
            Doubt::KeyOfOtherSite { .. } | Doubt::SignedElsewhere { .. } => Problem::SiteChanged,
            Doubt::SignatureMissing { .. } => Problem::SignatureMissing,
            Doubt::Unsigned | Doubt::UnsignedRefused => Problem::Unsigned,
            Doubt::Rejected { problem, .. } => *problem,
        }
    }

    /// Whether a person is to decide, or somebody or the site's policy has.
    #[must_use]
    pub fn state(&self) -> InboxState {
        match self {
            Doubt::UnsignedRefused | Doubt::Rejected { .. } => InboxState::Rejected,
            _ => InboxState::Held,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_report_for_a_site_speaks_for_hosts_without_a_key() {
        let pin = |site: &str, key| Pin { site: site.to_owned(), key };
        let known = |of_name| Known { of_name, of_key: Vec::new() };
        let key = Hash::of(b"key");
        for pins in [vec![], vec![pin("A", None)], vec![pin("B", Some(key))]] {
            assert_eq!(judge_handed_in("A", &known(pins)), Ok(Believed::AsKnown));
        }
        let of_key = judge_handed_in("A", &known(vec![pin("A", Some(key))]));
        assert_eq!(of_key, Err(Doubt::SignatureMissing { pinned: key }));
    }

    fn signer(name: &str) -> Signer {
        Signer { key: Hash::of(name.as_bytes()), subject: format!("CN={name}") }
    }

    fn pin(site: &str, key: Option<&str>) -> Pin {
        Pin { site: site.to_owned(), key: key.map(|name| signer(name).key) }
    }

    /// What is said of a report of a host at site A.
    fn told(by: Option<&str>, of_name: &[Pin], of_key: &[&str], policy: &Policy) -> Result<Believed, Problem> {
        let known = Known { of_name: of_name.to_vec(), of_key: of_key.iter().map(|site| (*site).to_owned()).collect() };
        judge("A", by.map(signer).as_ref(), &known, policy).map_err(|doubt| {
            assert_eq!(doubt.state(), InboxState::Held, "{doubt}");
            doubt.problem()
        })
    }

    #[test]
    fn a_signed_report_is_believed_by_its_key_alone() {
        let told = |by, of_name: &[Pin], of_key: &[&str]| told(Some(by), of_name, of_key, &Policy::default());
        let first = Ok(Believed::First(signer("k").key));
        assert_eq!(told("k", &[], &[]), first);
        assert_eq!(told("k", &[], &["A"]), first, "cloned hosts of a site share a key");
        assert_eq!(told("k", &[], &["A", "B"]), first);
        assert_eq!(told("k", &[pin("A", None)], &[]), first, "a host begins to sign");
        assert_eq!(told("k", &[pin("B", Some("other"))], &[]), first, "short names are those of several sites");
        assert_eq!(told("k", &[pin("A", Some("k"))], &["A"]), Ok(Believed::AsKnown));
        assert_eq!(told("k", &[pin("A", Some("other"))], &[]), Err(Problem::KeyChanged));
        assert_eq!(told("k", &[pin("A", Some("other"))], &["A"]), Err(Problem::KeyChanged));
        assert_eq!(told("k", &[pin("B", Some("k"))], &["B"]), Err(Problem::SiteChanged));
    }

    #[test]
    fn an_unsigned_report_never_stands_over_a_signed_one() {
        let hold = Policy { unsigned: Unsigned::Hold, ..Policy::default() };
        let but_here = Policy { unsigned_at: [("A".to_owned(), Unsigned::Accept)].into(), ..hold.clone() };
        let accept = Policy::default();
        for policy in [&accept, &hold, &but_here] {
            assert_eq!(told(None, &[pin("A", Some("k"))], &[], policy), Err(Problem::SignatureMissing));
            assert_eq!(told(None, &[pin("B", Some("k"))], &[], policy), Err(Problem::SiteChanged));
            assert_eq!(told(None, &[pin("A", None), pin("B", Some("k"))], &[], policy), Ok(Believed::AsKnown));
        }
        for of_name in [&[][..], &[pin("B", None)]] {
            assert_eq!(told(None, of_name, &[], &accept), Ok(Believed::AsKnown));
            assert_eq!(told(None, of_name, &[], &but_here), Ok(Believed::AsKnown));
            assert_eq!(told(None, of_name, &[], &hold), Err(Problem::Unsigned));
        }
        let refuse = Policy { unsigned: Unsigned::Refuse, ..Policy::default() };
        let doubt = judge("A", None, &Known::default(), &refuse).unwrap_err();
        assert_eq!((doubt.state(), doubt.problem()), (InboxState::Rejected, Problem::Unsigned));
        assert_eq!(told(None, &[pin("A", None)], &[], &refuse), Ok(Believed::AsKnown), "a person has allowed it");
    }
}
