//! Keeps the people of GOCDB's export as the file has them, and notes in the audit log when that changed.

use std::time::Duration;

use tokio::sync::watch;

use super::contacts::Contacts;
use super::deed::By;
use super::log::AuditLog;
use crate::clock;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(10);

/// Reads the file again whenever it changes, until `stopped`.
pub async fn keep_refreshing(contacts: Contacts, log: AuditLog, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        refresh(&contacts, &log).await;
    }
}

/// Reads the file if it changed: who may see what changes with it, and a file that cannot be used is news as well.
pub async fn refresh(contacts: &Contacts, log: &AuditLog) {
    let contacts = contacts.clone();
    let told = match tokio::task::spawn_blocking(move || contacts.refresh()).await {
        Ok(Some(Ok(read))) => format!("{} people at {} sites", read.people, read.sites),
        Ok(Some(Err(error))) => {
            tracing::error!(%error, "people are as before");
            error.to_string()
        }
        Ok(None) | Err(_) => return,
    };
    let by = By { at: clock::now().as_second(), person: "", role: "", source: "" };
    log.note(&by.did("gocdb roles", &told));
}
