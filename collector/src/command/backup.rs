//! `backup` and `restore`: everything in one file, from and into either kind of database.

use std::path::Path;

use anyhow::Context as _;
use wlcg_package_collector::store::{CopiedTable, Store, retrying};
use wlcg_package_collector::{backup, config};

use super::{Invocation, say};

/// The step of the schema that brought the audit log.
const LOG_SINCE: i64 = 2;

/// Writes everything into a file, while reports go on arriving. The schema stays as it is: this is what one does before an
/// upgrade.
pub(crate) async fn backup(call: &Invocation, file: &Path) -> anyhow::Result<()> {
    let store = connected(call).await?;
    let tables = backup::backup(&store, file).await.context("making a backup")?;
    let told = format!("{}: {}", file.display(), told(&tables));
    if store.schema_version().await? >= LOG_SINCE {
        note(call, &store, "backup", &told)
            .await
            .context("the backup is whole, but the audit log does not tell of it")?;
    }
    say(&format!("{told}\n"))
}

/// Fills the configured database, which is empty, from a file.
pub(crate) async fn restore(call: &Invocation, file: &Path) -> anyhow::Result<()> {
    let store = connected(call).await?;
    let tables = backup::restore(file, &store).await.context("restoring a backup")?;
    note(call, &store, "restore", &format!("{}: {}", file.display(), told(&tables))).await?;
    say(&format!("{}: {}\n", config::redacted(&call.database()?), told(&tables)))
}

async fn note(call: &Invocation, store: &Store, action: &str, object: &str) -> anyhow::Result<()> {
    retrying(|| async {
        let mut writing = store.begin().await?;
        writing.audit(&call.by().did(action, object)).await?;
        writing.commit().await
    })
    .await?;
    Ok(())
}

async fn connected(call: &Invocation) -> anyhow::Result<Store> {
    let url = call.database()?;
    Store::connect(&url).await.with_context(|| format!("opening {}", config::redacted(&url)))
}

fn told(tables: &[CopiedTable]) -> String {
    let rows = |name: &str| tables.iter().find(|table| table.name == name).map_or(0, |table| table.rows);
    let all: u64 = tables.iter().map(|table| table.rows).sum();
    format!("{} reports and {} hosts, {all} rows of {} tables", rows("inbox"), rows("host"), tables.len())
}
