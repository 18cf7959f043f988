//! Memory for bodies on their way into the inbox: what has come of one takes its place until it is stored.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of all bodies that are on their way at once: nine thousand usual ones.
const BYTES: usize = 256 * 1024 * 1024;

/// What place is counted in, in bytes.
const PIECE: usize = 1024;

/// Room for bodies; clones share it.
#[derive(Debug, Clone)]
pub struct Room(Arc<Semaphore>);

/// The place that one body takes, given back when dropped.
#[derive(Debug, Default)]
pub struct Place(Option<OwnedSemaphorePermit>);

/// Others take all the room now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no room for the report now")]
pub struct NoRoom;

impl Room {
    /// Room for many bodies, the largest of which has so many bytes.
    #[must_use]
    pub fn for_bodies_of(largest: usize) -> Self {
        Room(Arc::new(Semaphore::new(BYTES.max(largest).div_ceil(PIECE))))
    }

    /// Makes the place of a body as large as `bytes`, if it is not yet.
    ///
    /// Nobody waits for others here: they may wait for each other.
    ///
    /// # Errors
    /// [`NoRoom`]; the place is as it was.
    pub fn grow(&self, place: &mut Place, bytes: usize) -> Result<(), NoRoom> {
        let has = place.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = u32::try_from(bytes.div_ceil(PIECE).saturating_sub(has)).map_err(|_| NoRoom)?;
        if more == 0 {
            return Ok(());
        }
        let more = Arc::clone(&self.0).try_acquire_many_owned(more).map_err(|_| NoRoom)?;
        match &mut place.0 {
            Some(place) => place.merge(more),
            None => place.0 = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_take_no_more_than_the_room_and_give_it_back() {
        let room = Room::for_bodies_of(1);
        let mut places: Vec<Place> = (0..128).map(|_| Place::default()).collect();
        for place in &mut places {
            for bytes in [1, 1024, 1025, 2 * 1024 * 1024] {
                room.grow(place, bytes).unwrap();
            }
            room.grow(place, 7).unwrap();
        }
        let mut other = Place::default();
        assert_eq!(room.grow(&mut other, 1), Err(NoRoom), "128 of 2 MiB each fill it");
        places.pop();
        room.grow(&mut other, 2 * 1024 * 1024).unwrap();
        assert_eq!(room.grow(&mut other, 2 * 1024 * 1024 + 1), Err(NoRoom));
        drop((places, other));
        assert!(room.grow(&mut Place::default(), BYTES).is_ok());
        assert!(Room::for_bodies_of(2 * BYTES).grow(&mut Place::default(), 2 * BYTES).is_ok(), "the largest one fits");
    }
}
