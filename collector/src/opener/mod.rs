//! Opens what waits in the inbox, with a key, from anywhere that reaches the database.

mod alone;
mod away;
mod texts;
mod together;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use report::hash::Hash;
use report::sealed::{OpeningKey, Signer};

use self::away::Away;
use self::texts::Texts;
use crate::clock::{self, Stopwatch};
use crate::metrics::Metrics;
use crate::sender::Policy;
use crate::store::{Arrival, Sealed, Store, StoreError, retrying, unless_silent};
use crate::unseal::{self, Claim, Claimed, NotUnsealed, SetAside, Unreadable, Unsealed};

/// Reports that are opened side by side and stored in one transaction.
const BATCH: i64 = 64;

/// Most bytes of their texts, give or take one for each core: a small body may hold a large one.
const TEXTS: usize = 32 * 1024 * 1024;

/// How long a batch may take: the database says nothing any more.
const SILENCE: Duration = Duration::from_secs(300);

/// Opens reports with its keys.
#[derive(Clone)]
pub struct Opener {
    store: Store,
    keys: Arc<[OpeningKey]>,
    metrics: Metrics,
    policy: Arc<Policy>,
    away: Arc<Away>,
    texts: Arc<Texts>,
}

/// What a round of opening did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Opened {
    /// Reports that became history.
    pub opened: usize,
    /// Reports that were set aside with a reason.
    pub set_aside: usize,
    /// Reports that were looked at and wait for a key that cannot be used now.
    pub waiting: usize,
}

impl Opener {
    /// An opener for `store` with every key it may try, retired ones included; it accepts unsigned reports.
    #[must_use]
    pub fn new(store: Store, keys: Vec<OpeningKey>) -> Self {
        Opener {
            store,
            keys: keys.into(),
            metrics: Metrics::default(),
            policy: Arc::default(),
            away: Arc::default(),
            texts: Arc::default(),
        }
    }

    /// The same opener, whose work is counted there.
    #[must_use]
    pub fn counting_in(self, metrics: Metrics) -> Self {
        Opener { metrics, ..self }
    }

