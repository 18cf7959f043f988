//! The only door to the database: one `Store` for SQLite and MySQL/MariaDB, every write a named, retryable transaction.

mod audit;
mod campaign;
mod contents;
mod copy;
mod count;
mod decision;
mod dialect;
mod error;
mod exception;
mod facts;
mod figures;
mod forget;
mod groups;
mod host;
mod host_page;
mod hosts_now;
mod inbox;
mod inbox_entry;
mod inbox_group;
mod known;
mod known_host;
mod list;
mod message;
mod migration;
mod new_list;
mod newest;
mod outbox;
mod package;
mod past;
mod persisting;
mod presence;
mod present;
mod purge;
mod reference;
mod refusal;
mod registry;
mod rejection;
mod reseal;
mod secret;
mod sender;
mod session;
mod silence;
mod spread;
mod state;
mod token;
mod turn;
mod viewer;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::install_default_drivers;
use sqlx::{Any, AnyConnection, AnyPool, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use self::dialect::{Dialect, dialect_of};
use self::known::{Ids, Known};
use self::persisting::persisting;
use crate::access::Scope;

pub use audit::{AuditFilter, AuditLine};
pub use campaign::StoredCampaign;
pub use copy::CopiedTable;
pub use count::{CountChange, HostPast, SilentGroup};
pub use error::StoreError;
pub use exception::StoredException;
pub use figures::InboxFigures;
pub use forget::{Forgotten, Whose};
pub use groups::{HostGroup, SiteGroups};
pub use host::HostId;
pub use host_page::{HostFilter, PastFilter, PresentHost};
pub use hosts_now::HostNow;
pub use inbox::{HandedIn, InboxState, Incoming, Sealed};
pub use inbox_entry::{InboxEntry, InboxFilter};
pub use inbox_group::{Apart, GroupPart, InboxGroup, InboxTotal, OfHost, StateCount};
pub use known_host::KnownHost;
pub use list::PackageIds;
pub use message::{Message, MessageKind, MessageState, NewMessage};
pub use new_list::NewLists;
pub use newest::{Newest, Present};
pub use package::Looked;
pub use past::Ended;
pub use present::Arrival;
pub use reference::{Added, ListVersion, NewVersion, StoredList};
pub use refusal::{OTHER_ADDRESSES, RefusalCount, RefusalGroup};
pub use rejection::ClaimedSender;
pub use reseal::{Kept, Place};
pub use sender::Pinned;
pub use silence::unless_silent;
pub use spread::{CountedAs, Spread};
pub use state::HostState;
pub use token::StoredToken;

/// Connections kept to MySQL; SQLite uses the same number for its readers.
const CONNECTIONS: u32 = 8;

/// How long a connection may take to be had, and SQLite may wait for another process's write.
const PATIENCE: Duration = Duration::from_secs(10);

/// A transaction is tried so often when another one was in its way.
const ATTEMPTS: u32 = 8;

/// A connected database.
#[derive(Clone)]
pub struct Store {
    pool: AnyPool,
    /// Where transactions that may write have their connections from.
    writers: AnyPool,
    dialect: Dialect,
    /// SQLite has one writer: waiting here is fair, waiting inside SQLite is not.
    writer: Arc<Mutex<()>>,
    known: Known,
    /// What was read of sites that had no news since.
    groups: Arc<groups::Known>,
    /// Where package lists lie, which never changes.
    places: Arc<contents::Places>,
}

impl Store {
    /// Connects to `sqlite:PATH` (made when new) or `mysql://USER:PASSWORD@HOST/DATABASE`, without touching the schema.
    ///
    /// # Errors
    /// [`StoreError`]; a database that cannot be reached is retryable.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let (dialect, url) = dialect_of(url)?;
        Store::connect_with(dialect, &url, dialect.session()).await
    }

    async fn connect_with(dialect: Dialect, url: &str, session: &'static [&'static str]) -> Result<Self, StoreError> {
        install_default_drivers();
        let pool = dialect.connections(session).max_connections(CONNECTIONS).connect(url).await?;
        let writers = match dialect {
            // Each connection has a cache of its own, which another one's commit empties.
            Dialect::Sqlite => dialect.connections(session).max_connections(1).connect_lazy(url)?,
            Dialect::Mysql => pool.clone(),
        };
        Ok(Store {
            pool,
            writers,
            dialect,
            writer: Arc::default(),
            known: Known::default(),
            groups: Arc::default(),
            places: Arc::default(),
        })
    }

    /// Connects and brings the schema up to this program's version.
    ///
    /// # Errors
    /// [`StoreError`], among them [`StoreError::NewerSchema`] when a newer program has used the database.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let store = Store::connect(url).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// Applies the migrations that are missing.
    ///
    /// # Errors
    /// [`StoreError`]; a migration that fails half-way is reported and nothing else runs.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.must_be_whole().await?;
        let _one_writer = self.writer.lock().await;
        let mut connection = self.pool.acquire().await?;
        migration::all(self.dialect).run(&mut *connection).await?;
        drop(connection);
        retrying(|| self.derive_presence()).await?;
        retrying(|| self.derive_present()).await
    }

    /// Asks the database for the smallest answer, to see that it is there and has our schema.
    ///
    /// # Errors
    /// [`StoreError`] when it is not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT id FROM reference_list WHERE id = 0").fetch_optional(&self.pool).await?;
        Ok(())
    }

    /// Closes every connection, so that SQLite folds its log into the database file.
    pub async fn close(&self) {
        self.writers.close().await;
        self.pool.close().await;
    }

    /// Begins a transaction that may write.
    ///
    /// # Errors
    /// [`StoreError`] when no connection is to be had.
    pub async fn begin(&self) -> Result<Writing, StoreError> {
        let one_writer = match self.dialect {
            Dialect::Sqlite => Some(Arc::clone(&self.writer).lock_owned().await),
            Dialect::Mysql => None,
        };
        Ok(Writing { one_writer, ..self.begin_unlocked().await? })
    }

    /// Begins a transaction for whoever holds the writer's lock already.
    async fn begin_unlocked(&self) -> Result<Writing, StoreError> {
        let transaction = match self.dialect {
            Dialect::Sqlite => self.writers.begin_with("BEGIN IMMEDIATE").await?,
            Dialect::Mysql => self.writers.begin().await?,
        };
        Ok(Writing {
            transaction,
            dialect: self.dialect,
            sites_with_news: BTreeSet::new(),
            one_writer: None,
            known: self.known.clone(),
            learned: Ids::default(),
        })
    }
}

