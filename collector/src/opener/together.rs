//! Reports that go the same way: newer than what is known of their hosts, which nobody else in the batch speaks of, and believed.

use std::collections::{BTreeMap, HashMap, HashSet};

use report::hash::Hash;
use report::package::Package;

use super::Opening;
use crate::sender::{self, Believed, Known, Policy};
use crate::store::{Newest, Present, StoreError, Writing};

/// Lists of a site that a new host's may resemble.
const RELATIVES: usize = 3;

/// Stores those reports that go this way, and says which; nothing when another opener was faster with one of them, and then
/// the transaction is not to be committed.
pub(super) async fn store(
    writing: &mut Writing,
    claims: &[Opening<'_>],
    policy: &Policy,
) -> Result<Option<HashSet<Hash>>, StoreError> {
    let candidates = with_lists(writing, claims).await?;
    let candidates = believed(writing, candidates, policy).await?;
    let candidates = newer(writing, candidates).await?;
    if candidates.is_empty() {
        return Ok(Some(HashSet::new()));
    }
    let marks: Vec<_> =
        candidates.iter().map(|(candidate, _)| (candidate.opening.sealed.hash, &candidate.opening.claimed)).collect();
    if !writing.mark_all_opened(&marks).await? {
        return Ok(None);
    }
    let pins: Vec<_> = candidates.iter().filter_map(|(candidate, _)| candidate.first_pin()).collect();
    writing.pin_all_first(&pins).await?;
    let stored = marks.into_iter().map(|(hash, _)| hash).collect();

    let facts: BTreeMap<Hash, String> = candidates
        .iter()
        .map(|(candidate, _)| (Hash::of(candidate.facts.as_bytes()), candidate.facts.clone()))
        .collect();
    let facts = writing.facts_ids(&facts).await?;
    let lists = add_lists(writing, &candidates).await?;
    let mut newest = Vec::with_capacity(candidates.len());
    for (candidate, before) in candidates {
        let missing = || StoreError::Inconsistent("a list or header lines vanished after their insert".to_owned());
        newest.push(Newest {
            of: &candidate.opening.claimed,
            time: candidate.opening.claim.collected.as_second(),
            arrival: candidate.opening.arrival(),
            list: *lists.get(&candidate.list).ok_or_else(missing)?,
            facts: *facts.get(&Hash::of(candidate.facts.as_bytes())).ok_or_else(missing)?,
            before,
        });
    }
    writing.add_newest(newest).await?;
    Ok(Some(stored))
}

/// A report that may go this way.
struct Candidate<'a> {
    opening: &'a Opening<'a>,
    facts: String,
    /// The hash of its package list.
    list: Hash,
    /// Its packages, when no list of that hash is known by its bytes.
    packages: Option<Vec<Package<'a>>>,
    /// The key that its host is to be pinned to.
    first: Option<Hash>,
}

impl<'a> Candidate<'a> {
    fn host(&self) -> (&'a str, &'a str) {
        (self.opening.claimed.site.as_str(), self.opening.claimed.host.as_str())
    }

    fn first_pin(&self) -> Option<((&'a str, &'a str), Hash, i64)> {
        Some((self.host(), self.first?, self.opening.sealed.received))
    }
}

/// The reports of names that stand once in the batch, their lists known or parsed: a list that is known by its bytes is not parsed.
async fn with_lists<'a>(writing: &mut Writing, claims: &'a [Opening<'a>]) -> Result<Vec<Candidate<'a>>, StoreError> {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for opening in claims {
        *times.entry(opening.claimed.host.as_str()).or_default() += 1;
    }
    let is_alone = |opening: &&Opening<'_>| {
        times.get(opening.claimed.host.as_str()) == Some(&1) && opening.sealed.handed_in.is_empty()
    };
    let known = writing.list_ids(&claims.iter().filter(is_alone).map(|opening| opening.lines).collect()).await?;
    let candidate = |opening: &'a Opening<'a>| {
        let facts = opening.claim.facts_text();
        if known.contains_key(&opening.lines) {
            return Some(Candidate { opening, facts, list: opening.lines, packages: None, first: None });
        }
        let (list, packages) = opening.claim.package_list().ok()?;
        Some(Candidate { opening, facts, list, packages: Some(packages), first: None })
    };
    Ok(claims.iter().filter(is_alone).filter_map(candidate).collect())
}

