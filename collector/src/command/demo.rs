//! `demo`: the main job, or an invented grid, for a newcomer.

use std::path::PathBuf;

use anyhow::Context as _;
use wlcg_package_collector::demo::fleet::{self, Fleet};
use wlcg_package_collector::demo::{self, Demo};

use super::Invocation;

/// The main job on loopback, in a folder that is temporary unless named.
pub(crate) async fn main_job(
    call: Invocation,
    folder: Option<PathBuf>,
    reporter: Option<PathBuf>,
    once: bool,
) -> anyhow::Result<()> {
    let stale_after_days = call.config.stale_after_days;
    let temporary = tempfile::tempdir().context("making a folder for the demo")?;
    let folder = folder.unwrap_or_else(|| temporary.path().to_owned());
    Ok(demo::run(&Demo { folder, reporter, once, stale_after_days }, call.now, &mut std::io::stdout()).await?)
}

/// An invented grid of so many hosts. The configured database is somebody's real one: only one that is named is filled.
pub(crate) async fn fleet(call: Invocation, hosts: u32, folder: Option<PathBuf>, once: bool) -> anyhow::Result<()> {
    let stale_after_days = call.config.stale_after_days;
    let fleet = Fleet { hosts, folder, database: call.options.database, once, stale_after_days };
    Ok(fleet::run(&fleet, call.now, &mut std::io::stdout()).await?)
}