/// An open transaction that may write; dropped without [`Writing::commit`] it leaves nothing behind.
pub struct Writing {
    transaction: Transaction<'static, Any>,
    dialect: Dialect,
    /// Ids of the sites whose hosts this transaction tells something of.
    sites_with_news: BTreeSet<i64>,
    #[expect(dead_code, reason = "held until the transaction ends")]
    one_writer: Option<OwnedMutexGuard<()>>,
    known: Known,
    /// What becomes known with the commit.
    learned: Ids,
}

impl Writing {
    /// Makes everything durable: when this returns, a power cut cannot take it back.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.tell_news().await?;
        self.transaction.commit().await?;
        self.known.keep(self.learned);
        Ok(())
    }

    fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }
}

/// Runs a transaction again while another one was in its way; every other failure is the caller's.
///
/// # Errors
/// Whatever `attempt` ends with, the conflict included once it has come too often.
pub async fn retrying<T, F>(attempt: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut pause = Duration::from_millis(2);
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(error) if error.is_conflict() => tokio::time::sleep(pause).await,
            done => return done,
        }
        pause *= 2;
    }
    attempt().await
}

/// `COLUMN IN (?, ?)` with a bind for each site of the scope; whoever sees no site sees nothing.
fn scope_condition(column: &str, scope: &Scope) -> String {
    match scope {
        Scope::All => "1 = 1".to_owned(),
        Scope::Sites(sites) if sites.is_empty() => "1 = 0".to_owned(),
        Scope::Sites(sites) => format!("{column} IN {}", rows_of_binds(1, sites.len())),
    }
}

/// `(?, ?, ?), (?, ?, ?)` for a multi-row INSERT.
fn rows_of_binds(rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    vec![row; rows].join(", ")
}

/// Rows in one statement: SQLite takes 32,766 binds, MySQL 65,535.
const ROWS_PER_STATEMENT: usize = 400;

/// Ids in one statement where the number of statements must not follow the number of what is asked for.
const IDS_PER_STATEMENT: usize = 30_000;
