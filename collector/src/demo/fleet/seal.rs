//! From an invented report to the bytes that its host would post.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use report::compression::{self, CompressionError};
use report::hash::Hash;
use report::sealed::{self, ContentEncryption, KeyError, Recipient, SealError, SigningKey};
use report::text::TextError;

use super::grid::{Arrival, Grid};
use super::host::Host;
use super::odd::Odd;
use super::text::Writer;
use crate::store::Incoming;

/// Seals as the hosts do.
pub(super) struct Sealer {
    pub(super) writer: Writer,
    /// The collector's certificate.
    pub(super) recipient: Recipient,
    /// A certificate whose key the collector does not have.
    pub(super) stranger: Recipient,
    /// Keys of hosts, made for the first report of each; by place in the grid.
    pub(super) senders: Mutex<HashMap<u32, Arc<SigningKey>>>,
}

impl Sealer {
    /// The sealed report; `None` for one that the grid does not hold.
    ///
    /// # Errors
    /// [`SealingError`].
    pub(super) fn seal(&self, grid: &Grid, arrival: Arrival) -> Result<Option<Incoming>, SealingError> {
        let Some(host) = grid.host(arrival) else { return Ok(None) };
        let Some(moment) = host.reports.get(arrival.report as usize) else { return Ok(None) };
        let text = self.writer.text(host, moment, arrival)?.into_bytes();
        let legacy = grid.is_legacy(host);
        let content = if legacy { text } else { compression::compress(&text)? };
        let content = match arrival.odd {
            // A signature would tell that it was changed, not what is wrong with it.
            Some(Odd::NotSigned | Odd::Damaged) => content,
            Some(Odd::OtherKey) => new_key(arrival, host)?.sign(&content)?,
            _ if host.signs => self.sender(arrival, host)?.sign(&content)?,
            _ => content,
        };
        let recipient = if arrival.odd == Some(Odd::ForAnother) { &self.stranger } else { &self.recipient };
        let content = if arrival.odd == Some(Odd::Forged) { changed(content) } else { content };
        let body = sealed::seal(&content, std::slice::from_ref(recipient), ContentEncryption::default())?;
        let body = if arrival.odd == Some(Odd::Damaged) { changed(body) } else { body };
        let (hash, source) = (Hash::of(&body), host.address.clone());
        Ok(Some(Incoming { hash, received: arrival.received, source, body, handed_in: None }))
    }

    fn sender(&self, arrival: Arrival, host: &Host) -> Result<Arc<SigningKey>, SealingError> {
        let senders = || self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = senders().get(&arrival.host) {
            return Ok(Arc::clone(sender));
        }
        let made = Arc::new(new_key(arrival, host)?);
        // Two of its reports may be sealed at the same time: the first key stays.
        Ok(Arc::clone(senders().entry(arrival.host).or_insert(made)))
    }
}

fn new_key(arrival: Arrival, host: &Host) -> Result<SigningKey, KeyError> {
    SigningKey::generate(&host.name, Timestamp::from_second(arrival.received).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// The same bytes, but for some in the middle.
fn changed(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    bytes.iter_mut().skip(middle).take(64).for_each(|byte| *byte ^= 0x55);
    bytes
}

/// Why a report was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The text.
    #[error("writing an invented report: {0}")]
    Text(#[from] TextError),
    /// Compression.
    #[error("compressing an invented report: {0}")]
    Compression(#[from] CompressionError),
    /// The host's key.
    #[error("signing an invented report: {0}")]
    Sign(#[from] KeyError),
    /// Sealing.
    #[error("sealing an invented report: {0}")]
    Seal(#[from] SealError),
}
