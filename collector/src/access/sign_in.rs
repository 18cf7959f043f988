//! Signing in without a proxy: links that work once, made by whoever may use the program on the collector's machine.

use super::Viewer;
use super::deed::By;
use super::secret::{NoRandom, Secret};
use crate::store::{Store, StoreError};

/// A new link at the address where people reach the desk; it works once, within `minutes`.
///
/// # Errors
/// [`SecretError`].
pub async fn link(store: &Store, viewer: &Viewer, url: &str, minutes: u32, by: By<'_>) -> Result<String, SecretError> {
    let secret = Secret::new()?;
    let described = viewer.described();
    let deed = by.did("sign-in link", &described);
    store.add_link(secret.digest(), viewer, by.at.saturating_add(i64::from(minutes) * 60), &deed).await?;
    Ok(format!("{}/sign-in?link={}", url.trim_end_matches('/'), secret.reveal()))
}

/// Why there is no link or token.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Nothing to make it of.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such token.
    #[error("no token {0} that still holds: `token list` shows those there are")]
    NoToken(i64),
}
