//! `token` and `sign-in`: how programs and people come in where no proxy names them.

use anyhow::Context as _;
use wlcg_package_collector::access::{Role, Viewer, people, sign_in, token};
use wlcg_package_collector::cli::{RoleName, Token};
use wlcg_package_collector::config::Config;
use wlcg_package_collector::store::Store;

use super::{Invocation, say};

/// Prints a link that signs a person in once.
pub(crate) async fn sign_in(call: &Invocation, name: String, role: RoleName, sites: Vec<String>) -> anyhow::Result<()> {
    let viewer = people::with_role(name, role_named(role), sites)?;
    let store = call.store().await?;
    say(&format!("{}\n", sign_in_link(call, &store, &viewer, &address(&call.config)?).await?))
}

/// Makes, lists or ends tokens.
pub(crate) async fn token(call: &Invocation, command: Token) -> anyhow::Result<()> {
    let store = call.store().await?;
    match command {
        Token::New { name, role, site, days } => {
            let viewer = people::with_role(name, role_named(role), site)?;
            say(&format!("{}\n", token::new(&store, &viewer, days, call.by()).await?.reveal()))
        }
        Token::List => call.show(&token::list(&store, call.now.as_second()).await?),
        Token::Revoke { id } => {
            token::revoke(&store, id, call.by()).await?;
            say(&format!("token {id} is revoked\n"))
        }
    }
}

/// A link below this address that signs a viewer in once.
pub(crate) async fn sign_in_link(
    call: &Invocation,
    store: &Store,
    viewer: &Viewer,
    url: &str,
) -> anyhow::Result<String> {
    sign_in::link(store, viewer, url, call.config.sign_in_link_minutes, call.by())
        .await
        .context("making a sign-in link")
}

/// Where people reach the desk, as far as the configuration tells.
fn address(config: &Config) -> anyhow::Result<String> {
    if let Some(url) = &config.public_url {
        return Ok(url.clone());
    }
    anyhow::ensure!(
        !config.listen.starts_with("unix:"),
        "the desk is behind a proxy on {}: set `public_url` to the address where people reach it",
        config.listen
    );
    Ok(format!("http://{}", config.listen))
}

fn role_named(name: RoleName) -> Role {
    match name {
        RoleName::Officer => Role::Officer,
        RoleName::Reader => Role::Reader,
        RoleName::Site => Role::Site,
    }
}
