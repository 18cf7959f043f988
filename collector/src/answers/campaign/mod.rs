//! Campaigns as they are kept, for whoever may see them.

mod events;
mod hosts;
mod letters;
mod outbox;
mod progress;
mod table;

use crate::access::Scope;
use crate::campaign::{Campaign, Contacts, Exception, Letter};
use crate::days::date;
use crate::reference::ReferenceList;
use crate::store::{Store, StoredCampaign, StoredException};

use super::{AnswerError, time};

pub use events::{announce, announce_done};
pub use hosts::{CampaignHost, hosts, page};
pub use letters::{Sending, addresses, is_behind, write};
pub use outbox::{Outbox, last_mails, outbox};
pub use progress::{CampaignProgress, Reading, progress};
pub use table::{SiteInCampaign, list, of_site, show};

/// Every campaign that asks a site which may be seen, the newest first.
///
/// # Errors
/// [`AnswerError`].
pub async fn all(store: &Store, scope: &Scope) -> Result<Vec<Campaign>, AnswerError> {
    let mut campaigns = Vec::new();
    for stored in store.campaigns().await? {
        let campaign = campaign_of(stored)?;
        if campaign.is_seen(scope) {
            campaigns.push(campaign);
        }
    }
    Ok(campaigns)
}

/// One campaign; one that asks no site which may be seen is as if it were not there.
///
/// # Errors
/// [`AnswerError::NoCampaign`].
pub async fn one(store: &Store, scope: &Scope, id: i64) -> Result<Campaign, AnswerError> {
    let found = store.campaign(id).await?.map(campaign_of).transpose()?;
    found.filter(|campaign| campaign.is_seen(scope)).ok_or_else(|| AnswerError::NoCampaign(id.to_string()))
}

/// The exceptions of a campaign for sites that may be seen, the newest first.
///
/// # Errors
/// [`AnswerError`].
pub async fn exceptions(store: &Store, scope: &Scope, campaign: i64) -> Result<Vec<Exception>, AnswerError> {
    let stored = store.exceptions(Some(campaign)).await?;
    Ok(stored.into_iter().filter(|exception| scope.holds(&exception.site)).map(exception_of).collect())
}

fn campaign_of(stored: StoredCampaign) -> Result<Campaign, AnswerError> {
    Ok(Campaign {
        id: stored.id,
        name: stored.name,
        note: stored.note,
        references: ReferenceList::from_toml(&stored.content)?,
        sites: stored.sites.lines().map(str::to_owned).collect(),
        begins: date(stored.begins),
        deadline: date(stored.deadline),
        contacts: Contacts::read(&stored.contacts)?,
        letter: Letter::read(&stored.subject, &stored.letter)?,
        author: stored.author,
        created: time(stored.created),
        closed: (stored.closed != 0).then(|| time(stored.closed)),
    })
}

fn exception_of(stored: StoredException) -> Exception {
    Exception {
        id: stored.id,
        site: stored.site,
        host: (!stored.host.is_empty()).then_some(stored.host),
        reason: stored.reason,
        author: stored.author,
        created: stored.created,
        expires: stored.expires,
    }
}
