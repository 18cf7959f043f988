//! The commands that go on until they are told to end: serve, open and mail.

use std::sync::Arc;

use wlcg_package_collector::access::{Role, people};
use wlcg_package_collector::cli::Serve;
use wlcg_package_collector::opener::Opener;
use wlcg_package_collector::sending::Courier;
use wlcg_package_collector::{serve, systemd};

use super::access::sign_in_link;
use super::{Invocation, say};

/// All roles on one address unless switched off.
pub(crate) async fn serve(mut call: Invocation, roles: Serve) -> anyhow::Result<()> {
    let config = &mut call.config;
    config.receive &= !roles.no_receive;
    config.open &= !roles.no_open;
    config.desk &= !roles.no_desk;
    if let Some(listen) = roles.listen {
        config.listen = listen;
    }
    let keys = if call.config.open { call.opening_keys()? } else { Vec::new() };
    let store = call.store().await?;
    let stop = serve::asked_to_end()?;
    let (listening, serve::Address(address)) = serve::bind(&call.config.listen).await?;
    let mut told = format!("listening on {address}\n");
    if let Some(url) = serve::embedded(&listening, &call.config) {
        let url = call.config.public_url.as_ref().unwrap_or(&url);
        let viewer = people::with_role("operator".to_owned(), Role::Officer, [])?;
        let link = sign_in_link(&call, &store, &viewer, url).await?;
        told += &format!("sign in, once and within {} minutes: {link}\n", call.config.sign_in_link_minutes);
    }
    say(&told)?;
    systemd::ready(&format!("listening on {address}"));
    Ok(serve::serve(store, &call.config, keys, listening, stop).await?)
}

/// Opens what waits in the inbox, until it is told to end or nothing waits any more.
pub(crate) async fn open(call: &Invocation, once: bool) -> anyhow::Result<()> {
    let keys = call.opening_keys()?;
    anyhow::ensure!(!keys.is_empty(), "opening needs a key: give --key FILE or make one with `keys new`");
    let keys = keys.into_iter().map(|file| file.key).collect();
    let opener = Opener::new(call.store().await?, keys).with_policy(call.config.policy());
    if once {
        let done = opener.open_waiting().await?;
        say(&format!("opened {}, set aside {}\n", done.opened, done.set_aside))?;
        anyhow::ensure!(done.waiting == 0, "{} reports wait for a key that cannot be used now", done.waiting);
        return Ok(());
    }
    let stop = serve::asked_to_end()?;
    serve::open_until(opener, stop).await;
    Ok(())
}

/// Sends what officers have approved, until it is told to end or nothing is due any more.
pub(crate) async fn mail(call: &Invocation, once: bool) -> anyhow::Result<()> {
    let config = &call.config;
    let courier = Courier::configured(call.store().await?, config)?;
    anyhow::ensure!(courier.has_a_way(), "nothing can be sent: write [mail] or [webhook] into the configuration");
    if once {
        let round = courier.send_waiting().await?;
        return say(&format!("sent {}, later {}, failed {}\n", round.sent, round.later, round.failed));
    }
    let watch = serve::Watch { sending: config.sending(), judge: Arc::default(), days: config.stale_after_days };
    let stop = serve::asked_to_end()?;
    serve::send_until(courier, watch, stop).await;
    Ok(())
}
