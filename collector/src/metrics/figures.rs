//! What a scrape asks the database for: a fixed number of queries, and not more often than every few seconds.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::access::Scope;
use crate::answers::AnswerError;
use crate::answers::judge::Judge;
use crate::answers::matrix::{self, Matrix};
use crate::store::{InboxFigures, Store, StoreError};

/// How old figures may be that are shown again, in seconds: two scrapers at once cost one.
const SHOWN_AGAIN: i64 = 5;

/// How long the database may take: Prometheus waits for ten seconds, and must be told that it does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The database in numbers.
#[derive(Debug, Clone)]
pub struct Figures {
    /// What is in the inbox and not opened.
    pub inbox: InboxFigures,
    /// Hosts by state, all together and by product.
    pub matrix: Matrix,
    /// Hosts whose newest report is less than a day old.
    pub fresh: i64,
}

/// The figures that were asked for last.
#[derive(Debug, Default)]
pub struct LastFigures(Mutex<Option<(Timestamp, Figures)>>);

impl LastFigures {
    /// The figures of now, or of a few seconds ago.
    ///
    /// # Errors
    /// [`StoreError`], also when the database takes too long.
    pub async fn at(
        &self,
        (store, judge): (&Store, &Judge),
        now: Timestamp,
        stale_after_days: u32,
    ) -> Result<Figures, FiguresError> {
        let asking = async {
            let mut last = self.0.lock().await;
            if let Some((at, figures)) = last.as_ref()
                && (0..SHOWN_AGAIN).contains(&(now.as_second() - at.as_second()))
            {
                return Ok(figures.clone());
            }
            let figures = ask(store, judge, now, stale_after_days).await?;
            *last = Some((now, figures.clone()));
            Ok(figures)
        };
        tokio::time::timeout(PATIENCE, asking).await.map_err(|_| FiguresError::Slow)?
    }
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum FiguresError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A reference list.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// It takes too long.
    #[error("the database took longer than {} seconds", PATIENCE.as_secs())]
    Slow,
}

async fn ask(store: &Store, judge: &Judge, now: Timestamp, stale_after_days: u32) -> Result<Figures, FiguresError> {
    Ok(Figures {
        inbox: store.inbox_figures().await?,
        matrix: matrix::at_present(store, judge, &Scope::All, now, stale_after_days).await?,
        fresh: store.hosts_with_news_since(now.as_second() - 86_400).await?,
    })
}
