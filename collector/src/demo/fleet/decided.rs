//! What the invented officer has decided: a report that names no site is rejected, and a mail is approved.

use jiff::Timestamp;

use super::FleetError;
use crate::access::deed::By;
use crate::inbox_decision::alike;
use crate::problem::Problem;
use crate::store::{InboxFilter, InboxState, MessageState, Store};

/// Rejects what has a placeholder as its site, as the page of the inbox advises.
///
/// # Errors
/// [`FleetError`].
pub(super) async fn reject(store: &Store, now: Timestamp) -> Result<u64, FleetError> {
    let placeholders =
        InboxFilter { state: Some(InboxState::Held), problem: Some(Problem::SiteName), ..InboxFilter::default() };
    let by = By::operator("demo officer", now.as_second());
    Ok(alike::reject(store, &placeholders, "the site was told to set its name", by).await?)
}

/// Approves the first of a campaign's mails: it waits for a process that has a mail server, and none is made up.
///
/// # Errors
/// [`FleetError`].
pub(super) async fn approve_a_mail(store: &Store, campaign: i64, now: Timestamp) -> Result<(), FleetError> {
    let messages = store.messages(campaign).await?;
    let first = messages.iter().find(|message| message.state == MessageState::Preview);
    let Some(first) = first.map(|message| message.content.digest) else { return Ok(()) };
    let by = By::operator("demo officer", now.as_second());
    store.approve(campaign, &[first], &by.did("campaign approve", super::campaign::NAME)).await?;
    Ok(())
}
