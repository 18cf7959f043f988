//! Numbers for Prometheus: what this process counted, and what it asks the database for; never a word from a host.

mod figures;
mod gauges;
mod refusal;

use std::sync::Arc;

use jiff::Timestamp;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use report::acknowledgement::Receipt;

use crate::problem::Problem;
pub use figures::{Figures, LastFigures};
pub use gauges::Certificate;
pub use refusal::Refusal;

/// The media type of [`Metrics::text`].
pub const MEDIA_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Begins every name.
const PREFIX: &str = "wlcg_package_collector";

/// Bounds of what takes milliseconds to seconds, in seconds.
const SHORT: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Bounds of what takes seconds to days, in seconds.
const LONG: [f64; 9] = [1.0, 5.0, 15.0, 60.0, 300.0, 3600.0, 21_600.0, 86_400.0, 604_800.0];

/// One label with its value.
type Label = [(&'static str, &'static str); 1];

/// What a process counts from its start; clones share it.
#[derive(Clone)]
pub struct Metrics(Arc<Counted>);

struct Counted {
    registry: Registry,
    received: Counter,
    duplicates: Counter,
    refused: Family<Label, Counter>,
    receiving: Histogram,
    opened: Counter,
    set_aside: Family<Label, Counter>,
    delay: Histogram,
    round: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut counted = Counted {
            registry: Registry::with_prefix(PREFIX),
            received: Counter::default(),
            duplicates: Counter::default(),
            refused: Family::default(),
            receiving: Histogram::new(SHORT),
            opened: Counter::default(),
            set_aside: Family::default(),
            delay: Histogram::new(LONG),
            round: Histogram::new(SHORT),
        };
        // A series that begins with its first event hides that event from rate().
        for refusal in Refusal::ALL {
            let _ = counted.refused.get_or_create(&[("reason", refusal.as_str())]);
        }
        for problem in Problem::ALL {
            let _ = counted.set_aside.get_or_create(&[("problem", problem.as_str())]);
        }
        counted.register();
        Metrics(Arc::new(counted))
    }
}

impl Counted {
    fn register(&mut self) {
        let to = &mut self.registry;
        to.register("reports_received", "Reports that were new and are durable", self.received.clone());
        to.register("reports_duplicate", "Reports that had been received before", self.duplicates.clone());
        to.register("reports_refused", "Reports that were not acknowledged, by reason", self.refused.clone());
        to.register(
            "receive_duration_seconds",
            "From the header of a report to its answer, its body and the durable commit included",
            self.receiving.clone(),
        );
        to.register("reports_opened", "Reports that became part of their host's history", self.opened.clone());
        to.register("reports_set_aside", "Reports that were opened in vain, by problem", self.set_aside.clone());
        to.register(
            "opening_delay_seconds",
            "From the receipt of a report until it was part of its host's history",
            self.delay.clone(),
        );
        to.register("opening_round_duration_seconds", "Opening of up to 32 reports at once", self.round.clone());
    }
}

impl Metrics {
    /// Counts a report that was acknowledged, so many seconds after its request began.
    pub fn received(&self, receipt: Receipt, seconds: f64) {
        match receipt {
            Receipt::Stored => self.0.received.inc(),
            Receipt::Duplicate => self.0.duplicates.inc(),
        };
        self.0.receiving.observe(seconds);
    }

    /// Counts a report that was not.
    pub fn refused(&self, refusal: Refusal) {
        self.0.refused.get_or_create(&[("reason", refusal.as_str())]).inc();
    }

    /// Counts a report that became history now.
    pub fn opened(&self, received: i64, now: Timestamp) {
        self.0.opened.inc();
        self.0.delay.observe(seconds_between(received, now));
    }

    /// Counts a report that did not.
    pub fn set_aside(&self, problem: Problem) {
        self.0.set_aside.get_or_create(&[("problem", problem.as_str())]).inc();
    }

    /// Counts a round of opening.
    pub fn round(&self, seconds: f64) {
        self.0.round.observe(seconds);
    }

    /// Everything in Prometheus' text format; without figures the database is told to be away.
    ///
    /// # Errors
    /// The encoder's own, which a string does not cause.
    pub fn text(
        &self,
        figures: Option<&Figures>,
        certificates: &[Certificate],
        now: Timestamp,
    ) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.0.registry)?;
        prometheus_text::encode(&mut text, &gauges::of(figures, certificates, now))?;
        Ok(text)
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a few centuries are exact in a double")]
fn seconds_between(from: i64, to: Timestamp) -> f64 {
    to.as_second().saturating_sub(from).max(0) as f64
}
