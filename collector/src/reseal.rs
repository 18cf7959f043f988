//! Re-keying what is kept: reports that are sealed for retired keys are sealed anew for those in use, the same inside.

use std::sync::Arc;
use std::time::Duration;

use report::hash::Hash;
use report::sealed::{self, KeyAway, NotOpened, OpeningKey, Recipient, SealError};

use crate::access::deed::By;
use crate::keys::{self, KeyFile};
use crate::store::{Kept, Place, Store, StoreError, retrying, unless_silent};

/// How long the database may say nothing to one batch.
const SILENCE: Duration = Duration::from_secs(600);

/// Between two lines in the log, in reports.
const TOLD_EVERY: u64 = 10_000;

/// From which keys to which.
pub struct Resealing {
    retired: Vec<OpeningKey>,
    in_use: Vec<OpeningKey>,
    recipients: Vec<Recipient>,
}

/// What was found and done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Reports that were looked at.
    pub reports: u64,
    /// Those that a retired key opened, and that are sealed for the recipients alone now.
    pub anew: u64,
}

impl Resealing {
    /// From the retired ones of these keys to those in use and the `others`.
    ///
    /// # Errors
    /// [`ResealError`] when no key is retired, or none is in use: what is sealed anew has to open here.
    pub fn new(keys: Vec<KeyFile>, others: Vec<Recipient>) -> Result<Self, ResealError> {
        let recipients = keys::to_seal_for(&keys, others);
        let (retired, in_use): (Vec<KeyFile>, Vec<KeyFile>) = keys.into_iter().partition(|file| file.retired);
        if retired.is_empty() {
            return Err(ResealError::NoneRetired);
        }
        if in_use.is_empty() {
            return Err(ResealError::NoneInUse);
        }
        let keys = |files: Vec<KeyFile>| files.into_iter().map(|file| file.key).collect();
        Ok(Resealing { retired: keys(retired), in_use: keys(in_use), recipients })
    }

    /// The subjects of the retired keys.
    #[must_use]
    pub fn from(&self) -> String {
        subjects(self.retired.iter().map(OpeningKey::recipient))
    }

    /// The subjects of those who can open what is sealed anew.
    #[must_use]
    pub fn to(&self) -> String {
        subjects(self.recipients.iter())
    }

    /// Looks at every report that is kept and seals anew what a retired key opens, in small transactions; without anybody who
    /// does it nothing is changed.
    ///
    /// # Errors
    /// [`ResealError`]; what was sealed anew before is so, and the same again does the rest.
    pub async fn run(self: Arc<Self>, store: &Store, by: Option<By<'_>>) -> Result<Resealed, ResealError> {
        let object = format!("reports sealed for {}, now for {}", self.from(), self.to());
        let mut done = Resealed::default();
        let mut place = Place::BEGIN;
        loop {
            let kept = unless_silent(SILENCE, store.kept_behind(place)).await?;
            let Some(last) = kept.last().map(|kept| kept.place) else { return Ok(done) };
            let reports = kept.len() as u64;
            let this = Arc::clone(&self);
            let anew = tokio::task::spawn_blocking(move || this.anew(&kept)).await;
            let anew = anew.map_err(|error| StoreError::Inconsistent(error.to_string()))??;
            let replaced = match by.filter(|_| !anew.is_empty()) {
                Some(by) => {
                    let deed = by.did("reseal", &object);
                    let noted = (done.anew == 0).then_some(&deed);
                    unless_silent(SILENCE, retrying(|| store.replace_kept(&anew, by.at, noted))).await?
                }
                None => anew.len() as u64,
            };
            done.anew += replaced;
            // Whatever went or was sealed anew by somebody else meanwhile is looked at as it is now.
            if replaced == anew.len() as u64 {
                done.looked_at(reports);
                place = last;
            }
        }
    }

    /// Those that a retired key opens; whom a report is not sealed for OpenSSL sees by the names in it, before anything costs time.
    fn anew(&self, kept: &[Kept]) -> Result<Vec<(Place, Vec<u8>)>, ResealError> {
        let mut anew = Vec::new();
        for kept in kept {
            match sealed::open(&kept.body, &self.retired) {
                Ok(content) => anew.push((kept.place, self.seal(kept.hash, &kept.body, &content)?)),
                Err(NotOpened::Never(_)) => {}
                // Passed over, it would seem to be free of a key that it still opens with.
                Err(NotOpened::KeyAway(away)) => return Err(away.into()),
            }
        }
        Ok(anew)
    }

    /// Sealed anew in the form in which it came: one that is not proven whole does not become one that seems to be.
    fn seal(&self, hash: Hash, body: &[u8], content: &[u8]) -> Result<Vec<u8>, ResealError> {
        let anew = sealed::seal(content, &self.recipients, sealed::encryption(body))?;
        // The old bytes go for ever: these have to open before.
        match sealed::open(&anew, &self.in_use) {
            Ok(opened) if opened == content => Ok(anew),
            Err(NotOpened::KeyAway(away)) => Err(away.into()),
            _ => Err(ResealError::NotTheSame(hash)),
        }
    }
}

impl Resealed {
    fn looked_at(&mut self, reports: u64) {
        let before = self.reports / TOLD_EVERY;
        self.reports += reports;
        if self.reports / TOLD_EVERY > before {
            tracing::info!(reports = self.reports, anew = self.anew, "sealing anew goes on");
        }
    }
}

fn subjects<'a>(recipients: impl Iterator<Item = &'a Recipient>) -> String {
    recipients.map(Recipient::subject).collect::<Vec<_>>().join(" and ")
}

/// Why reports are not sealed anew.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// Nothing to leave.
    #[error("no key here is retired: `keys retire NAME` says which one reports shall be freed of")]
    NoneRetired,
    /// Nobody to go to.
    #[error("no key here is in use: what is sealed anew has to open here, make the next key with `keys new`")]
    NoneInUse,
    /// A recipient's key refused.
    #[error("sealing anew: {0}")]
    Seal(#[from] SealError),
    /// What came out is not what went in.
    #[error("report {0} would not open to the same after sealing it anew: it is as it was, and so are those behind it")]
    NotTheSame(Hash),
    /// A key is in a token that cannot be asked.
    #[error("{0}; what is sealed anew is stored, and the same command does the rest when the key is back")]
    KeyAway(#[from] KeyAway),
    /// The database failed.
    #[error("{0}; what is sealed anew is stored, and the same command does the rest")]
    Store(#[from] StoreError),
}
