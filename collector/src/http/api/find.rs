//! `GET /api/v1/find`: which hosts have a package, now or at a date.

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
use super::moment::At;
use super::question::{Limit, PackageQuestion, Question, Word};
use super::rows::{Time, rows};
use super::whole;
use crate::answers::find;
use crate::answers::select::{HostsAsked, Place};

rows! {
    /// A package on a host.
    struct FoundPackage {
        /// The host's site.
        site: String,
        /// The host.
        host: String,
        /// Short name of its system, such as `el9`, where we know one.
        os: Option<String>,
        /// The tag that its site gave it.
        tag: String,
        /// The package.
        package: String,
        /// Its version in its manager's form.
        version: String,
        /// Its architecture.
        arch: String,
        /// Its manager.
        packager: String,
        /// The host's last report, by its own clock.
        last_report: Time,
    }
}

/// What may be asked.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// `PACKAGE` or `PACKAGE OP VERSION`, OP one of `< <= = != >= >`; `*` and `?` in the name stand for others, and what the version
    /// leaves out (epoch, release) is not compared.
    #[param(inline, example = "xrootd-server < 5.6.4")]
    q: PackageQuestion,
    /// As it was then.
    #[param(inline, required = false)]
    #[serde(default)]
    at: Option<At>,
    /// Only this site.
    #[param(inline, required = false)]
    #[serde(default)]
    site: Option<Word>,
    /// Only this system: its short name, such as `el9`, or its own words where it has none.
    #[param(inline, required = false)]
    #[serde(default)]
    os: Option<Word>,
    /// Only this tag.
    #[param(inline, required = false)]
    #[serde(default)]
    tag: Option<Word>,
    /// Only hosts of this name, in which `*` stands for any text and `?` for one byte.
    #[param(inline, required = false)]
    #[serde(default)]
    host: Option<Word>,
    /// Only hosts without recent news, or only those with.
    #[serde(default)]
    stale: Option<bool>,
    /// Where the page before ended.
    #[param(inline, required = false)]
    #[serde(default)]
    cursor: Option<Cursor>,
    /// At most so many rows; more only to show one host whole. CSV without `limit` and `cursor` has every row.
    #[param(inline, required = false)]
    #[serde(default)]
    limit: Option<Limit>,
}

/// Which hosts have a package
///
/// One row for each host and package that the question matches, now or at a date.
#[utoipa::path(get, path = "/find", tag = "hosts", params(Asked), responses((status = 200, description = "A page of packages on hosts", body = List<FoundPackage>)))]
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
        name: word(asked.host),
        stale: asked.stale,
        ..HostsAsked::default()
    };
    let question = Arc::new((asked.q.0, hosts, asker.viewer.scope));
    let (at, ages) = (asked.at.map(|at| at.0), (asker.now, shared.stale_after_days));
    let page = move |after: Option<Place>, limit| {
        let (shared, question) = (shared.clone(), Arc::clone(&question));
        async move {
            let (q, hosts, scope) = question.as_ref();
            let wanted = (after.as_ref(), limit);
            let page = find::page(&shared.store, &shared.judge, scope, (q, hosts, at), wanted, ages).await?.page;
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

fn row(found: find::Found) -> FoundPackage {
    FoundPackage {
        site: found.site,
        host: found.host,
        os: found.os,
        tag: found.tag,
        package: found.package.name.into_owned(),
        version: found.package.version.into_owned(),
        arch: found.package.arch.into_owned(),
        packager: found.package.packager.to_string(),
        last_report: Time(found.last_news),
    }
}
