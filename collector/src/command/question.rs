//! The commands that ask and change nothing.

use jiff::Timestamp;
use wlcg_package_collector::access::Scope;
use wlcg_package_collector::answers::campaign::Reading;
use wlcg_package_collector::answers::{self, diff::Sides, judge::Judge};
use wlcg_package_collector::cli::{Campaign, Command};
use wlcg_package_collector::query::{self, ListsOf, PackageQuery};
use wlcg_package_collector::store::{AuditFilter, Store};
use wlcg_package_collector::table::Table;

use super::Invocation;

/// Answers with a table.
pub(crate) async fn answer(call: &Invocation, store: &Store, question: Command) -> anyhow::Result<Table> {
    let (config, now) = (&call.config, call.now);
    let date = |at: Option<String>| at.map_or(Ok(now), |at| query::parse_date(&at));
    Ok(match question {
        Command::Audit { person, action, since, limit } => {
            let since = since.map(|since| query::parse_since(&since)).transpose()?;
            let wanted = AuditFilter {
                person: person.as_deref().unwrap_or_default(),
                action: action.as_deref().unwrap_or_default(),
                since: since.map_or(i64::MIN, Timestamp::as_second),
                before: i64::MAX,
                limit: i64::from(limit),
            };
            answers::audit::table(answers::audit::entries(store, wanted).await?)
        }
        Command::Campaign(wanted) => {
            let (judge, reading) = (Judge::default(), Reading { now, stale_after_days: config.stale_after_days });
            match wanted {
                Campaign::List => answers::campaign::list(store, &judge, &Scope::All, reading).await?,
                Campaign::Show { name } => answers::campaign::show(store, &judge, &Scope::All, &name, reading).await?,
            }
        }
        Command::Hosts { site, at } => answers::hosts::answer(store, &Scope::All, date(at)?, site.as_deref()).await?,
        Command::History(host) => {
            answers::history::answer(store, &Scope::All, &host.host, host.site.as_deref()).await?
        }
        Command::Diff { host, other, from, to, site } => {
            let from = from.map(|from| query::parse_date(&from)).transpose()?;
            let sides = Sides { host: &host, other: other.as_deref(), from, to: date(to)?, site: site.as_deref() };
            answers::diff::answer(store, &Scope::All, sides).await?
        }
        Command::Who { question, at, site } => {
            let question = PackageQuery::parse(&question)?;
            answers::who::answer(store, &Scope::All, &question, date(at)?, site.as_deref()).await?
        }
        Command::Compare { site, product, at, list_of } => {
            let lists_of = list_of.as_deref().map(str::parse::<ListsOf>).transpose()?.map(|of| of.at(now));
            let (judge, days) = (Judge::default(), config.stale_after_days);
            let compared = answers::compare::at(store, &judge, &Scope::All, date(at)?, lists_of, days).await?;
            compared.table(site.as_deref(), product.as_deref())
        }
        other => anyhow::bail!("{other:?} is no question"),
    })
}
