//! What is so at the time of a scrape, as gauges.

use jiff::Timestamp;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use report::sealed::Recipient;

use super::{Figures, PREFIX};
use crate::answers::matrix::Matrix;
use crate::compare::State;
use crate::store::InboxFigures;

/// A recipient key of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its subject, as the operator named it.
    pub subject: String,
    /// SHA-256 of the certificate.
    pub sha256: String,
    /// The end of its validity.
    pub not_after: Timestamp,
}

impl Certificate {
    /// What is told of a recipient; nothing when the end of its certificate cannot be read.
    #[must_use]
    pub fn of(recipient: &Recipient) -> Option<Self> {
        let (sha256, not_after) = recipient.fingerprint().ok().zip(recipient.not_after().ok())?;
        Some(Certificate { subject: recipient.subject(), sha256: sha256.to_string(), not_after })
    }
}

/// Gauges of one scrape.
pub(super) fn of(figures: Option<&Figures>, certificates: &[Certificate], now: Timestamp) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    let version = Family::<[(&str, &str); 1], Gauge>::default();
    version.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
    registry.register("build_info", "The program's version", version);
    number(&mut registry, "database_up", "Whether the database answers", i64::from(figures.is_some()));
    if let Some(figures) = figures {
        inbox(&mut registry, &figures.inbox, now);
        hosts(&mut registry, &figures.matrix, figures.fresh);
    }
    let ends = Family::<[(&str, String); 2], Gauge>::default();
    for certificate in certificates {
        let labels = [("subject", certificate.subject.clone()), ("sha256", certificate.sha256.clone())];
        ends.get_or_create(&labels).set(certificate.not_after.as_second());
    }
    registry.register(
        "certificate_not_after_timestamp_seconds",
        "End of the validity of each recipient key that this process opens with, in unix seconds",
        ends,
    );
    registry
}

fn inbox(registry: &mut Registry, inbox: &InboxFigures, now: Timestamp) {
    let age = inbox.oldest_waiting.map_or(0, |received| now.as_second().saturating_sub(received).max(0));
    number(registry, "inbox_waiting_reports", "Reports that wait to be opened", inbox.waiting);
    number(registry, "inbox_oldest_waiting_seconds", "Age of the report that waits longest, 0 when none does", age);
    let aside = Family::<[(&str, String); 2], Gauge>::default();
    for (state, problem, reports) in &inbox.set_aside {
        aside.get_or_create(&[("state", state.clone()), ("problem", problem.clone())]).set(*reports);
    }
    registry.register("inbox_set_aside_reports", "Reports that a person should look at, by state and problem", aside);
}

fn hosts(registry: &mut Registry, matrix: &Matrix, fresh: i64) {
    let hosts = Family::<[(&str, &str); 1], Gauge>::default();
    let of_products = Family::<[(&str, String); 2], Gauge>::default();
    for state in State::ALL {
        hosts.get_or_create(&[("state", state.as_str())]).set(matrix.total.hosts.counts.of(state));
        for (product, cell) in matrix.products.iter().zip(&matrix.total.products) {
            let labels = [("product", product.clone()), ("state", state.as_str().to_owned())];
            of_products.get_or_create(&labels).set(cell.counts.of(state));
        }
    }
    registry.register("hosts", "Hosts that have ever reported, by the worst of what the reference lists ask", hosts);
    registry.register("product_hosts", "Hosts that have a product of the reference lists, by state", of_products);
    let stale = matrix.total.hosts.stale;
    number(registry, "stale_hosts", "Hosts without news for longer than stale_after_days", stale);
    number(registry, "fresh_hosts", "Hosts whose newest report is less than 24 hours old", fresh);
}

fn number(registry: &mut Registry, name: &str, help: &str, value: i64) {
    let gauge: Gauge = Gauge::default();
    gauge.set(value);
    registry.register(name, help, gauge);
}
