//! Sets of package ids, and the differences by which similar sets are kept.

use crate::varint;

/// What turns one set into another; both sides ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Ids that leave.
    pub removed: Vec<i64>,
    /// Ids that join.
    pub added: Vec<i64>,
}

impl Difference {
    /// What turns `from` into `to`, both ascending.
    #[must_use]
    pub fn between(from: &[i64], to: &[i64]) -> Self {
        let mut difference = Difference::default();
        let (mut old, mut new) = (from.iter().copied().peekable(), to.iter().copied().peekable());
        loop {
            match (old.peek().copied(), new.peek().copied()) {
                (None, None) => return difference,
                (Some(left), Some(right)) if left == right => {
                    old.next();
                    new.next();
                }
                (Some(left), right) if right.is_none_or(|right| left < right) => {
                    difference.removed.push(left);
                    old.next();
                }
                (_, right) => {
                    difference.added.extend(right);
                    new.next();
                }
            }
        }
    }

    /// The set that this makes of `set`, ascending.
    #[must_use]
    pub fn apply(&self, set: &[i64]) -> Vec<i64> {
        let mut result = Vec::with_capacity(set.len() + self.added.len());
        let (mut removed, mut added) = (self.removed.iter().peekable(), self.added.iter().copied().peekable());
        for id in set {
            while let Some(new) = added.next_if(|new| new < id) {
                result.push(new);
            }
            while removed.next_if(|gone| *gone < id).is_some() {}
            if removed.next_if(|gone| *gone == id).is_none() && added.peek() != Some(id) {
                result.push(*id);
            }
        }
        result.extend(added);
        result
    }

    /// How many ids change.
    #[must_use]
    pub fn len(&self) -> usize {
        self.removed.len() + self.added.len()
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Packs both sides, each as its number of ids and their distances.
    #[must_use]
    pub fn pack(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len() * 2 + 4);
        for ids in [&self.removed, &self.added] {
            varint::write(&mut bytes, ids.len() as u64);
            let mut last = 0;
            for id in ids {
                varint::write_signed(&mut bytes, id.wrapping_sub(last));
                last = *id;
            }
        }
        bytes
    }

    /// Unpacks what [`Difference::pack`] made; `None` for other bytes.
    #[must_use]
    pub fn unpack(mut bytes: &[u8]) -> Option<Self> {
        let removed = Difference::read_ids(&mut bytes)?;
        let added = Difference::read_ids(&mut bytes)?;
        bytes.is_empty().then_some(Difference { removed, added })
    }

    /// Takes one side of a packed difference off the front of some bytes; `None` when there is none.
    #[must_use]
    pub fn read_ids(bytes: &mut &[u8]) -> Option<Vec<i64>> {
        let length = usize::try_from(varint::read(bytes)?).ok()?;
        // Each id takes a byte at least: a larger number is no number of ids.
        if length > bytes.len() {
            return None;
        }
        let mut ids = Vec::with_capacity(length);
        let mut last = 0_i64;
        for _ in 0..length {
            last = last.wrapping_add(varint::read_signed(bytes)?);
            ids.push(last);
        }
        Some(ids)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_difference_leads_from_one_set_to_the_other(
            from in proptest::collection::btree_set(0_i64..50, 0..30), to in proptest::collection::btree_set(0_i64..50, 0..30),
        ) {
            let (from, to): (Vec<i64>, Vec<i64>) = (from.into_iter().collect(), to.into_iter().collect());
            let difference = Difference::between(&from, &to);
            prop_assert_eq!(difference.apply(&from), to.clone());
            let common = from.iter().collect::<BTreeSet<_>>().intersection(&to.iter().collect()).count();
            prop_assert_eq!(difference.len(), from.len() + to.len() - 2 * common);
            prop_assert_eq!(Difference::unpack(&difference.pack()), Some(difference));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Difference::unpack(&bytes);
        }
    }
}
