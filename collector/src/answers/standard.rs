//! What is asked of hosts on a day: the references of some lists that are in force then, by product and package.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use jiff::tz::Offset;
use report::hash::Hash;
use rustc_hash::FxHashMap;

use super::facts::Facts;
use super::lines::Lines;
use super::locked;
use crate::compare::{self, Installed, State, Verdict};
use crate::reference::{Reference, ReferenceList};
use report::package::Package;

/// References in force, with every judgement that was made by them.
#[derive(Debug)]
pub struct Standard {
    /// The lists that they are from.
    pub lists: Vec<Arc<ReferenceList>>,
    /// Products that something is asked of, in order.
    pub products: Vec<String>,
    /// By product and package.
    asked: Vec<Asked>,
    /// Where a package's name stands in `asked`: several products may ask for one.
    by_name: HashMap<String, Vec<usize>>,
    at: Timestamp,
    digest: Hash,
    judged: Mutex<Judgements>,
    /// What was added up of whole sites.
    pub(super) lines: Lines,
}

#[derive(Debug)]
struct Asked {
    /// Index in `products`.
    product: usize,
    package: String,
    references: Vec<Reference>,
}

/// What was judged, by ids of a package list and of header lines.
pub type Judgements = FxHashMap<(i64, i64), Arc<Judged>>;

/// What a standard says of one package list with one set of header lines, however old the news.
#[derive(Debug, Default)]
pub struct Judged {
    /// One for each package that is asked for and installed, by product and package.
    pub packages: Vec<Arc<ComparedProduct>>,
    /// The worst state of each product that is installed, by its index in [`Standard::products`].
    pub products: Vec<(usize, State)>,
}

/// A package of a product on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedProduct {
    /// The product.
    pub product: String,
    /// The package.
    pub package: String,
    /// Its versions on the host.
    pub installed: Vec<String>,
    /// How it stands.
    pub verdict: Verdict,
}

impl ComparedProduct {
    /// The same with the age of the news: without recent ones it is not known how the package stands.
    #[must_use]
    pub fn with_age(&self, last_news: Timestamp, at: Timestamp, stale_after_days: u32) -> Self {
        let verdict = compare::with_staleness(self.verdict.clone(), last_news, at, stale_after_days);
        ComparedProduct { verdict, ..self.clone() }
    }
}

impl Judged {
    /// The worst state of all; none when nothing that is asked for is installed.
    #[must_use]
    pub fn worst(&self) -> Option<State> {
        self.products.iter().map(|(_, state)| *state).max()
    }
}

/// Most judgements that are kept, of one standard and of all; a fleet of 100,000 hosts needs some 10,000 for each.
pub(super) const JUDGED: usize = 400_000;

impl Standard {
    /// The references of `lists` that are in force at a time.
    #[must_use]
    pub fn new(lists: Vec<Arc<ReferenceList>>, at: Timestamp) -> Self {
        let today = Offset::UTC.to_datetime(at).date();
        let mut asked: BTreeMap<(&str, &str), Vec<Reference>> = BTreeMap::new();
        for reference in lists.iter().flat_map(|list| &list.references) {
            if reference.since.is_none_or(|since| since <= today) {
                asked.entry((&reference.product, &reference.package)).or_default().push(reference.clone());
            }
        }
        // A list that was read can be written.
        let digest = Hash::of(&serde_json::to_vec(&asked.values().collect::<Vec<_>>()).unwrap_or_default());
        let mut products: Vec<String> = Vec::new();
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        let mut of_packages = Vec::with_capacity(asked.len());
        for (number, ((product, package), references)) in asked.into_iter().enumerate() {
            if products.last().is_none_or(|last| last != product) {
                products.push(product.to_owned());
            }
            by_name.entry(package.to_owned()).or_default().push(number);
            of_packages.push(Asked { product: products.len() - 1, package: package.to_owned(), references });
        }
        Standard {
            products,
            asked: of_packages,
            by_name,
            at,
            digest,
            judged: Mutex::default(),
            lines: Lines::default(),
            lists,
        }
    }

    /// Whether both ask for the same, so that what one has judged holds for the other.
    #[must_use]
    pub fn asks_the_same(&self, other: &Standard) -> bool {
        self.digest == other.digest
    }

