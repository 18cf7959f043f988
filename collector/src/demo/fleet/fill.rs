//! Fills a collector the way hosts do: sealed bytes into the intake in the order of their arrival, opened while more come.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use report::acknowledgement::Receipt;
use report::sealed::OpeningKey;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use super::FleetError;
use super::grid::{Arrival, Grid};
use super::seal::{Sealer, SealingError};
use crate::intake::Intake;
use crate::opener::{Opened, Opener};
use crate::room::Place;
use crate::store::{Incoming, Store, StoreError};

/// Reports that are sealed by one task and stored in one commit.
const CHUNK: usize = 64;

/// What was brought in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Filled {
    /// Reports that were acknowledged as new.
    pub(super) stored: usize,
    /// Reports that were sent again and acknowledged as known.
    pub(super) duplicates: usize,
    pub(super) opened: Opened,
}

/// Brings in every report of `grid`.
///
/// # Errors
/// [`FleetError`].
pub(super) async fn fill(
    store: &Store,
    keys: Vec<OpeningKey>,
    grid: &Arc<Grid>,
    sealer: Sealer,
    out: &mut (dyn Write + Send),
) -> Result<Filled, FleetError> {
    let arrived = Arc::new(Notify::new());
    let complete = Arc::new(AtomicBool::new(false));
    let (intake, committing) = Intake::start(store.clone(), Arc::clone(&arrived));
    let opener = Opener::new(store.clone(), keys);
    let opening = tokio::spawn(open_until(opener, Arc::clone(&arrived), Arc::clone(&complete)));

    let arrivals = grid.arrivals();
    let sealer = Arc::new(sealer);
    let seal = |chunk: &[Arrival]| {
        let (sealer, grid, chunk) = (Arc::clone(&sealer), Arc::clone(grid), chunk.to_vec());
        tokio::task::spawn_blocking(move || seal_all(&sealer, &grid, &chunk))
    };
    // As many chunks are sealed ahead as there are processors to do it.
    let ahead = std::thread::available_parallelism().map_or(2, usize::from);
    let mut sealing: VecDeque<JoinHandle<Result<Vec<Incoming>, SealingError>>> = VecDeque::new();
    let mut chunks = arrivals.chunks(CHUNK);
    sealing.extend(chunks.by_ref().take(ahead).map(seal));
    let mut filled = Filled::default();
    let mut tenth = 1;
    while let Some(sealed) = sealing.pop_front() {
        let sealed = sealed.await.map_err(stopped)??;
        sealing.extend(chunks.next().map(seal));
        receive(&intake, sealed, &mut filled).await?;
        if filled.stored * 10 >= arrivals.len() * tenth {
            tenth = 1 + filled.stored * 10 / arrivals.len();
            writeln!(out, "   {} of {} reports", filled.stored, arrivals.len())?;
            out.flush()?;
        }
    }
    drop(intake);
    committing.await.map_err(stopped)?;
    complete.store(true, Ordering::Release);
    arrived.notify_one();
    filled.opened = opening.await.map_err(stopped)??;
    Ok(filled)
}

fn seal_all(sealer: &Sealer, grid: &Grid, chunk: &[Arrival]) -> Result<Vec<Incoming>, SealingError> {
    chunk.iter().filter_map(|arrival| sealer.seal(grid, *arrival).transpose()).collect()
}

/// Hands over a chunk at once, as hosts do that report at the same time; one of it comes twice.
async fn receive(intake: &Intake, sealed: Vec<Incoming>, filled: &mut Filled) -> Result<(), FleetError> {
    let again = sealed.first().cloned();
    let mut receiving = JoinSet::new();
    for report in sealed {
        let intake = intake.clone();
        receiving.spawn(async move { intake.receive(report, Place::default()).await });
    }
    while let Some(received) = receiving.join_next().await {
        match received.map_err(stopped)?? {
            Receipt::Stored => filled.stored += 1,
            Receipt::Duplicate => filled.duplicates += 1,
        }
    }
    if let Some(again) = again {
        match intake.receive(again, Place::default()).await? {
            Receipt::Stored => filled.stored += 1,
            Receipt::Duplicate => filled.duplicates += 1,
        }
    }
    Ok(())
}

/// Opens what waits until everything has come.
async fn open_until(opener: Opener, arrived: Arc<Notify>, complete: Arc<AtomicBool>) -> Result<Opened, StoreError> {
    let mut total = Opened::default();
    loop {
        // Asked before the round: what comes during it is opened by the next one.
        let last = complete.load(Ordering::Acquire);
        let round = opener.open_waiting().await?;
        total.opened += round.opened;
        total.set_aside += round.set_aside;
        if last {
            return Ok(total);
        }
        arrived.notified().await;
    }
}

fn stopped(error: tokio::task::JoinError) -> FleetError {
    FleetError::Stopped(error.to_string())
}
