//! `GET /sites/{site}`: one site.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::Response;

use super::super::Shared;
use super::super::error::HttpError;
use super::super::question::Question;
use super::super::visitor::Visitor;
use super::{frame, page};
use crate::answers::campaign::{self, Reading};
use crate::answers::matrix::{self, Line};
use crate::answers::site::{self, SiteHost};
use crate::answers::warnings::Warning;
use crate::desk::frame::{Paging, Section};
use crate::desk::piece;
use crate::desk::site::{Asked, HOSTS_PER_PAGE, HostRow, REPORTS_SHOWN, SitePage};
use crate::query::PackageQuery;
use crate::registry::SiteEntry;

/// One site, as far as it may be seen: another one is as if it did not exist.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path(name): Path<String>,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::Sites);
    let scope = frame.viewer.scope.narrowed(Some(&name));
    let (store, judge, now) = (&shared.store, &shared.judge, frame.now);
    let entry = if scope.holds(&name) { store.directory().await?.get(&name).cloned() } else { None };
    let matrix = matrix::at_present(store, judge, &scope, now, shared.stale_after_days).await?;
    let line = matrix.sites.into_iter().next();
    if line.is_none() && entry.is_none() {
        return Err(HttpError::NoSite(name));
    }
    let line =
        line.unwrap_or_else(|| Line { products: vec![Default::default(); matrix.products.len()], ..Line::default() });
    let standard = judge.standard_at(store, now).await?;
    let outside = |source: &str| entry.as_ref().is_some_and(|entry| entry.is_outside(source));
    let hosts = site::hosts(store, judge, &standard, &scope, &name, outside, (now, shared.stale_after_days)).await?;
    let reports = store.inbox_of_site(&name, REPORTS_SHOWN).await?;
    let mut systems: Vec<String> = hosts.iter().map(os_of).collect();
    systems.sort();
    systems.dedup();
    let warnings = warnings(&hosts);
    let reading = Reading { now, stale_after_days: shared.stale_after_days };
    let campaigns = campaign::of_site(store, judge, &scope, &name, reading).await?;
    let rows = rows(hosts, &asked);
    let found = rows.len();
    let link = format!(
        "?q={}&state={}&product={}&os={}&warned={}&page=",
        piece(&asked.q),
        piece(&asked.state),
        piece(&asked.product),
        piece(&asked.os),
        piece(&asked.warned)
    );
    let paging = Paging::of(found, HOSTS_PER_PAGE, asked.page, link);
    page(&SitePage {
        registered: entry.as_ref().map(registered).unwrap_or_default(),
        hosts: line.hosts,
        products: matrix.products.into_iter().zip(line.products).filter(|(_, cell)| cell.counts.total() > 0).collect(),
        warnings,
        campaigns,
        rows: rows.into_iter().skip((paging.page - 1) * HOSTS_PER_PAGE).take(HOSTS_PER_PAGE).collect(),
        found,
        asked,
        systems,
        reports,
        paging,
        site: name,
        frame,
    })
}

fn registered(entry: &SiteEntry) -> Vec<(&'static str, String)> {
    let prefixes: Vec<String> = entry.site.prefixes.iter().map(ToString::to_string).collect();
    let sources: Vec<&str> = entry.sources.iter().map(|source| source.as_str()).collect();
    vec![
        ("Country", entry.site.country.clone()),
        ("Tier", entry.site.tier.clone()),
        ("Contact", entry.site.contact.join(", ")),
        ("Security contact", entry.site.security.join(", ")),
        ("Networks", prefixes.join(", ")),
        ("Known from", sources.join(", ")),
    ]
}

fn os_of(host: &SiteHost) -> String {
    host.facts.os.as_deref().unwrap_or(&host.facts.system).to_owned()
}

/// Hosts that were asked for, those of most concern first.
fn rows(hosts: Vec<SiteHost>, asked: &Asked) -> Vec<HostRow> {
    let pattern = PackageQuery::parse(&asked.q).ok().filter(|query| query.literal_name().is_none());
    let product = (!asked.product.is_empty()).then_some(asked.product.as_str());
    let row = |host: SiteHost| {
        let (state, reason) = host.state(product)?;
        let wanted = match &pattern {
            Some(pattern) => pattern.matches_name(&host.name),
            None => host.name.contains(asked.q.trim()),
        } && (asked.state.is_empty() || asked.state == state.as_str())
            && (asked.os.is_empty() || asked.os == os_of(&host))
            && (asked.warned != "yes" || !host.warnings.is_empty());
        wanted.then(|| HostRow {
            os: os_of(&host),
            kernel: host.facts.kernel.to_string(),
            tag: host.facts.tag.clone(),
            state,
            reason,
            last_news: host.last_news,
            warnings: host.warnings,
            name: host.name,
        })
    };
    let mut rows: Vec<HostRow> = hosts.into_iter().filter_map(row).collect();
    rows.sort_by(|left, right| right.state.cmp(&left.state).then_with(|| left.name.cmp(&right.name)));
    rows
}

/// How many hosts have each kind of warning.
fn warnings(hosts: &[SiteHost]) -> Vec<(&'static str, usize)> {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for warning in hosts.iter().flat_map(|host| &host.warnings) {
        let kind = match warning {
            Warning::Stale(_) => "silent",
            Warning::Unsigned => "not signed: nothing proves who sent the newest report",
            Warning::Outside(_) => "from outside of the site's networks",
            Warning::ClockAhead(_) => "with a clock that is ahead",
            Warning::Reporter(_) => "with a complaint of their own, such as a certificate that ends",
        };
        *kinds.entry(kind).or_default() += 1;
    }
    kinds.into_iter().collect()
}