    /// Names of the packages that something is asked of.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Those of `states` (ids of list and header lines) that were judged before.
    pub(super) fn known(&self, states: &[(i64, i64)]) -> Judgements {
        let judged = locked(&self.judged);
        states.iter().filter_map(|state| Some((*state, Arc::clone(judged.get(state)?)))).collect()
    }

    /// How much was judged.
    pub(super) fn judged(&self) -> usize {
        locked(&self.judged).len()
    }

    /// Forgets what was judged; how much that was.
    pub(super) fn forget(&self) -> usize {
        self.lines.forget();
        std::mem::take(&mut *locked(&self.judged)).len()
    }

    /// Keeps what was judged.
    pub(super) fn keep(&self, fresh: &Judgements) {
        let mut judged = locked(&self.judged);
        if judged.len() + fresh.len() > JUDGED {
            judged.clear();
        }
        judged.extend(fresh.iter().map(|(state, of)| (*state, Arc::clone(of))));
    }
}

/// Judges many states in a row: what it said of the same versions once, it says again.
pub(super) struct Bench<'a> {
    standard: &'a Standard,
    packages: &'a HashMap<i64, Package<'static>>,
    said: HashMap<Case, Option<Arc<ComparedProduct>>>,
}

/// Number in `asked`, system, running kernel where it matters, and ids of the packages.
type Case = (usize, Option<Arc<str>>, Option<Arc<str>>, Vec<i64>);

/// Numbers in `asked`, ascending, with the ids of the packages of that name.
pub(super) type Found = Vec<(usize, Vec<i64>)>;

impl<'a> Bench<'a> {
    /// A bench with the packages that may be held.
    pub(super) fn new(standard: &'a Standard, packages: &'a HashMap<i64, Package<'static>>) -> Self {
        Bench { standard, packages, said: HashMap::new() }
    }

    /// Sorts the packages of a list to what is asked.
    pub(super) fn found(&self, held: &[i64]) -> Found {
        let mut found: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
        for id in held {
            let Some(package) = self.packages.get(id) else { continue };
            for number in self.standard.by_name.get(package.name.as_ref()).into_iter().flatten() {
                found.entry(*number).or_default().push(*id);
            }
        }
        found.into_iter().collect()
    }

    /// Judges a list on a host with these header lines.
    pub(super) fn judge(&mut self, found: &Found, facts: &Facts) -> Judged {
        let mut judged = Judged::default();
        for (number, ids) in found {
            let Some(asked) = self.standard.asked.get(*number) else { continue };
            // The running kernel only tells which of several versions counts.
            let kernel = (ids.len() > 1).then(|| Arc::clone(&facts.kernel));
            let case = (*number, facts.os.clone(), kernel, ids.clone());
            let (standard, packages) = (self.standard, self.packages);
            let said = self.said.entry(case).or_insert_with(|| {
                let installed: Vec<&Package<'_>> = ids.iter().filter_map(|id| packages.get(id)).collect();
                judge_package(standard, asked, &installed, facts).map(Arc::new)
            });
            let Some(compared) = said else { continue };
            let state = compared.verdict.state;
            match judged.products.last_mut() {
                Some((product, worst)) if *product == asked.product => *worst = state.max(*worst),
                _ => judged.products.push((asked.product, state)),
            }
            judged.packages.push(Arc::clone(compared));
        }
        judged
    }
}

fn judge_package(
    standard: &Standard,
    asked: &Asked,
    packages: &[&Package<'_>],
    facts: &Facts,
) -> Option<ComparedProduct> {
    let installed: Vec<Installed<'_>> = packages
        .iter()
        .map(|found| Installed { version: &found.version, arch: &found.arch, packager: found.packager })
        .collect();
    let references: Vec<&Reference> = asked.references.iter().collect();
    let verdict = compare::judge(&references, facts.os.as_deref(), &facts.kernel, &installed, standard.at)?;
    let mut versions: Vec<String> = installed.iter().map(|found| found.version.to_owned()).collect();
    versions.sort();
    versions.dedup();
    let product = standard.products.get(asked.product).cloned().unwrap_or_default();
    Some(ComparedProduct { product, package: asked.package.clone(), installed: versions, verdict })
}
