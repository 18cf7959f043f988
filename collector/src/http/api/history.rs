//! `GET /api/v1/hosts/{site}/{host}/history`: how a host changed over time.

use axum::extract::State as Axum;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::Wanted;
use super::cursor::Cursor;
use super::diff::{PackageChange, difference};
use super::moment::Since;
use super::question::{Limit, Pieces, Question};
use super::rows::{self, Time, number, rows};
use crate::answers::host;
use crate::answers::timeline::{self, Step};

rows! {
    /// A stretch of time, in one row.
    struct StepRow {
        /// Its first report.
        from: Time,
        /// Its last report.
        last_seen: Time,
        /// The report that said something else; none for the present.
        until: Option<Time>,
        /// How many reports said so.
        reports: i64,
        /// How many packages there were.
        packages: i64,
        /// What changed since the stretch before, for people.
        changes: String,
    }
}

/// How a host changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct History {
    /// Stretches of time in which every report said the same, oldest first.
    items: Vec<Stretch>,
    /// The cursor of the next page; none when this is the last.
    next: Option<String>,
}

/// A stretch of time in which every report of a host said the same.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Stretch {
    /// Its first report.
    from: Time,
    /// Its last report.
    last_seen: Time,
    /// The report that said something else; none for the present.
    until: Option<Time>,
    /// How many reports said so.
    reports: i64,
    /// How many packages there were.
    packages: i64,
    /// Packages that came, went or changed since the stretch before; none in the first.
    changes: Vec<PackageChange>,
    /// Header lines that changed since the stretch before.
    facts: Vec<FactChange>,
}

/// A header line that changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FactChange {
    /// Its name, such as `kernel`.
    name: String,
    /// What it was, empty when it was not there.
    from: String,
    /// What it is.
    to: String,
}

/// What may be asked of the history.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only what began at this time or later, by the host's clock.
    #[param(inline, required = false)]
    changed_since: Option<Since>,
    /// Where the page before ended.
    #[param(inline, required = false)]
    cursor: Option<Cursor>,
    /// At most so many rows.
    #[param(inline, required = false)]
    limit: Limit,
}

/// A host's history
///
/// Each stretch of time in which its reports said the same, oldest first, with what had changed.
#[utoipa::path(get, path = "/hosts/{site}/{host}/history", tag = "hosts",
    params(("site" = String, Path, description = "Its site"), ("host" = String, Path, description = "Its name"), Asked),
    responses((status = 200, description = "A page of the history", body = History), (status = 404)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Pieces((site, name)): Pieces<(String, String)>,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let host = host::known(&shared.store, &asker.viewer.scope, (&site, &name)).await?;
    let steps = timeline::of(&shared.store, host.host).await?;
    // Times of four-digit years are in order as texts.
    let after = asked.cursor.as_ref().map(Cursor::word);
    let mut steps = steps.into_iter().filter(|step| {
        asked.changed_since.is_none_or(|since| step.from >= since.0)
            && after.is_none_or(|after| step.from.to_string().as_str() > after)
    });
    let shown: Vec<Step> = steps.by_ref().take(asked.limit.rows()).collect();
    let next = steps.next().and(shown.last()).map(|last| Cursor::after(&[&last.from.to_string()]));
    let rows: Vec<StepRow> = shown.iter().map(row).collect();
    let history = History { items: shown.into_iter().map(stretch).collect(), next };
    wanted.object(&history, history.next.as_deref(), || rows::table(&rows))
}

fn row(step: &Step) -> StepRow {
    let facts = step.facts.iter().map(|change| format!("{}: {} -> {}", change.name, change.from, change.to));
    let changes: Vec<String> = step.changes.iter().map(ToString::to_string).chain(facts).collect();
    StepRow {
        from: Time(step.from),
        last_seen: Time(step.last_seen),
        until: step.until.map(Time),
        reports: number(step.reports),
        packages: number(step.packages),
        changes: changes.join(", "),
    }
}

fn stretch(step: Step) -> Stretch {
    let fact = |change: timeline::FactChange| FactChange { name: change.name, from: change.from, to: change.to };
    Stretch {
        from: Time(step.from),
        last_seen: Time(step.last_seen),
        until: step.until.map(Time),
        reports: number(step.reports),
        packages: number(step.packages),
        changes: step.changes.into_iter().map(difference).collect(),
        facts: step.facts.into_iter().map(fact).collect(),
    }
}
