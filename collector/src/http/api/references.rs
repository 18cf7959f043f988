//! `GET /api/v1/references` and below: what is asked for, who changed it, and what changed.

use axum::extract::State as Axum;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::{List, Wanted};
use super::question::{Pieces, Question};
use super::rows::{self, Time, rows};
use crate::answers::{references, time};
use crate::reference::Reference;
use crate::store::ListVersion;
use crate::table::Cell;

rows! {
    /// A version of a reference list.
    struct ListVersionRow {
        /// The list.
        list: String,
        /// Number of the version, from 1.
        version: i64,
        /// When it came.
        imported: Time,
        /// Who brought it.
        author: String,
        /// How many references it has; none in one that retires the list.
        references: i64,
        /// Why it was made.
        note: String,
    }

    /// What is asked of a package.
    struct ReferenceRow {
        /// The list that asks.
        list: String,
        /// The product.
        product: String,
        /// The package.
        package: String,
        /// The system that it is for; none for all.
        os: Option<String>,
        /// The oldest version that is good.
        minimum: Option<String>,
        /// Versions that must not run.
        blocked: Vec<String>,
        /// The day from which it is asked.
        since: Option<String>,
        /// The day by which sites should be there.
        deadline: Option<String>,
        /// Where people read more.
        url: Option<String>,
    }

    /// What differs between two versions of a list.
    struct ReferenceChange {
        /// `added`, `removed` or `changed`.
        change: String,
        /// The product.
        product: String,
        /// The package.
        package: String,
        /// The system; empty for all.
        os: String,
        /// What was changed; empty for a reference that came or went.
        column: String,
        /// As it was.
        before: String,
        /// As it is.
        after: String,
    }
}

/// A version of a reference list with what it asks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReferenceList {
    /// Which version it is.
    version: ListVersionRow,
    /// What it asks.
    items: Vec<ReferenceRow>,
}

/// Nothing may be asked.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Which version is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichVersion {
    /// Number of the version; the newest unless another is asked for.
    #[param(minimum = 1)]
    version: Option<u32>,
}

/// Which versions are compared.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichVersions {
    /// Number of the earlier version; the one before the later unless another is asked for.
    #[param(minimum = 1)]
    from: Option<u32>,
    /// Number of the later version; the newest unless another is asked for.
    #[param(minimum = 1)]
    to: Option<u32>,
}

/// Reference lists
///
/// Every version of every list: who changed what when, oldest first.
#[utoipa::path(get, path = "/references", tag = "references", responses((status = 200, description = "The versions", body = List<ListVersionRow>)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    _: Asker,
    wanted: Wanted,
    Question(Nothing {}): Question<Nothing>,
) -> Result<Response, HttpError> {
    let versions = shared.store.reference_versions(None).await?;
    wanted.rows(&List::whole(versions.into_iter().map(version).collect()))
}

/// One reference list
///
/// What it asks, in its newest version or another one.
#[utoipa::path(get, path = "/references/{list}", tag = "references",
    params(("list" = String, Path, description = "Its name"), WhichVersion),
    responses((status = 200, description = "The version", body = ReferenceList), (status = 404)))]
pub(super) async fn show(
    Axum(shared): Axum<Shared>,
    _: Asker,
    wanted: Wanted,
    Pieces(name): Pieces<String>,
    Question(asked): Question<WhichVersion>,
) -> Result<Response, HttpError> {
    let (stored, list) = references::version(&shared.store, &name, asked.version.map(i64::from)).await?;
    let items: Vec<ReferenceRow> = list.references.iter().map(|asked| reference(&list.name, asked)).collect();
    let answer = ReferenceList { version: version(stored.version), items };
    wanted.object(&answer, None, || rows::table(&answer.items))
}

/// What changed in a reference list
///
/// Between two versions.
#[utoipa::path(get, path = "/references/{list}/difference", tag = "references",
    params(("list" = String, Path, description = "Its name"), WhichVersions),
    responses((status = 200, description = "The differences", body = List<ReferenceChange>), (status = 404)))]
pub(super) async fn difference(
    Axum(shared): Axum<Shared>,
    _: Asker,
    wanted: Wanted,
    Pieces(name): Pieces<String>,
    Question(asked): Question<WhichVersions>,
) -> Result<Response, HttpError> {
    let (from, to) = (asked.from.map(i64::from), asked.to.map(i64::from));
    let found = references::difference(&shared.store, &name, from, to).await?;
    let rows = references::difference_table(&found).rows.into_iter().map(|row| {
        let mut texts = row.into_iter().map(|cell| if let Cell::Text(text) = cell { text } else { String::new() });
        let mut next = || texts.next().unwrap_or_default();
        ReferenceChange {
            change: next(),
            product: next(),
            package: next(),
            os: next(),
            column: next(),
            before: next(),
            after: next(),
        }
    });
    wanted.rows(&List::whole(rows.collect()))
}

fn version(version: ListVersion) -> ListVersionRow {
    ListVersionRow {
        list: version.name,
        version: version.number,
        imported: Time(time(version.imported)),
        author: version.author,
        references: version.size,
        note: version.note,
    }
}

/// A reference as it is answered.
pub(super) fn reference(list: &str, asked: &Reference) -> ReferenceRow {
    ReferenceRow {
        list: list.to_owned(),
        product: asked.product.clone(),
        package: asked.package.clone(),
        os: asked.os.clone(),
        minimum: asked.minimum.clone(),
        blocked: asked.blocked.clone(),
        since: asked.since.map(|date| date.to_string()),
        deadline: asked.deadline.map(|date| date.to_string()),
        url: asked.url.clone(),
    }
}
