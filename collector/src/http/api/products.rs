//! `GET /api/v1/products`: products that something is asked of.

use axum::extract::State as Axum;
use axum::response::Response;

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::{List, Wanted};
use super::question::{Nothing, Question};
use super::rows::{Time, rows};
use crate::answers::matrix;

rows! {
    /// A product.
    struct ProductSummary {
        /// Its name.
        product: String,
        /// Its packages that something is asked of.
        packages: Vec<String>,
        /// Hosts that have it.
        hosts: i64,
        /// Compliant in all its packages.
        compliant: i64,
        /// With nothing worse than unknown.
        unknown: i64,
        /// With nothing worse than behind.
        behind: i64,
        /// With a version that must not run.
        blocked: i64,
        /// Without recent news; they are counted as unknown.
        stale: i64,
        /// The newest report of any of them.
        last_report: Option<Time>,
    }
}

/// Products by name
///
/// Those that a reference list asks something of, with the hosts that have them by state.
#[utoipa::path(get, path = "/products", tag = "products", responses((status = 200, description = "The products", body = List<ProductSummary>)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Question(Nothing {}): Question<Nothing>,
) -> Result<Response, HttpError> {
    let (store, judge, now) = (&shared.store, &shared.judge, asker.now);
    let matrix = matrix::at_present(store, judge, &asker.viewer.scope, now, shared.stale_after_days).await?;
    let standard = judge.standard_at(store, now).await?;
    let row = |(product, cell): (String, matrix::Cell)| {
        let asked = standard.lists.iter().flat_map(|list| &list.references).filter(|asked| asked.product == product);
        let mut packages: Vec<String> = asked.map(|asked| asked.package.clone()).collect();
        packages.sort();
        packages.dedup();
        ProductSummary {
            product,
            packages,
            hosts: cell.counts.total(),
            compliant: cell.counts.compliant,
            unknown: cell.counts.unknown,
            behind: cell.counts.behind,
            blocked: cell.counts.blocked,
            stale: cell.stale,
            last_report: cell.last_news.map(Time),
        }
    };
    wanted.rows(&List::whole(matrix.products.into_iter().zip(matrix.total.products).map(row).collect()))
}
