//! The memory of texts that were read, used again: the system would have to give and clear its pages anew for every report.

use std::sync::{Mutex, PoisonError};

/// Most texts that are kept: those of a batch.
const MOST: usize = 64;

/// Most bytes of a text that is kept: some 4,000 packages.
const LARGEST: usize = 256 * 1024;

/// Buffers that nobody needs at the moment.
#[derive(Debug, Default)]
pub(super) struct Texts(Mutex<Vec<Vec<u8>>>);

impl Texts {
    /// One of them, or a new one.
    pub(super) fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Keeps a text's memory, unless that is more than a usual one has or enough are kept.
    pub(super) fn give_back(&self, text: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if text.capacity() <= LARGEST && kept.len() < MOST {
            kept.push(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded() {
        let texts = Texts::default();
        texts.give_back(Vec::with_capacity(LARGEST + 1));
        assert_eq!(texts.take().capacity(), 0);
        for _ in 0..MOST + 9 {
            texts.give_back(vec![1; 9]);
        }
        let kept = std::iter::from_fn(|| Some(texts.take()).filter(|text| text.capacity() > 0));
        assert_eq!(kept.count(), MOST);
    }
}
