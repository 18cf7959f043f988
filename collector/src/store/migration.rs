//! The schema, step by step: each step once for each database.
//!
//! Not by sqlx's macro: it would build the database drivers, and with them OpenSSL, for the machine that builds as well.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};

use super::Dialect;

struct Step {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    mysql: &'static str,
}

/// A step that a release has shipped is never changed: databases remember its hash.
const STEPS: [Step; 2] = [
    Step {
        version: 1,
        name: "first",
        sqlite: include_str!("../../migrations/sqlite/0001_first.sql"),
        mysql: include_str!("../../migrations/mysql/0001_first.sql"),
    },
    Step {
        version: 2,
        name: "desk",
        sqlite: include_str!("../../migrations/sqlite/0002_desk.sql"),
        mysql: include_str!("../../migrations/mysql/0002_desk.sql"),
    },
];

/// Every step for a database, in order.
pub(super) fn all(dialect: Dialect) -> Migrator {
    let migration = |step: &Step| {
        let text = match dialect {
            Dialect::Sqlite => step.sqlite,
            Dialect::Mysql => step.mysql,
        };
        let text = AssertSqlSafe(text).into_sql_str();
        Migration::new(step.version, Cow::Borrowed(step.name), MigrationType::Simple, text, false)
    };
    Migrator::with_migrations(STEPS.iter().map(migration).collect())
}
