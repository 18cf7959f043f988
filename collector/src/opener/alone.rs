//! One report on its way into its host's history, in whatever state the host and its list are.

use super::Opening;
use crate::sender::{self, Believed, Doubt, Policy};
use crate::store::{StoreError, Writing};
use crate::unseal::Unreadable;

/// Sender, host, list, state and mark in the caller's transaction. A list that is known by its bytes is not parsed.
pub(super) async fn store(
    writing: &mut Writing,
    opening: &Opening<'_>,
    policy: &Policy,
) -> Result<Result<(), Unreadable>, StoreError> {
    let Opening { sealed, claim, signer, claimed, lines } = opening;
    let name = (claim.site, claim.header.host.as_ref());
    let known = writing.known_sender(name, signer.map(|signer| signer.key)).await?;
    let is_handed_in = signer.is_none() && !sealed.handed_in.is_empty();
    let believed = if is_handed_in {
        sender::judge_handed_in(claim.site, &known)
    } else {
        sender::judge(claim.site, *signer, &known, policy)
    };
    let believed = match believed {
        Ok(Believed::AsKnown) => Believed::AsKnown,
        doubted => {
            // Whom a person has decided against is asked about no more.
            let rejected = match is_handed_in {
                true => None,
                false => writing.rejected_sender(name, signer.map(|signer| signer.key)).await?,
            };
            let rejected = rejected.map(|(problem, told)| Doubt::Rejected { told, problem });
            match rejected.map_or(doubted, Err) {
                Ok(believed) => believed,
                Err(doubt) => return Ok(Err(Unreadable::Sender(Box::new(doubt)))),
            }
        }
    };
    let known = writing.list_id(*lines).await?;
    let parsed = match known {
        Some(_) => None,
        None => match claim.package_list() {
            Ok(parsed) => Some(parsed),
            Err(reason) => return Ok(Err(reason)),
        },
    };
    if !writing.mark_opened(sealed.hash, claimed).await? {
        return Ok(Ok(()));
    }
    if let Believed::First(key) = believed {
        writing.pin_first(name, key, sealed.received).await?;
    }
    let host = writing.host_id(claim.site, &claim.header.host).await?;
    let facts = writing.facts_id(&claim.facts_text()).await?;
    let list = match (known, parsed) {
        (Some(list), _) => list,
        // Lines in another order than the canonical one may still be a list that is known.
        (None, Some((digest, packages))) => {
            match if digest == *lines { None } else { writing.list_id(digest).await? } {
                Some(list) => list,
                None => {
                    let ids = writing.package_ids(&packages).await?;
                    let relatives = writing.relatives(host.host, claim.site).await?;
                    writing.add_list(digest, &ids, &relatives).await?
                }
            }
        }
        (None, None) => return Err(StoreError::Inconsistent("a list neither known nor parsed".to_owned())),
    };
    writing.add_to_history(host, (claim.collected.as_second(), list, facts), opening.arrival()).await?;
    Ok(Ok(()))
}
