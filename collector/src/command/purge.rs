//! `purge`: deletes now what has been kept long enough, as `serve` does by itself every hour, or what somebody asks to be gone.

use anyhow::Context as _;
use wlcg_package_collector::cli::Purge;
use wlcg_package_collector::store::Whose;
use wlcg_package_collector::{purge, query};

use super::{Invocation, say};

/// Deletes and tells how much.
pub(crate) async fn run(call: &Invocation, what: &Purge) -> anyhow::Result<()> {
    let whose = whose(what)?;
    let before = what.history_before.as_deref().map(query::parse_since).transpose()?;
    let store = call.store().await?;
    if let Some(before) = before {
        let gone = match what.dry_run {
            true => store.ended_by(before.as_second()).await?,
            false => purge::purge_history(&store, before, call.by()).await?,
        };
        return say(&format!("{} {gone} that ended before {before}\n", verb(what)));
    }
    if let Some(whose) = whose {
        let gone = match what.dry_run {
            true => store.known_of(whose).await?,
            false => purge::forget(&store, whose, call.by()).await?,
        };
        return say(&format!("{} of {whose}: {gone}\n", verb(what)));
    }
    let days = call.config.keep_opened_reports_days;
    let purged = purge::purge(&store, days, call.now, call.by()).await?;
    say(&format!("deleted {purged} opened reports that were received more than {days} days ago\n"))
}

fn whose(what: &Purge) -> anyhow::Result<Option<Whose<'_>>> {
    if let Some(text) = &what.host {
        // No host's name has a slash.
        let (site, name) = text
            .rsplit_once('/')
            .filter(|(site, name)| !site.is_empty() && !name.is_empty())
            .with_context(|| format!("purge --host {:?}: write SITE/HOST, such as CERN-PROD/wn1.cern.ch", text))?;
        return Ok(Some(Whose::Host { site, name }));
    }
    anyhow::ensure!(what.site.as_deref() != Some(""), "purge --site: write the name of a site, such as CERN-PROD");
    Ok(what.site.as_deref().map(Whose::Site))
}

fn verb(what: &Purge) -> &'static str {
    if what.dry_run { "would delete" } else { "deleted" }
}
