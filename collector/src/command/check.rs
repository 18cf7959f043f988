//! `check`: whether all that is configured works, before it matters; changes nothing.

use anyhow::Context as _;
use report::sealed::Recipient;
use wlcg_package_collector::sending::Courier;
use wlcg_package_collector::store::Store;
use wlcg_package_collector::{answers, config, keys, recipient_bundle};

use super::{Invocation, say};

/// Tells what works, up to the first thing that does not.
pub(crate) async fn run(call: &Invocation) -> anyhow::Result<()> {
    let config = &call.config;
    say("configuration: ok\n")?;
    if let Some(read) = config.contacts().refresh() {
        let read = read?;
        say(&format!("gocdb_roles: {} people at {} sites\n", read.people, read.sites))?;
    }
    keys::recipients(&config.recipients)?;
    let keys = call.opening_keys()?;
    for file in &keys {
        file.key.prove().with_context(|| format!("key {}", file.place()))?;
        if let Some(token) = &file.token {
            say(&format!("{token}: opens what is sealed for {}\n", file.key.recipient().subject()))?;
        }
    }
    match keys.len() {
        0 => say("keys: none; reports can be received but not opened here\n")?,
        number => say(&format!("keys: {number} ok\n"))?,
    }
    if let Some(file) = &config.recipient_bundle_file {
        match recipient_bundle::read(file)? {
            None => say(&format!("recipient bundle: none at {} yet; `keys publish` makes it\n", file.display()))?,
            Some((bundle, _)) => {
                let subjects: Vec<_> = bundle.recipients.iter().map(Recipient::subject).collect();
                say(&format!("recipient bundle: {} for {}\n", bundle.serial, subjects.join(" and ")))?;
            }
        }
    }
    let url = call.database()?;
    let store = Store::connect(&url).await.with_context(|| config::redacted(&url))?;
    store.ping().await.with_context(|| format!("{}: run `migrate` first if it is new", config::redacted(&url)))?;
    say(&format!("database: {} ok\n", config::redacted(&url)))?;
    let courier = Courier::configured(store.clone(), config)?;
    if let Some(mailer) = courier.mailer() {
        say(&format!("mail: {} ok\n", mailer.check().await?))?;
    }
    if let Some(webhook) = &config.webhook {
        say(&format!("webhook: {} is told what officers approve; it was not asked now\n", webhook.url))?;
    }
    for (source, sites, imported) in store.registry_sources().await? {
        say(&format!("registry {source}: {sites} sites, the newest of {}\n", answers::time(imported)))?;
    }
    Ok(())
}
