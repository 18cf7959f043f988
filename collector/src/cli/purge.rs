//! What `purge` may be told to delete.

use clap::Args;

/// Options of `purge`; without any, opened reports that were kept long enough go.
#[derive(Debug, Args)]
pub struct Purge {
    /// Everything that is known of one host
    #[arg(long, value_name = "SITE/HOST", group = "what")]
    pub host: Option<String>,
    /// Everything that is known of a site and its hosts
    #[arg(long, value_name = "SITE", group = "what")]
    pub site: Option<String>,
    /// States that ended before 2026-01-31 (the beginning of that day, UTC) or RFC 3339
    #[arg(long, value_name = "DATE", group = "what")]
    pub history_before: Option<String>,
    /// Tell how much would go, and delete nothing
    #[arg(long, requires = "what")]
    pub dry_run: bool,
}