/// Those of them whose sender leaves nothing to ask.
async fn believed<'a>(
    writing: &mut Writing,
    candidates: Vec<Candidate<'a>>,
    policy: &Policy,
) -> Result<Vec<Candidate<'a>>, StoreError> {
    if candidates.is_empty() {
        return Ok(candidates);
    }
    let names: Vec<&str> = candidates.iter().map(|candidate| candidate.host().1).collect();
    let mut pins = writing.pins_of(&names).await?;
    // Of hosts that are known by a key nothing more is asked.
    let is_pinned =
        |of_name: &[sender::Pin], site: &str| of_name.iter().any(|pin| pin.site == site && pin.key.is_some());
    let mut sites_of_new: HashMap<Hash, HashSet<&str>> = HashMap::new();
    let mut new_hosts = Vec::new();
    for candidate in &candidates {
        let (site, name) = candidate.host();
        let of_name = pins.get(name).map(Vec::as_slice).unwrap_or_default();
        if let Some(signer) = candidate.opening.signer.filter(|_| !is_pinned(of_name, site)) {
            sites_of_new.entry(signer.key).or_default().insert(site);
            new_hosts.push((site, name));
        }
    }
    let sites_of_keys = writing.sites_of_keys(&sites_of_new.keys().copied().collect()).await?;
    let rejected_for = writing.rejected_for(&new_hosts).await?;
    let judged = |mut candidate: Candidate<'a>| {
        let (site, name) = candidate.host();
        let of_name = pins.remove(name).unwrap_or_default();
        let has_row = of_name.iter().any(|pin| pin.site == site);
        let key = candidate.opening.signer.map(|signer| signer.key);
        let of_key = key.and_then(|key| sites_of_keys.get(&key).cloned()).unwrap_or_default();
        match sender::judge(site, candidate.opening.signer, &Known { of_name, of_key }, policy) {
            Ok(Believed::AsKnown) => Some(candidate),
            // A key that comes from two sites at once is for one of them: they are taken in turn.
            Ok(Believed::First(key)) if !has_row && sites_of_new.get(&key).is_none_or(|sites| sites.len() == 1) => {
                candidate.first = Some(key);
                (!rejected_for.contains(&(site, name))).then_some(candidate)
            }
            _ => None,
        }
    };
    Ok(candidates.into_iter().filter_map(judged).collect())
}

/// Those of them that are newer than all that their host has said, with what it said last.
async fn newer<'a>(
    writing: &mut Writing,
    candidates: Vec<Candidate<'a>>,
) -> Result<Vec<(Candidate<'a>, Option<Present>)>, StoreError> {
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let hosts: Vec<_> = candidates.iter().map(Candidate::host).collect();
    let mut presents = writing.presents(&hosts).await?;
    let without: Vec<_> = hosts.into_iter().filter(|host| !presents.contains_key(host)).collect();
    let without_present = writing.hosts_among(&without).await?;
    let newer = |candidate: Candidate<'a>| match presents.remove(&candidate.host()) {
        Some(present) if candidate.opening.claim.collected.as_second() > present.last_news() => {
            Some((candidate, Some(present)))
        }
        Some(_) => None,
        None => (!without_present.contains_key(&candidate.host())).then_some((candidate, None)),
    };
    Ok(candidates.into_iter().filter_map(newer).collect())
}

/// The ids of the lists of all of them, those that are new made now.
async fn add_lists(
    writing: &mut Writing,
    candidates: &[(Candidate<'_>, Option<Present>)],
) -> Result<HashMap<Hash, i64>, StoreError> {
    let mut lists = writing.list_ids(&candidates.iter().map(|(candidate, _)| candidate.list).collect()).await?;
    let new = || {
        candidates.iter().filter_map(|(candidate, present)| Some((candidate, present, candidate.packages.as_deref()?)))
    };
    let unknown: Vec<&Package<'_>> = new()
        .filter(|(candidate, ..)| !lists.contains_key(&candidate.list))
        .flat_map(|(.., packages)| packages)
        .collect();
    writing.learn_packages(&unknown).await?;
    let mut of_site: HashMap<&str, Vec<i64>> = HashMap::new();
    for (candidate, present, packages) in new() {
        if lists.contains_key(&candidate.list) {
            continue;
        }
        let (site, _) = candidate.host();
        let ids = writing.package_ids(packages).await?;
        let relatives = match (present, of_site.get(site)) {
            (Some(present), _) => vec![present.list()],
            (None, Some(lists)) => lists.clone(),
            (None, None) => writing.newest_lists(site, RELATIVES).await?,
        };
        let list = writing.add_list(candidate.list, &ids, &relatives).await?;
        lists.insert(candidate.list, list);
        if present.is_none() {
            let known = of_site.entry(site).or_insert(relatives);
            known.insert(0, list);
            known.truncate(RELATIVES);
        }
    }
    Ok(lists)
}
