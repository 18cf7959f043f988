//! `GET /api/v1/hosts`: hosts page by page, now or at a date.

use std::sync::Arc;

use axum::extract::State as Axum;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::{List, Wanted};
use super::cursor::Cursor;
use super::moment::{At, Lists, Since};
use super::question::{Limit, Question, Word};
use super::rows::{Sentences, State, Time, rows};
use super::whole;
use crate::answers::host_list::{self, HostLine};
use crate::answers::select::{HostsAsked, Place};

rows! {
    /// A host.
    struct HostSummary {
        /// Its site.
        site: String,
        /// Its name.
        host: String,
        /// Short name of its system, such as `el9`, where we know one.
        os: Option<String>,
        /// Its system in its own words.
        system: String,
        /// Its running kernel.
        kernel: String,
        /// The tag that its site gave it.
        tag: String,
        /// How many packages it has.
        packages: i64,
        /// How it stands, in the product that is asked for or in all.
        state: State,
        /// Why.
        reason: String,
        /// The first report that said the same, by the host's clock.
        since: Time,
        /// Its last report, by the host's clock.
        last_report: Time,
        /// When its newest report came; none at a date.
        received: Option<Time>,
        /// When a report came that first said the same; none at a date.
        changed: Option<Time>,
        /// Where its newest report came from; none at a date.
        source: Option<String>,
        /// Whether its newest report was signed; none at a date.
        signed: Option<bool>,
        /// What a person should look at; of a date only silence and what the host itself complained of.
        warnings: Sentences,
    }
}

/// What may be asked of the list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only this site.
    #[param(inline, required = false)]
    site: Option<Word>,
    /// Only this system: its short name, such as `el9`, or its own words where it has none.
    #[param(inline, required = false)]
    os: Option<Word>,
    /// Only this tag.
    #[param(inline, required = false)]
    tag: Option<Word>,
    /// Only hosts that have this product; the state is then that of the product.
    #[param(inline, required = false)]
    product: Option<Word>,
    /// Only this state.
    #[param(inline, required = false)]
    state: Option<State>,
    /// Only hosts of this name, in which `*` stands for any text and `?` for one byte.
    #[param(inline, required = false)]
    q: Option<Word>,
    /// Only hosts without recent news, or only those with.
    stale: Option<bool>,
    /// Only hosts with a warning, or only those without.
    warned: Option<bool>,
    /// Only hosts whose state we learnt of at this time or later; with `at`, those whose state began then.
    #[param(inline, required = false)]
    changed_since: Option<Since>,
    /// As it was then, by the reference lists of then.
    #[param(inline, required = false)]
    at: Option<At>,
    /// By the reference lists of this date instead, or of `now`.
    #[param(inline, required = false)]
    lists: Option<Lists>,
    /// Where the page before ended.
    #[param(inline, required = false)]
    cursor: Option<Cursor>,
    /// At most so many rows. CSV without `limit` and `cursor` has every row.
    #[param(inline, required = false)]
    limit: Option<Limit>,
}

/// Hosts by site and name
///
/// Page by page, with how each stands and why. A tool that keeps a copy asks for `changed_since` the time of its last question.
#[utoipa::path(get, path = "/hosts", tag = "hosts", params(Asked), responses((status = 200, description = "A page of hosts", body = List<HostSummary>)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let word = |word: Option<Word>| word.map(|word| word.0);
    let hosts = HostsAsked {
        site: word(asked.site),
        os: word(asked.os),
        tag: word(asked.tag),
        product: word(asked.product),
        state: asked.state.map(Into::into),
        name: word(asked.q),
        stale: asked.stale,
        warned: asked.warned,
        changed_since: asked.changed_since.map(|since| since.0),
        lists_of: Lists::at(asked.lists, asker.now),
    };
    let question = Arc::new((hosts, asker.viewer.scope));
    let (at, ages) = (asked.at.map(|at| at.0), (asker.now, shared.stale_after_days));
    let page = move |after: Option<Place>, limit| {
        let (shared, question) = (shared.clone(), Arc::clone(&question));
        async move {
            let (hosts, scope) = question.as_ref();
            let wanted = (after.as_ref(), limit);
            let page = host_list::page(&shared.store, &shared.judge, scope, (hosts, at), wanted, ages).await?;
            Ok::<_, HttpError>((page.items.into_iter().map(row).collect::<Vec<_>>(), page.next))
        }
    };
    if wanted.is_csv() && asked.limit.is_none() && asked.cursor.is_none() {
        return whole::csv(move |after| page(after, whole::at_once(at.is_some()))).await;
    }
    let after = asked.cursor.as_ref().map(Cursor::host);
    let (items, next) = page(after, asked.limit.unwrap_or_default().rows()).await?;
    wanted.rows(&List { items, next: next.as_ref().map(Cursor::after_host) })
}

fn row(line: HostLine) -> HostSummary {
    let arrival = line.arrival;
    HostSummary {
        site: line.site,
        host: line.name,
        os: line.os,
        system: line.system,
        kernel: line.kernel,
        tag: line.tag,
        packages: line.packages,
        state: line.state.into(),
        reason: line.reason,
        since: Time(line.since),
        last_report: Time(line.last_news),
        received: arrival.as_ref().map(|arrival| Time(arrival.received)),
        changed: arrival.as_ref().map(|arrival| Time(arrival.changed)),
        signed: arrival.as_ref().map(|arrival| arrival.signed),
        source: arrival.map(|arrival| arrival.source),
        warnings: Sentences(line.warnings.iter().map(ToString::to_string).collect()),
    }
}
