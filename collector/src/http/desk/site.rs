//! `GET /sites/{site}`: one site.

use axum::extract::{Path, State};
use axum::response::Response;

use super::super::Shared;
use super::super::error::HttpError;
use super::super::question::Question;
use super::super::visitor::Visitor;
use super::{frame, page};
use crate::answers::campaign::SiteInCampaign;
use crate::answers::matrix::Line;
use crate::answers::site::{self, SiteHost};
use crate::answers::warnings::WarningKind;
use crate::desk::frame::{Paging, Section};
use crate::desk::piece;
use crate::desk::site::{Asked, HOSTS_PER_PAGE, HostRow, SitePage};
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
    let (store, judge, scope) = (&shared.store, &shared.judge, &frame.viewer.scope);
    let Some(found) = site::answer(store, judge, scope, &name, shared.reading(frame.now)).await? else {
        return Err(HttpError::NoSite(name));
    };
    let (systems, warnings) = (found.systems(), found.warnings());
    let line = found
        .line
        .unwrap_or_else(|| Line { products: vec![Default::default(); found.products.len()], ..Line::default() });
    let rows = rows(found.hosts, &asked);
    let (entry, reports, products) = (found.entry, found.reports, found.products);
    let campaigns = found.campaigns.into_iter().map(told).collect();
    let number = rows.len();
    let link = format!(
        "?q={}&state={}&product={}&os={}&warned={}&page=",
        piece(&asked.q),
        piece(&asked.state),
        piece(&asked.product),
        piece(&asked.os),
        piece(&asked.warned)
    );
    let paging = Paging::of(number, HOSTS_PER_PAGE, asked.page, link);
    page(&SitePage {
        registered: entry.as_ref().map(registered).unwrap_or_default(),
        hosts: line.hosts,
        products: products.into_iter().zip(line.products).filter(|(_, cell)| cell.counts.total() > 0).collect(),
        warnings: warnings.into_iter().map(|(kind, hosts)| (words(kind), hosts)).collect(),
        campaigns,
        rows: rows.into_iter().skip((paging.page - 1) * HOSTS_PER_PAGE).take(HOSTS_PER_PAGE).collect(),
        found: number,
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

/// A campaign's number, its name, and how the site stands in it.
fn told(campaign: SiteInCampaign) -> (i64, String, String) {
    let SiteInCampaign { id, name, deadline, site } = campaign;
    let (asked, open) = (site.tally.asked(), site.tally.open());
    (id, name, format!("{}; {open} of {asked} hosts to do by {deadline}", site.state.as_str()))
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
            && (asked.os.is_empty() || asked.os == host.os())
            && (asked.warned != "yes" || !host.warnings.is_empty());
        wanted.then(|| HostRow {
            os: host.os().to_owned(),
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

fn words(kind: WarningKind) -> &'static str {
    match kind {
        WarningKind::Silent => "silent",
        WarningKind::Unsigned => "not signed: nothing proves who sent the newest report",
        WarningKind::Outside => "from outside of the site's networks",
        WarningKind::ClockAhead => "with a clock that is ahead",
        WarningKind::Complaint => "with a complaint of their own, such as a certificate that ends",
    }
}
