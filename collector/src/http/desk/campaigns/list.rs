//! `GET /campaigns`: every campaign that may be seen.

use axum::extract::State;
use axum::response::Response;

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::super::question::Question;
use super::super::super::visitor::Visitor;
use super::super::{frame, page};
use crate::answers::campaign;
use crate::campaign::SiteState;
use crate::desk::campaigns::list::{CAMPAIGNS_PER_PAGE, CampaignRow, CampaignsPage};
use crate::desk::frame::{Paging, Section};

/// Which part is asked for.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    page: usize,
}

/// The newest first.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::Campaigns);
    let (store, judge, scope) = (&shared.store, &shared.judge, &frame.viewer.scope);
    let all = campaign::all(store, scope).await?;
    let paging = Paging::of(all.len(), CAMPAIGNS_PER_PAGE, asked.page, "/campaigns?page=".to_owned());
    let mut campaigns = Vec::new();
    for campaign in all.into_iter().skip((paging.page - 1) * CAMPAIGNS_PER_PAGE).take(CAMPAIGNS_PER_PAGE) {
        let told = campaign::progress(store, judge, scope, campaign, shared.reading(frame.now)).await?;
        campaigns.push(CampaignRow {
            sites_done: told.sites.iter().filter(|site| site.state >= SiteState::Excepted).count(),
            sites: told.sites.len(),
            id: told.campaign.id,
            phase: told.phase,
            begins: told.campaign.begins,
            deadline: told.campaign.deadline,
            total: told.total,
            name: told.campaign.name,
        });
    }
    page(&CampaignsPage { frame, campaigns, paging })
}
