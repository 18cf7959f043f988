//! `inbox`: what waits, failed or is held, and what becomes of it.

use std::io::Write as _;

use anyhow::Context as _;
use wlcg_package_collector::access::Scope;
use wlcg_package_collector::cli::Inbox;
use wlcg_package_collector::store::InboxState;
use wlcg_package_collector::{answers, inbox_decision, table};

use super::{Invocation, say};

/// Lists, shows and decides.
pub(crate) async fn run(call: &Invocation, action: Option<Inbox>) -> anyhow::Result<()> {
    let store = call.store().await?;
    let by = call.by();
    match action.unwrap_or(Inbox::List { state: None, limit: 1000 }) {
        Inbox::List { state, limit } => {
            let state = state
                .map(|word| {
                    InboxState::ALL.into_iter().find(|state| state.as_str() == word).with_context(|| {
                        format!("inbox state {word:?}: expected waiting, opened, held, unreadable or rejected")
                    })
                })
                .transpose()?;
            call.show(&answers::inbox::answer(&store, &Scope::All, state, limit).await?)
        }
        Inbox::Show { report } => {
            let (_, body) = store
                .inbox_report(report.parse()?)
                .await?
                .with_context(|| format!("no report {report} in the inbox: `inbox list` shows those there are"))?;
            Ok(std::io::stdout().write_all(&body)?)
        }
        Inbox::Approve { report } => {
            let approved = inbox_decision::approve(&store, report.parse()?, by).await?;
            let done = table::visible(&approved.described());
            say(&format!("{done}; {} reports wait again\n", approved.waiting()))
        }
        Inbox::Reject { report, reason } => {
            let rejected = inbox_decision::reject(&store, report.parse()?, &reason, by).await?;
            say(&format!("{rejected} reports rejected\n"))
        }
        Inbox::Retry { report } => {
            let hash = report.map(|report| report.parse()).transpose()?;
            say(&format!("{} reports wait again\n", inbox_decision::retry(&store, hash, by).await?))
        }
    }
}
