//! `purge`: deletes now what has been kept long enough, as `serve` does by itself every hour.

use wlcg_package_collector::purge;

use super::{Invocation, say};

/// Deletes and tells how much.
pub(crate) async fn run(call: &Invocation) -> anyhow::Result<()> {
    let store = call.store().await?;
    let days = call.config.keep_opened_reports_days;
    let purged = purge::purge(&store, days, call.now, call.by()).await?;
    say(&format!("deleted {purged} opened reports that were received more than {days} days ago\n"))
}
