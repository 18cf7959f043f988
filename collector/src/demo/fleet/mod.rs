//! `demo --fleet N`: fills a fresh collector with an invented grid through the real way in, so that every page has something to show.

mod campaign;
mod catalogue;
mod check;
mod decided;
mod error;
mod farm;
mod fill;
mod grid;
mod host;
mod image;
mod kernel;
mod names;
mod odd;
mod product;
mod references;
mod refused;
mod registries;
mod seal;
mod site;
mod system;
mod text;

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use report::sealed::{KeyKind, OpeningKey};

pub use self::error::FleetError;
use self::grid::Grid;
use self::seal::Sealer;
use self::text::Writer;
use super::LINK_MINUTES;
use crate::access::deed::By;
use crate::access::{Role, Scope, Viewer, sign_in};
use crate::config::Config;
use crate::store::Store;
use crate::{clock, keys, serve};

/// The last day of the invented year, counted from its first; its end is now.
const TODAY: i32 = 365;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// The one grid that there is: whoever fills a collector on the same second with as many hosts has the same.
const SEED: u64 = 2015;

/// How large the grid is, and where it lives.
#[derive(Debug)]
pub struct Fleet {
    /// How many hosts report.
    pub hosts: u32,
    /// Keeps the key, and the database when no other is named; a temporary one when absent.
    pub folder: Option<PathBuf>,
    /// Where to fill it in; must be empty.
    pub database: Option<String>,
    /// Whether to end when everything was filled in and checked.
    pub once: bool,
    /// A host without news for so many days is unknown.
    pub stale_after_days: u32,
}

/// Fills a collector, checks it, and shows it; `out` gets what people read.
///
/// # Errors
/// [`FleetError`] names the step that did not happen.
pub async fn run(fleet: &Fleet, now: Timestamp, out: &mut (dyn Write + Send)) -> Result<(), FleetError> {
    let temporary = tempfile::tempdir()?;
    let folder = fleet.folder.as_deref().unwrap_or(temporary.path());
    let own_database = || format!("sqlite:{}", folder.join("collector.sqlite").display());
    let database = fleet.database.clone().unwrap_or_else(own_database);
    let shown = crate::config::redacted(&database);
    let store = Store::open(&database).await?;
    check::is_fresh(&store, now, &shown).await?;
    let key_folder = folder.join("keys");
    let (secret, _) = keys::new(&key_folder, &format!("demo-{}", now.as_second()), KeyKind::EcP256, now, 365, None)?;
    let key_files = keys::load(&[], &key_folder, None)?;
    let keys: Vec<OpeningKey> = key_files.iter().map(|file| file.key.clone()).collect();

    let grid = Arc::new(Grid::invent(fleet.hosts, SEED, now));
    writeln!(out, "1. A grid was invented: {} sites with {} hosts.", grid.sites.len(), grid.hosts.len())?;
    registries::fill(&store, &grid, now).await?;
    references::fill(&store, &grid).await?;
    let campaign = campaign::fill(&store, &grid).await?;
    refused::fill(&store, &grid).await?;
    writeln!(out, "2. The hosts report for a year, into {shown}:")?;
    out.flush()?;
    let sealer = sealer(&grid, &keys, now)?;
    let begun = clock::now();
    let filled = fill::fill(&store, keys, &grid, sealer, out).await?;
    let seconds = clock::now().as_second().saturating_sub(begun.as_second()).max(1);
    let a_second = i64::try_from(filled.stored).unwrap_or(i64::MAX) / seconds;
    writeln!(out, "   received and opened in {seconds} s, {a_second} a second; {} came twice", filled.duplicates)?;

    if let Some(campaign) = campaign {
        campaign::write_to_sites(&store, campaign, now, fleet.stale_after_days).await?;
        decided::approve_a_mail(&store, campaign, now).await?;
    }
    decided::reject(&store, now).await?;
    let found = check::everything(&store, &grid, filled, now, fleet.stale_after_days).await?;
    writeln!(out, "3. Every report is there. Hosts by their worst package: {found}.")?;
    if !fleet.once || fleet.folder.is_some() || fleet.database.is_some() {
        writeln!(out, "\nTry next{}:", if fleet.once { "" } else { ", in another terminal" })?;
        for example in EXAMPLES {
            writeln!(out, "   wlcg-package-collector --database {shown} {example}")?;
        }
    }
    out.flush()?;
    if fleet.once {
        store.close().await;
        return Ok(());
    }
    let (listening, serve::Address(url)) = serve::bind("127.0.0.1:0").await?;
    let viewer = Viewer { name: "demo".to_owned(), role: Role::Officer, scope: Scope::All };
    let by = By::operator("demo", clock::now().as_second());
    let link = sign_in::link(&store, &viewer, &url, LINK_MINUTES, by).await?;
    writeln!(out, "\nThe desk, signed in once and within {LINK_MINUTES} minutes: {link}")?;
    writeln!(out, "The collector goes on until Ctrl-C; the key that opens further reports is {}.", secret.display())?;
    out.flush()?;
    let stop = serve::asked_to_end()?;
    Ok(serve::serve(store, &Config::default(), key_files, listening, stop).await?)
}

const EXAMPLES: [&str; 5] = [
    "hosts --site DEMO-T0-PROD",
    "who 'xrootd-server < 5.7'",
    "compare --product xrootd --format csv",
    "reference list",
    "inbox list --state held",
];

fn sealer(grid: &Arc<Grid>, keys: &[OpeningKey], now: Timestamp) -> Result<Sealer, FleetError> {
    let recipient = keys.last().ok_or(FleetError::NoKey)?.recipient().clone();
    let end = Timestamp::from_second(now.as_second() + DAY).unwrap_or(now);
    let stranger = OpeningKey::generate(KeyKind::EcP256, "another collector", now, end)?.recipient().clone();
    Ok(Sealer { writer: Writer::new(Arc::clone(grid)), recipient, stranger, senders: Mutex::default() })
}
