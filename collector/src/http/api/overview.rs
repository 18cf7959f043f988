//! `GET /api/v1/overview`: sites by products, now or on a day.

use axum::extract::State as Axum;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Shared;
use super::super::error::HttpError;
use super::answer::Wanted;
use super::moment::{At, Lists};
use super::question::{Question, Word};
use super::rows::{self, Time, rows};
use super::{Asker, date};
use crate::answers::inbox;
use crate::answers::matrix::{self, Cell, Line};
use crate::answers::time;
use crate::store::InboxState;

rows! {
    /// The hosts of a site that have a product, by how they stand.
    struct MatrixCell {
        /// The site.
        site: String,
        /// The product; none for the hosts themselves, by their worst product.
        product: Option<String>,
        /// Hosts.
        hosts: i64,
        /// New enough and not blocked.
        compliant: i64,
        /// No answer: no recent news, no reference for their system, nothing that is asked for installed.
        unknown: i64,
        /// Older than a minimum.
        behind: i64,
        /// With a version that must not run.
        blocked: i64,
        /// Without recent news; they are counted as unknown. None on a past day, whose news are not counted.
        stale: i64,
        /// Of those without recent news, those that fell silent within the last day.
        newly_stale: i64,
        /// Their newest report; none on a past day.
        last_report: Option<Time>,
    }
}

rows! {
    /// Reports that a person has to look at.
    struct SetAsideReports {
        /// What became of them: `held` or `unreadable`.
        state: String,
        /// How many.
        reports: i64,
    }
}

/// Sites by products.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Overview {
    /// The time that it tells of.
    at: Time,
    /// Names of the reference lists.
    lists: Vec<String>,
    /// Products that something is asked of.
    products: Vec<String>,
    /// A host without news for so many days is unknown.
    stale_after_days: u32,
    /// All sites together; the site is empty.
    total: Vec<MatrixCell>,
    /// Reports that were set aside, and are in no number here; none on a past day.
    set_aside: Vec<SetAsideReports>,
    /// Each site.
    items: Vec<MatrixCell>,
}

/// What may be asked of the overview.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// As it was at the end of this day (UTC), by the reference lists of that day.
    #[param(inline, required = false)]
    at: Option<At>,
    /// By the reference lists of this date instead, or of `now`.
    #[param(inline, required = false)]
    lists: Option<Lists>,
    /// Only this site.
    #[param(inline, required = false)]
    site: Option<Word>,
    /// Only this product.
    #[param(inline, required = false)]
    product: Option<Word>,
}

/// Sites by products
///
/// How many hosts of each site are compliant, behind, blocked or unknown in each product that something is asked of.
#[utoipa::path(get, path = "/overview", tag = "grid", params(Asked), responses((status = 200, description = "The matrix", body = Overview)))]
pub(super) async fn show(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let (store, judge, now) = (&shared.store, &shared.judge, asker.now);
    let scope = asker.viewer.scope.narrowed(asked.site.as_ref().map(|site| site.0.as_str()));
    let when = (asked.at.map(|At(at)| date(at)), Lists::at(asked.lists, now));
    let matrix = matrix::of(store, judge, &scope, when, (now, shared.stale_after_days)).await?;
    let product = asked.product.as_ref().map(|product| product.0.as_str());
    let cells = |line: &Line| cells(line, &matrix.products, product);
    let set_aside = if when.0.is_some() { Vec::new() } else { inbox::set_aside(store, &scope).await? };
    let reports = |(state, reports): (InboxState, i64)| SetAsideReports { state: state.as_str().to_owned(), reports };
    let overview = Overview {
        at: Time(time(matrix.at.as_second())),
        lists: matrix.lists.clone(),
        products: matrix.products.clone(),
        stale_after_days: shared.stale_after_days,
        total: cells(&matrix.total),
        set_aside: set_aside.into_iter().map(reports).collect(),
        items: matrix.sites.iter().flat_map(cells).collect(),
    };
    wanted.object(&overview, None, || rows::table(&overview.items))
}

/// The cells of a line that hold hosts, those of all products first.
pub(super) fn cells(line: &Line, products: &[String], wanted: Option<&str>) -> Vec<MatrixCell> {
    let of_hosts = wanted.is_none().then(|| cell(&line.site, None, &line.hosts));
    let of_products = products
        .iter()
        .zip(&line.products)
        .filter(|(product, cell)| cell.counts.total() > 0 && wanted.is_none_or(|wanted| wanted == product.as_str()));
    of_hosts.into_iter().chain(of_products.map(|(product, found)| cell(&line.site, Some(product), found))).collect()
}

fn cell(site: &str, product: Option<&String>, cell: &Cell) -> MatrixCell {
    MatrixCell {
        site: site.to_owned(),
        product: product.cloned(),
        hosts: cell.counts.total(),
        compliant: cell.counts.compliant,
        unknown: cell.counts.unknown,
        behind: cell.counts.behind,
        blocked: cell.counts.blocked,
        stale: cell.stale,
        newly_stale: cell.newly_stale,
        last_report: cell.last_news.map(Time),
    }
}