    /// The same with another policy for unsigned reports.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Opener { policy: Arc::new(policy), ..self }
    }

    /// Opens reports until none waits but for a key that cannot be used now.
    ///
    /// # Errors
    /// [`StoreError`]; what was opened before is stored, the rest waits.
    pub async fn open_waiting(&self) -> Result<Opened, StoreError> {
        let mut total = Opened::default();
        let mut after = 0;
        loop {
            let watch = Stopwatch::start();
            let round = unless_silent(SILENCE, self.open_batch(after)).await?;
            if round.done == Opened::default() {
                return Ok(total);
            }
            if round.done.opened + round.done.set_aside > 0 {
                self.metrics.round(watch.seconds());
            }
            match round.last_waiting {
                // Those behind it may be for other keys.
                Some(last) => after = self.away.up_to(last),
                None if after == 0 => self.away.is_over(),
                None => {}
            }
            total.opened += round.done.opened;
            total.set_aside += round.done.set_aside;
            total.waiting += round.done.waiting;
        }
    }

    /// Uses each key once, so that what is wrong with one is told before a report waits for it.
    pub async fn try_keys(&self) {
        let keys = Arc::clone(&self.keys);
        let tried = tokio::task::spawn_blocking(move || keys.iter().filter_map(|key| key.prove().err()).collect());
        let tried: Vec<_> = tried.await.unwrap_or_default();
        tried.iter().for_each(|reason| self.away.tell(reason));
    }

    async fn open_batch(&self, after: i64) -> Result<Batch, StoreError> {
        let waiting = self.store.waiting(after, BATCH).await?;
        let mut texts = Vec::with_capacity(waiting.len());
        let mut done = Opened::default();
        let mut last_waiting = None;
        let (unsealed, left) = self.unseal_all(waiting).await?;
        for (sealed, unsealed) in unsealed {
            match unsealed {
                Ok(unsealed) => texts.push((sealed, unsealed)),
                Err(NotUnsealed::SetAside(aside)) => self.set_aside(&sealed, &aside, &mut done).await?,
                Err(NotUnsealed::Waits(reason)) => {
                    self.away.tell(&reason);
                    done.waiting += 1;
                    // What was left is not to be passed over with those that wait for a key.
                    if left.is_none_or(|left| sealed.id < left) {
                        last_waiting = Some(sealed.id);
                    }
                }
            }
        }
        let mut claims = Vec::with_capacity(texts.len());
        for (sealed, unsealed) in &texts {
            let received = Timestamp::from_second(sealed.received).unwrap_or(Timestamp::UNIX_EPOCH);
            let signer = unsealed.signer.as_ref();
            match unseal::read(&unsealed.text, received, clock::now()) {
                Ok(claim) => {
                    let sender = signer.map(|signer| signer.key.to_string()).unwrap_or_default();
                    let claimed = Claimed { site: claim.site.to_owned(), host: claim.header.host.to_string(), sender };
                    let lines = claim.packages.hash_as_received();
                    claims.push(Opening { sealed, claim, signer, claimed, lines });
                }
                Err(reason) => {
                    let aside = SetAside { reason, claimed: Claimed::by(&unsealed.text, signer) };
                    self.set_aside(sealed, &aside, &mut done).await?;
                }
            }
        }
        let claims = self.of_known_sites(claims, &mut done).await?;
        self.store_claims(&claims, &mut done).await?;
        drop(claims);
        texts.into_iter().for_each(|(_, unsealed)| self.texts.give_back(unsealed.text));
        Ok(Batch { done, last_waiting })
    }

    /// Unseals on every core, until there is enough text; also gives the first one that is left for the next time, if any is.
    async fn unseal_all(&self, mut waiting: Vec<Sealed>) -> Result<(Vec<Tried>, Option<i64>), StoreError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let share = waiting.len().div_ceil(cores).max(1);
        let mut parts = Vec::with_capacity(cores);
        let texts = Arc::new(AtomicUsize::new(0));
        while !waiting.is_empty() {
            let rest = waiting.split_off(share.min(waiting.len()));
            let part = std::mem::replace(&mut waiting, rest);
            let (keys, buffers, texts) = (Arc::clone(&self.keys), Arc::clone(&self.texts), Arc::clone(&texts));
            parts.push(tokio::task::spawn_blocking(move || {
                let mut tried = Vec::with_capacity(part.len());
                for sealed in part {
                    if texts.load(Ordering::Relaxed) >= TEXTS {
                        return (tried, Some(sealed.id));
                    }
                    let unsealed = unseal::unseal(&sealed.body, &keys, buffers.take());
                    let bytes = unsealed.as_ref().map_or(0, |unsealed| unsealed.text.len());
                    texts.fetch_add(bytes, Ordering::Relaxed);
                    tried.push((sealed, unsealed));
                }
                (tried, None)
            }));
        }
        let (mut all, mut left) = (Vec::new(), None);
        for part in parts {
            let (tried, left_of_part) = part.await.map_err(|error| StoreError::Inconsistent(error.to_string()))?;
            all.extend(tried);
            left = left.or(left_of_part);
        }
        Ok((all, left))
    }

    /// One transaction for all; where the database refuses, one for each, so that the refused one stands alone.
    async fn store_claims(&self, claims: &[Opening<'_>], done: &mut Opened) -> Result<(), StoreError> {
        if claims.is_empty() {
            return Ok(());
        }
        match retrying(|| self.try_store(claims)).await {
            Ok(outcomes) => {
                let now = clock::now();
                for (opening, outcome) in claims.iter().zip(outcomes) {
                    match outcome {
                        Ok(()) => {
                            done.opened += 1;
                            self.metrics.opened(opening.sealed.received, now);
                        }
                        Err(reason) => self.set_aside(opening.sealed, &opening.aside(reason), done).await?,
                    }
                }
                Ok(())
            }
            Err(error) if error.is_retryable() => Err(error),
            Err(error) => match claims {
                [opening] => {
                    let aside = opening.aside(Unreadable::Store(error.to_string()));
                    self.set_aside(opening.sealed, &aside, done).await
                }
                _ => {
                    for claim in claims {
                        Box::pin(self.store_claims(std::slice::from_ref(claim), done)).await?;
                    }
                    Ok(())
                }
            },
        }
    }

    async fn try_store(&self, claims: &[Opening<'_>]) -> Result<Vec<Result<(), Unreadable>>, StoreError> {
        let mut writing = self.store.begin().await?;
        writing.take_turn().await?;
        let is_stored = match together::store(&mut writing, claims, &self.policy).await? {
            Some(stored) => stored,
            None => {
                drop(writing);
                writing = self.store.begin().await?;
                writing.take_turn().await?;
                HashSet::new()
            }
        };
        let mut outcomes = Vec::with_capacity(claims.len());
        for opening in claims {
            outcomes.push(match is_stored.contains(&opening.sealed.hash) {
                true => Ok(()),
                false => alone::store(&mut writing, opening, &self.policy).await?,
            });
        }
        writing.commit().await?;
        Ok(outcomes)
    }

    /// Sets aside what claims a site that nobody knows: where sites are known at all, a name alone is no site.
    async fn of_known_sites<'a>(
        &self,
        claims: Vec<Opening<'a>>,
        done: &mut Opened,
    ) -> Result<Vec<Opening<'a>>, StoreError> {
        let names: HashSet<&str> = claims.iter().map(|opening| opening.claim.site).collect();
        let known = self.store.known_sites(&names).await?;
        if names.iter().all(|name| known.contains(*name)) {
            return Ok(claims);
        }
        let directory = self.store.directory().await?;
        let mut believed = Vec::with_capacity(claims.len());
        for opening in claims {
            let site = opening.claim.site;
            if directory.takes(site) {
                believed.push(opening);
                continue;
            }
            let near = directory.near(site);
            let near = if near.is_empty() { String::new() } else { format!("; near to it: {}", near.join(", ")) };
            let aside = opening.aside(Unreadable::UnknownSite { site: site.to_owned(), near });
            self.set_aside(opening.sealed, &aside, done).await?;
        }
        Ok(believed)
    }

    async fn set_aside(&self, sealed: &Sealed, aside: &SetAside, done: &mut Opened) -> Result<(), StoreError> {
        let (state, reason) = (aside.reason.state(), &aside.reason);
        tracing::warn!(report = %sealed.hash, %state, %reason, "report set aside in the inbox");
        self.store.set_aside(sealed.hash, aside).await?;
        self.metrics.set_aside(aside.reason.problem());
        done.set_aside += 1;
        Ok(())
    }
}

/// A report that waited, and what was inside.
type Tried = (Sealed, Result<Unsealed, NotUnsealed>);

/// What became of some reports that waited.
struct Batch {
    done: Opened,
    /// The last of those that go on waiting for a key.
    last_waiting: Option<i64>,
}

/// A report that was read, on its way into its host's history.
struct Opening<'a> {
    sealed: &'a Sealed,
    claim: Claim<'a>,
    signer: Option<&'a Signer>,
    claimed: Claimed,
    /// The hash of its package lines as they came.
    lines: Hash,
}

impl Opening<'_> {
    fn aside(&self, reason: Unreadable) -> SetAside {
        SetAside { reason, claimed: self.claimed.clone() }
    }

    fn arrival(&self) -> Arrival<'_> {
        let signed = self.signer.is_some() || !self.sealed.handed_in.is_empty();
        Arrival { received: self.sealed.received, source: &self.sealed.source, signed }
    }
}
