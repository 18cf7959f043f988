//! Takes reports in: those that come at the same time share one durable commit.

use std::sync::Arc;
use std::time::Duration;

use report::acknowledgement::Receipt;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::room::Place;
use crate::store::{Incoming, Store, StoreError, unless_silent};

/// Most reports in one commit.
const BATCH: usize = 64;

/// Reports that may wait for a commit; the connections behind them wait for a place.
const QUEUE: usize = 256;

/// How long a sender waits for its acknowledgement: less than our reporter's own patience (`timeout_seconds`, 30), so that it
/// hears when to come back. The report may be stored all the same; it is a duplicate then.
pub const ANSWER: Duration = Duration::from_secs(25);

/// How long a commit is waited for before its connection is given up.
const COMMIT: Duration = Duration::from_secs(60);

/// The way into the inbox; clones share it.
#[derive(Clone)]
pub struct Intake {
    queue: mpsc::Sender<Job>,
}

struct Job {
    report: Incoming,
    /// Also of one that nobody waits for any more.
    #[expect(dead_code, reason = "held until the report is stored")]
    place: Place,
    answer: oneshot::Sender<Result<Receipt, Arc<StoreError>>>,
}

impl Intake {
    /// Starts the task that commits; `arrived` is told of every commit, so that opening begins at once.
    ///
    /// The task ends when every clone of the intake is gone and what was queued is stored.
    #[must_use]
    pub fn start(store: Store, arrived: Arc<Notify>) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, jobs) = mpsc::channel(QUEUE);
        (Intake { queue }, tokio::spawn(commit_batches(store, jobs, arrived)))
    }

    /// Stores a report, whose bytes take a place until then; returns once it is durable.
    ///
    /// # Errors
    /// [`IntakeError`]; the report may or may not be stored then, and sending it again is safe.
    pub async fn receive(&self, report: Incoming, place: Place) -> Result<Receipt, IntakeError> {
        let (answer, answered) = oneshot::channel();
        let storing = async {
            self.queue.send(Job { report, place, answer }).await.map_err(|_| IntakeError::Stopping)?;
            answered.await.map_err(|_| IntakeError::Stopping)?.map_err(IntakeError::Store)
        };
        tokio::time::timeout(ANSWER, storing).await.unwrap_or(Err(IntakeError::Late))
    }
}

/// Why a report was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The program is about to end.
    #[error("the collector is stopping: send the report again later")]
    Stopping,
    /// The database takes too long.
    #[error("the database takes longer than {} seconds: send the report again later", ANSWER.as_secs())]
    Late,
    /// The database did not take it.
    #[error(transparent)]
    Store(Arc<StoreError>),
}

async fn commit_batches(store: Store, mut jobs: mpsc::Receiver<Job>, arrived: Arc<Notify>) {
    let mut batch = Vec::with_capacity(BATCH);
    while jobs.recv_many(&mut batch, BATCH).await > 0 {
        let reports: Vec<&Incoming> = batch.iter().map(|job| &job.report).collect();
        match unless_silent(COMMIT, store.receive(&reports)).await {
            Ok(receipts) => {
                for (job, receipt) in batch.drain(..).zip(receipts) {
                    // A sender that went away asks again and is told that it is a duplicate.
                    let _ = job.answer.send(Ok(receipt));
                }
                arrived.notify_one();
            }
            Err(error) if batch.len() == 1 || error.is_retryable() => {
                let error = Arc::new(error);
                for job in batch.drain(..) {
                    let _ = job.answer.send(Err(Arc::clone(&error)));
                }
            }
            // One report that the database refuses must not cost the others their commit.
            Err(_) => {
                for job in batch.drain(..) {
                    let alone = unless_silent(COMMIT, store.receive(&[&job.report])).await;
                    let _ = job.answer.send(alone.map(first).map_err(Arc::new));
                }
                arrived.notify_one();
            }
        }
    }
}

fn first(receipts: Vec<Receipt>) -> Receipt {
    receipts.into_iter().next().unwrap_or(Receipt::Stored)
}
