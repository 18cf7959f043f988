//! `GET /api/v1/hosts/{site}/{host}`: one host.

use axum::extract::State as Axum;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::Wanted;
use super::question::{Nothing, Pieces, Question};
use super::rows::{self, State, Time, number, rows};
use crate::answers::host::{self, HostAnswer};
use crate::answers::standard::ComparedProduct;
use crate::answers::time;
use crate::answers::warnings::{self, Newest};

rows! {
    /// A package that something is asked of.
    struct Verdict {
        /// The product.
        product: String,
        /// The package.
        package: String,
        /// Its versions on the host.
        installed: Vec<String>,
        /// The oldest version that is good, where there is one.
        minimum: Option<String>,
        /// How it stands.
        state: State,
        /// Why.
        reason: String,
    }
}

/// A host.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Host {
    /// Its site.
    site: String,
    /// Its name.
    host: String,
    /// Short name of its system, such as `el9`, where we know one.
    os: Option<String>,
    /// Its newest header lines.
    facts: Vec<Fact>,
    /// Its kernels.
    kernels: Kernels,
    /// How many packages it has.
    packages: i64,
    /// How many states it had over time.
    states: i64,
    /// Its first report, by its own clock.
    first_report: Time,
    /// The first report that said the same as the newest.
    since: Time,
    /// Its newest report, by its own clock.
    last_report: Time,
    /// When that one came, by ours.
    received: Time,
    /// Where it came from.
    source: String,
    /// Whether it was signed.
    signed: bool,
    /// SHA-256 of the key that the host is known by; none for a host that never signed.
    key: Option<String>,
    /// What a person should look at.
    warnings: Vec<String>,
    /// What the references say of it.
    products: Vec<Verdict>,
}

/// A header line.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Fact {
    /// Its name, such as `kernel`.
    name: String,
    /// Its value.
    value: String,
}

/// The kernel that runs and the newest one that is installed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Kernels {
    /// As the host reports it.
    running: String,
    /// The newest installed, where kernels come as packages.
    newest: Option<String>,
    /// Whether the newest one waits for a restart.
    restart_due: bool,
}

/// One host
///
/// Facts, kernels, warnings and verdicts. Its packages and its past are below. A host that may not be seen is as if it did not
/// exist. CSV has the verdicts.
#[utoipa::path(get, path = "/hosts/{site}/{host}", tag = "hosts",
    params(("site" = String, Path, description = "Its site"), ("host" = String, Path, description = "Its name")),
    responses((status = 200, description = "The host", body = Host), (status = 404)))]
pub(super) async fn show(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Pieces((site, name)): Pieces<(String, String)>,
    Question(Nothing {}): Question<Nothing>,
) -> Result<Response, HttpError> {
    let (store, scope) = (&shared.store, &asker.viewer.scope);
    let found = host::answer(store, &shared.judge, scope, (&site, &name), asker.now, shared.stale_after_days).await?;
    let entry = store.site_entry(&site).await?;
    let newest = Newest {
        collected: found.known.last_news,
        received: found.known.received,
        source: &found.known.source,
        signed: found.known.signed,
        complaint: found.facts.iter().find(|(name, _)| name == "reporter-warning").map_or("", |(_, value)| value),
    };
    let warnings = warnings::of(newest, |source| entry.is_outside(source), asker.now, shared.stale_after_days);
    let host = told(found, warnings.iter().map(ToString::to_string).collect());
    wanted.object(&host, None, || rows::table(&host.products))
}

fn told(found: HostAnswer, warnings: Vec<String>) -> Host {
    Host {
        first_report: Time(found.timeline.first().map_or(time(found.known.since), |step| step.from)),
        states: number(found.timeline.len()),
        packages: number(found.packages.len()),
        facts: found.facts.into_iter().map(|(name, value)| Fact { name, value }).collect(),
        kernels: Kernels {
            running: found.kernels.running,
            newest: found.kernels.newest,
            restart_due: found.kernels.restart_due,
        },
        since: Time(time(found.known.since)),
        last_report: Time(time(found.known.last_news)),
        received: Time(time(found.known.received)),
        source: found.known.source,
        signed: found.known.signed,
        key: found.known.sender.map(|(key, _)| key),
        products: found.products.into_iter().map(product).collect(),
        site: found.site,
        host: found.name,
        os: found.os,
        warnings,
    }
}

fn product(found: ComparedProduct) -> Verdict {
    Verdict {
        product: found.product,
        package: found.package,
        installed: found.installed,
        minimum: found.verdict.minimum,
        state: found.verdict.state.into(),
        reason: found.verdict.reason,
    }
}
