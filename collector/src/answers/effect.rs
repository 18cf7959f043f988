//! What another version of a reference list would do to the hosts of now, before it is stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::AnswerError;
use super::judge::Judge;
use super::matrix::{Counts, stale_before};
use super::standard::{Judged, Standard};
use crate::access::Scope;
use crate::compare::State;
use crate::reference::ReferenceList;
use crate::store::{HostGroup, Store};

/// How many hosts would stand otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effect {
    /// Hosts with recent news; how the others stand is unknown whatever is asked of them.
    pub hosts: i64,
    /// Hosts that would come from one state into another, by their worst product.
    pub moves: Vec<Move>,
    /// Products whose hosts would stand otherwise.
    pub products: Vec<ProductEffect>,
    /// References that ask for nothing yet, and the first day on which one of them does.
    pub later: Option<(usize, Date)>,
}

/// Hosts that would come from one state into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// As they stand now.
    pub from: State,
    /// As they would stand.
    pub to: State,
    /// How many.
    pub hosts: i64,
}

/// The hosts of a product as they stand and as they would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductEffect {
    /// The product.
    pub product: String,
    /// As they stand now; nothing where it is not asked for.
    pub before: Counts,
    /// As they would stand.
    pub after: Counts,
}

impl Effect {
    /// How many hosts would stand otherwise.
    #[must_use]
    pub fn changed(&self) -> i64 {
        self.moves.iter().map(|moved| moved.hosts).sum()
    }
}

/// What it would do to the hosts of now if `list` took the place of the list of that name, or came beside the others.
///
/// # Errors
/// [`AnswerError`].
pub async fn of(
    store: &Store,
    judge: &Judge,
    list: &ReferenceList,
    now: Timestamp,
    stale_after_days: u32,
) -> Result<Effect, AnswerError> {
    let before = judge.standard_at(store, now).await?;
    let mut lists: Vec<Arc<ReferenceList>> =
        before.lists.iter().filter(|other| other.name != list.name).cloned().collect();
    if !list.references.is_empty() {
        lists.push(Arc::new(list.clone()));
    }
    lists.sort_by(|left, right| left.name.cmp(&right.name));
    let after = judge.standard(lists, now);
    let groups = store.present_groups(&Scope::All, stale_before(now, stale_after_days)).await?;
    let states: Vec<(i64, i64)> = groups.iter().map(|group| (group.list, group.facts)).collect();
    let judged_before = judge.judge(store, &before, &states).await?;
    let judged_after = judge.judge(store, &after, &states).await?;
    let nothing = Arc::new(Judged::default());
    let pairs = groups.iter().map(|group| {
        let state = (group.list, group.facts);
        let before = judged_before.get(&state).unwrap_or(&nothing);
        (group, before.as_ref(), judged_after.get(&state).unwrap_or(&nothing).as_ref())
    });
    let mut effect = counted(pairs, (&before, &after));
    let today = Offset::UTC.to_datetime(now).date();
    let later = list.references.iter().filter_map(|reference| reference.since).filter(|since| *since > today);
    effect.later = later.fold(None, |found, day| {
        Some(found.map_or((1, day), |(number, first): (usize, Date)| (number + 1, first.min(day))))
    });
    Ok(effect)
}

fn counted<'a>(
    pairs: impl Iterator<Item = (&'a HostGroup, &'a Judged, &'a Judged)>,
    (before, after): (&Standard, &Standard),
) -> Effect {
    let mut hosts = 0;
    let mut moves: BTreeMap<(State, State), i64> = BTreeMap::new();
    let mut products: BTreeMap<&str, (Counts, Counts)> = BTreeMap::new();
    for (group, is, would_be) in pairs {
        let fresh = group.hosts - group.stale;
        hosts += fresh;
        // Without any package that is asked for it is not known how a host stands.
        let states = [is, would_be].map(|judged| judged.worst().unwrap_or(State::Unknown));
        let [from, to] = states;
        if from != to && fresh > 0 {
            *moves.entry((from, to)).or_default() += fresh;
        }
        for (product, state) in &is.products {
            if let Some(name) = before.products.get(*product) {
                *products.entry(name).or_default().0.of_mut(*state) += fresh;
            }
        }
        for (product, state) in &would_be.products {
            if let Some(name) = after.products.get(*product) {
                *products.entry(name).or_default().1.of_mut(*state) += fresh;
            }
        }
    }
    let product = |(product, (before, after)): (&str, (Counts, Counts))| ProductEffect {
        product: product.to_owned(),
        before,
        after,
    };
    Effect {
        hosts,
        moves: moves.into_iter().map(|((from, to), hosts)| Move { from, to, hosts }).collect(),
        products: products.into_iter().filter(|(_, (before, after))| before != after).map(product).collect(),
        later: None,
    }
}
