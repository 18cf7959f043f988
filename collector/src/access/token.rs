//! API tokens: made, listed and revoked by the operator.

use super::Viewer;
use super::deed::By;
use super::secret::Secret;
use super::sign_in::SecretError;
use crate::answers::time;
use crate::store::{Store, StoreError, StoredToken};
use crate::table::{Cell, Table};

/// A new token that holds for so many days.
///
/// # Errors
/// [`SecretError`].
pub async fn new(store: &Store, viewer: &Viewer, days: u32, by: By<'_>) -> Result<Secret, SecretError> {
    let secret = Secret::new_token()?;
    let described = viewer.described();
    let deed = by.did("token new", &described);
    store.add_token(secret.digest(), viewer, by.at.saturating_add(i64::from(days) * 86_400), &deed).await?;
    Ok(secret)
}

/// Every token, oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, now: i64) -> Result<Table, StoreError> {
    let state = |token: &StoredToken| match token {
        _ if token.holds(now) => "holds",
        StoredToken { revoked: 0, .. } => "expired",
        _ => "revoked",
    };
    let when = |seconds| Cell::Time((seconds != 0).then(|| time(seconds)));
    let rows = store.tokens().await?.into_iter().map(|token| {
        vec![
            Cell::Number(token.id),
            Cell::Text(state(&token).to_owned()),
            Cell::Text(token.viewer.role.as_str().to_owned()),
            Cell::Text(token.viewer.scope.sites().collect::<Vec<_>>().join(" ")),
            when(token.created),
            when(token.expires),
            when(token.last_used),
            Cell::Text(token.author),
            Cell::Text(token.viewer.name),
        ]
    });
    let columns = vec!["id", "state", "role", "sites", "created", "expires", "last_used", "author", "name"];
    Ok(Table { columns, rows: rows.collect() })
}

/// Ends a token for good.
///
/// # Errors
/// [`SecretError::NoToken`] when there is none of that number that was not revoked.
pub async fn revoke(store: &Store, id: i64, by: By<'_>) -> Result<(), SecretError> {
    let object = format!("token {id}");
    let deed = by.did("token revoke", &object);
    if store.revoke_token(id, &deed).await? { Ok(()) } else { Err(SecretError::NoToken(id)) }
}
