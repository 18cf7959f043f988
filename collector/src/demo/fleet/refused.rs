//! What the door refused lately: a scanner of the network, a tool of a site in the wrong form, a report that was too large.

use report::sealed::OpenError;

use super::grid::Grid;
use super::{DAY, FleetError, TODAY};
use crate::config::Config;
use crate::history::day_of;
use crate::http::HttpError;
use crate::store::{RefusalCount, Store};

/// Puts the counts in place, in the door's own words; the bytes are kept by nobody.
///
/// # Errors
/// [`FleetError`].
pub(super) async fn fill(store: &Store, grid: &Grid) -> Result<(), FleetError> {
    let refused = |source: &str, reason: HttpError, (days_ago, times): (i32, i64)| {
        let last = grid.at(TODAY, 0) - i64::from(days_ago) * DAY - 7 * 3_600;
        let reason = reason.for_good()?.to_owned();
        Some(RefusalCount { day: day_of(last), source: source.to_owned(), reason, times, last })
    };
    let counts = [
        refused("198.51.100.23", HttpError::NotSealed(OpenError::NotCms), (1, 42)),
        refused("198.51.100.23", HttpError::NotSealed(OpenError::NotCms), (2, 17)),
        refused("203.0.113.80", HttpError::MediaType, (1, 3)),
        refused("192.0.2.14", HttpError::TooLarge(Config::default().max_report_bytes), (5, 1)),
    ];
    Ok(store.add_refusals(&counts.into_iter().flatten().collect::<Vec<_>>()).await?)
}
