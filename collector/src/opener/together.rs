//! Reports that go the same way: newer than what is known of their hosts, which nobody else in the batch speaks of, and believed.

use std::collections::{BTreeMap, HashMap, HashSet};

use report::hash::Hash;

use super::Opening;
use crate::sender::{self, Believed, Known, Policy};
use crate::store::{Looked, Newest, Present, StoreError, Writing};

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
    packages: Option<Looked<'a>>,
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

/// The reports of names that stand once in the batch, with their lists: what is known of them is not parsed.
async fn with_lists<'a>(writing: &mut Writing, claims: &'a [Opening<'a>]) -> Result<Vec<Candidate<'a>>, StoreError> {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for opening in claims {
        *times.entry(opening.claimed.host.as_str()).or_default() += 1;
    }
    let is_alone = |opening: &&Opening<'_>| {
        times.get(opening.claimed.host.as_str()) == Some(&1) && opening.sealed.handed_in.is_empty()
    };
    let known = writing.list_ids(&claims.iter().filter(is_alone).map(|opening| opening.lines).collect()).await?;
    let mut candidates = Vec::with_capacity(claims.len());
    for opening in claims.iter().filter(is_alone) {
        let facts = opening.claim.facts_text();
        let (list, packages) = match known.contains_key(&opening.lines) {
            true => (opening.lines, None),
            false => match writing.look_up_lines(&opening.claim.packages).filter(|packages| !packages.is_empty()) {
                Some(packages) => (opening.lines, Some(packages)),
                // In another order or form than the canonical one.
                None => match opening.claim.package_list() {
                    Ok((list, packages)) => (list, Some(packages.into())),
                    Err(_) => continue,
                },
            },
        };
        candidates.push(Candidate { opening, facts, list, packages, first: None });
    }
    Ok(candidates)
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
    let digests = candidates.iter().map(|(candidate, _)| candidate.list).collect();
    let mut lists = writing.list_ids(&digests).await?;
    let mut seen = HashSet::new();
    let mut new = Vec::new();
    for (candidate, present) in candidates {
        let digest = candidate.list;
        if let Some(packages) =
            candidate.packages.as_ref().filter(|_| !lists.contains_key(&digest) && seen.insert(digest))
        {
            new.push((candidate.host().0, digest, packages, present.as_ref().map(Present::list)));
        }
    }
    if new.is_empty() {
        return Ok(lists);
    }
    writing.learn_packages(&new.iter().map(|(_, _, packages, _)| *packages).collect::<Vec<_>>()).await?;
    let mut of_sites: HashMap<&str, Vec<i64>> = HashMap::new();
    for (site, ..) in new.iter().filter(|(.., own)| own.is_none()) {
        if !of_sites.contains_key(site) {
            of_sites.insert(site, writing.newest_lists(site, RELATIVES).await?);
        }
    }
    let of_hosts = new.iter().filter_map(|(.., own)| *own);
    let lineages = writing.lineages_of(&of_sites.values().flatten().copied().chain(of_hosts).collect()).await?;
    let mut adding = writing.new_lists(&lineages.values().copied().collect()).await?;
    let lineages_of = |lists: &[i64]| lists.iter().filter_map(|list| lineages.get(list).copied()).collect::<Vec<_>>();
    let mut of_sites: HashMap<&str, Vec<i64>> =
        of_sites.into_iter().map(|(site, lists)| (site, lineages_of(&lists))).collect();
    for (site, digest, packages, own) in new {
        let beside = match own {
            Some(own) => lineages_of(&[own]),
            None => of_sites.get(site).cloned().unwrap_or_default(),
        };
        let lineage = writing.add_to(&mut adding, digest, writing.ids_of(packages)?, &beside).await?;
        if let Some(of_site) = of_sites.get_mut(site).filter(|_| own.is_none()) {
            of_site.retain(|known| *known != lineage);
            of_site.insert(0, lineage);
            of_site.truncate(RELATIVES);
        }
    }
    lists.extend(writing.put_lists(adding).await?);
    Ok(lists)
}
