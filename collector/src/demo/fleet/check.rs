//! Whether everything that was brought in is there, and every state has a host to show.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::FleetError;
use super::fill::Filled;
use super::grid::Grid;
use crate::access::Scope;
use crate::answers;
use crate::answers::judge::Judge;
use crate::compare::State;
use crate::store::{InboxState, Store};

/// From so many hosts on, each state is there for certain.
const ENOUGH: usize = 60;

/// Refuses a database that holds anything.
///
/// # Errors
/// [`FleetError::NotEmpty`].
pub(super) async fn is_fresh(store: &Store, now: Timestamp, database: &str) -> Result<(), FleetError> {
    let hosts = answers::hosts_at(store, &Scope::All, now).await?.len();
    let reports = store.inbox_counts().await?.iter().map(|(_, number)| number).sum();
    if hosts == 0 && reports == 0 {
        return Ok(());
    }
    Err(FleetError::NotEmpty { database: database.to_owned(), hosts, reports })
}

/// Compares what is in the database with what was invented; gives the hosts in each state, for people.
///
/// # Errors
/// [`FleetError`] names what is missing.
pub(super) async fn everything(
    store: &Store,
    grid: &Grid,
    filled: Filled,
    now: Timestamp,
    stale_after_days: u32,
) -> Result<String, FleetError> {
    let counted = store.inbox_counts().await?;
    for state in InboxState::ALL {
        let expected = grid.arrivals().iter().filter(|arrival| arrival.expected() == state).count();
        let found = counted.iter().find(|(word, _)| word == state.as_str()).map_or(0, |(_, number)| *number);
        equal(&format!("{state} reports"), expected, usize::try_from(found).unwrap_or(usize::MAX))?;
    }
    equal("reports opened and set aside", filled.stored, filled.opened.opened + filled.opened.set_aside)?;
    let comparison = answers::compare::at(store, &Judge::default(), &Scope::All, now, None, stale_after_days).await?;
    equal("hosts", grid.hosts.len(), comparison.hosts.len())?;
    let mut states: BTreeMap<State, usize> = State::ALL.into_iter().map(|state| (state, 0)).collect();
    for host in &comparison.hosts {
        let worst = host.products.iter().map(|product| product.verdict.state).max();
        *states.entry(worst.unwrap_or(State::Unknown)).or_default() += 1;
    }
    if let Some((state, _)) = states.iter().find(|(_, hosts)| **hosts == 0 && grid.hosts.len() >= ENOUGH) {
        return Err(FleetError::NoState(state.as_str()));
    }
    let told: Vec<String> = states.iter().map(|(state, hosts)| format!("{hosts} {}", state.as_str())).collect();
    Ok(told.join(", "))
}

fn equal(what: &str, expected: usize, found: usize) -> Result<(), FleetError> {
    if expected == found { Ok(()) } else { Err(FleetError::Count { what: what.to_owned(), expected, found }) }
}
