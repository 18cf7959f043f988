//! Where SQLite and MySQL/MariaDB need different words, and how each is reached.

use std::path::Path;

use sqlx::any::AnyPoolOptions;
use sqlx::{Connection as _, Executor as _};

use super::{PATIENCE, StoreError, silence};

/// Where the two databases need different words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Mysql,
}

impl Dialect {
    /// How connections are made and kept; each says `session` first.
    pub(super) fn connections(self, session: &'static [&'static str]) -> AnyPoolOptions {
        let options = match self {
            Dialect::Sqlite => AnyPoolOptions::new(),
            Dialect::Mysql => {
                AnyPoolOptions::new().after_release(|connection, _| Box::pin(silence::still_answers(connection)))
            }
        };
        options
            .acquire_timeout(PATIENCE)
            // A full disk makes SQLite itself end a transaction, which the driver goes on believing in: nothing could be begun
            // on that connection again.
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    for statement in session {
                        connection.execute(*statement).await?;
                    }
                    Ok(())
                })
            })
    }

    /// What every new connection says first.
    pub(super) fn session(self) -> &'static [&'static str] {
        match self {
            Dialect::Sqlite => &[
                "PRAGMA busy_timeout = 10000",
                "PRAGMA journal_mode = WAL",
                // An acknowledged report must survive a power cut: NORMAL would sync only at checkpoints.
                "PRAGMA synchronous = FULL",
                // 16 MiB of log, four times SQLite's own: what is written back into the tables has one sync for several commits
                // of reports, and not one for two. Its index is one block of memory still.
                "PRAGMA wal_autocheckpoint = 4000",
                // A transaction of a batch of reports fits in memory: pages that are not committed are not written out.
                "PRAGMA cache_size = -16384",
                "PRAGMA temp_store = MEMORY",
            ],
            Dialect::Mysql => &[
                // Refuses what does not fit instead of cutting it.
                "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO'",
                // No gap locks: concurrent openers insert neighbouring keys all the time.
                "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            ],
        }
    }

    /// Ends an INSERT of one row so that its id comes back as a row, where it does not come by itself.
    pub(super) fn returning_id(self) -> &'static str {
        match self {
            Dialect::Sqlite => " RETURNING id",
            Dialect::Mysql => "",
        }
    }

    /// Ends a SELECT that is followed by a write to the same row.
    pub(super) fn for_update(self) -> &'static str {
        match self {
            Dialect::Sqlite => "",
            Dialect::Mysql => " FOR UPDATE",
        }
    }

    /// Ends an INSERT into `host_count` so that what is there is added to.
    pub(super) fn add_hosts(self) -> &'static str {
        match self {
            Dialect::Sqlite => " ON CONFLICT (list, facts, site, day) DO UPDATE SET hosts = hosts + excluded.hosts",
            Dialect::Mysql => " ON DUPLICATE KEY UPDATE hosts = hosts + VALUES(hosts)",
        }
    }

    /// Ends an INSERT into `presence` so that what is there is gone on with.
    pub(super) fn append_content(self) -> &'static str {
        match self {
            // SQLite makes a text of what it joins, of the same bytes.
            Dialect::Sqlite => {
                " ON CONFLICT (block, lineage, epoch) DO UPDATE SET content = CAST(content || excluded.content AS BLOB)"
            }
            Dialect::Mysql => " ON DUPLICATE KEY UPDATE content = CONCAT(content, VALUES(content))",
        }
    }

    /// Ends an INSERT into `refusal` so that what is there is added to.
    pub(super) fn add_times(self) -> &'static str {
        match self {
            Dialect::Sqlite => {
                " ON CONFLICT (digest) DO UPDATE SET times = times + excluded.times, last = MAX(last, excluded.last)"
            }
            Dialect::Mysql => {
                " ON DUPLICATE KEY UPDATE times = times + VALUES(times), last = GREATEST(last, VALUES(last))"
            }
        }
    }

    /// Ends an INSERT so that rows which are there under the same `key` take over these columns.
    pub(super) fn replace(self, key: &str, columns: &[&str]) -> String {
        let (begin, new) = match self {
            Dialect::Sqlite => (format!(" ON CONFLICT ({key}) DO UPDATE SET "), ["excluded.", ""]),
            Dialect::Mysql => (" ON DUPLICATE KEY UPDATE ".to_owned(), ["VALUES(", ")"]),
        };
        begin + &columns.iter().map(|column| format!("{column} = {}", new.join(column))).collect::<Vec<_>>().join(", ")
    }

    /// A sum that comes back as an integer: MySQL's own is a DECIMAL.
    pub(super) fn sum(self, what: &str) -> String {
        match self {
            Dialect::Sqlite => format!("SUM({what})"),
            Dialect::Mysql => format!("CAST(SUM({what}) AS SIGNED)"),
        }
    }

    /// Ends a multi-row INSERT so that rows which another transaction made first are left as they are.
    pub(super) fn keep_existing(self) -> &'static str {
        match self {
            Dialect::Sqlite => " ON CONFLICT DO NOTHING",
            Dialect::Mysql => " ON DUPLICATE KEY UPDATE id = id",
        }
    }
}

pub(super) fn dialect_of(url: &str) -> Result<(Dialect, String), StoreError> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let file = path.strip_prefix("//").unwrap_or(path);
        if let Some(folder) = Path::new(file).parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .map_err(|source| StoreError::Folder { folder: folder.to_owned(), source })?;
        }
        return Ok((Dialect::Sqlite, format!("{}?mode=rwc", sqlite_url(file))));
    }
    if let Some(rest) = url.strip_prefix("mysql://").or_else(|| url.strip_prefix("mariadb://")) {
        return Ok((Dialect::Mysql, format!("mysql://{rest}")));
    }
    let scheme = url.split(':').next().unwrap_or_default().chars().take(20).collect();
    Err(StoreError::Scheme(scheme))
}

/// The address of a file for SQLite's driver.
pub(super) fn sqlite_url(file: &str) -> String {
    format!("sqlite://{}", file.replace('%', "%25").replace('?', "%3F").replace('#', "%23"))
}
