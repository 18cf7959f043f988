//! `GET /api/v1/inbox/groups`: reports that were set aside and are alike.

use axum::extract::State as Axum;
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::Asker;
use super::super::answer::{List, Wanted};
use super::super::cursor::Cursor;
use super::super::question::{Limit, Question, Word};
use super::super::rows::{Time, rows};
use super::{Trouble, not_for_sites};
use crate::answers::time;
use crate::problem::Problem;
use crate::registry::Directory;
use crate::store::{Apart, GroupPart, InboxFilter, InboxGroup, InboxState};

rows! {
    /// Reports that are alike: as far as they are told apart, with the rest left out.
    struct ReportGroup {
        /// The trouble that they are in.
        problem: Option<String>,
        /// The site that they claim to be of; empty when that is not known.
        site: Option<String>,
        /// The host that they claim to be of; empty when that is not known.
        host: Option<String>,
        /// SHA-256 of the key that signed them; empty when none did.
        key: Option<String>,
        /// How many.
        reports: i64,
        /// Of how many sites they claim to be.
        sites: i64,
        /// Of how many hosts' names they claim to be.
        hosts: i64,
        /// When the oldest came.
        oldest: Time,
        /// When the newest came.
        newest: Time,
        /// Names of known sites that are near to one that no registry knows.
        near: Vec<String>,
    }
}

/// What became of reports that a person may decide on.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum SetAside {
    /// Readable, but not believed as they are.
    #[default]
    Held,
    /// Cannot be opened or read.
    Unreadable,
    /// A person has decided against them.
    Rejected,
}

/// What may be asked of the groups.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct Asked {
    /// What became of them; without it those that are held.
    #[param(inline, required = false)]
    state: SetAside,
    /// Only what is in this trouble, told apart by site.
    #[param(inline, required = false)]
    problem: Option<Trouble>,
    /// Only what claims to be of this site, told apart by host and key.
    #[param(inline, required = false)]
    site: Option<Word>,
    /// Where the page before ended.
    #[param(inline, required = false)]
    cursor: Option<Cursor>,
    /// At most so many rows.
    #[param(inline, required = false)]
    limit: Limit,
}

/// The inbox by reasons
///
/// Reports that were set aside, told apart by their trouble; those of one trouble by site; those of one site by host and key. Not
/// for the role `site`.
#[utoipa::path(get, path = "/inbox/groups", tag = "reports", params(Asked), responses((status = 200, description = "A page of groups", body = List<ReportGroup>)))]
pub(in super::super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    not_for_sites(&asker.viewer)?;
    let state = match asked.state {
        SetAside::Held => InboxState::Held,
        SetAside::Unreadable => InboxState::Unreadable,
        SetAside::Rejected => InboxState::Rejected,
    };
    let apart = match (&asked.problem, &asked.site) {
        (_, Some(_)) => Apart::Host,
        (Some(_), None) => Apart::Site,
        (None, None) => Apart::Problem,
    };
    let problem = asked.problem.map(|trouble| trouble.0);
    let site = asked.site.map(|site| site.0);
    let filter = InboxFilter { state: Some(state), problem, site, ..InboxFilter::default() };
    let words = asked.cursor.as_ref().map(Cursor::host);
    let place = words.as_ref().map(|(word, key)| (word.as_str(), key.as_str()));
    let part = GroupPart::After { place, limit: asked.limit.and_one() };
    let mut groups = shared.store.inbox_groups(&asker.viewer.scope, &filter, apart, part).await?;
    // Two words always: one alone may be empty.
    let next = asked.limit.cut(&mut groups).map(|last| match apart {
        Apart::Problem => Cursor::after(&[&last.problem, ""]),
        Apart::Site => Cursor::after(&[&last.site, ""]),
        Apart::Host => Cursor::after(&[&last.host, &last.sender]),
    });
    let unknown = problem == Some(Problem::UnknownSite) && apart == Apart::Site;
    let directory = if unknown { shared.store.directory().await? } else { Directory::default() };
    wanted.rows(&List { items: groups.into_iter().map(|group| row(group, apart, &directory)).collect(), next })
}

fn row(group: InboxGroup, apart: Apart, directory: &Directory) -> ReportGroup {
    let told = |by: Apart, word: String| (apart == by).then_some(word);
    ReportGroup {
        near: directory.near(&group.site).into_iter().map(str::to_owned).collect(),
        problem: told(Apart::Problem, group.problem),
        site: told(Apart::Site, group.site),
        host: told(Apart::Host, group.host),
        key: told(Apart::Host, group.sender),
        reports: group.reports,
        sites: group.sites,
        hosts: group.hosts,
        oldest: Time(time(group.oldest)),
        newest: Time(time(group.newest)),
    }
}
