//! What the door refused lately: a scanner of the network, a tool of a site in the wrong form, a report that was too large.

use super::grid::Grid;
use super::{DAY, FleetError, TODAY};
use crate::history::day_of;
use crate::metrics::Refusal;
use crate::store::{RefusalCount, Store};

/// Puts the counts in place: the door's own, without the bytes, which nobody keeps.
///
/// # Errors
/// [`FleetError`].
pub(super) async fn fill(store: &Store, grid: &Grid) -> Result<(), FleetError> {
    let refused = |source: &str, reason: Refusal, (days_ago, times): (i32, i64)| {
        let last = grid.at(TODAY, 0) - i64::from(days_ago) * DAY - 7 * 3_600;
        RefusalCount { day: day_of(last), source: source.to_owned(), reason: reason.as_str().to_owned(), times, last }
    };
    let counts = [
        refused("198.51.100.23", Refusal::NotSealed, (1, 42)),
        refused("198.51.100.23", Refusal::NotSealed, (2, 17)),
        refused("203.0.113.80", Refusal::MediaType, (1, 3)),
        refused("192.0.2.14", Refusal::TooLarge, (5, 1)),
    ];
    Ok(store.add_refusals(&counts).await?)
}
