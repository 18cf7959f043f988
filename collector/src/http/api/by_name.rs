//! Lists in the order of names, page by page.

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::answer::List;
use super::cursor::Cursor;
use super::question::Limit;

/// What may be asked of such a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct ByName {
    /// Where the page before ended.
    #[param(inline, required = false)]
    cursor: Option<Cursor>,
    /// At most so many rows.
    #[param(inline, required = false)]
    limit: Limit,
}

impl ByName {
    /// The page of these rows, which come in the order of their names.
    pub(super) fn page<R: ToSchema>(&self, rows: impl Iterator<Item = R>, name: impl Fn(&R) -> &str) -> List<R> {
        let after = self.cursor.as_ref().map(Cursor::word);
        let mut rows = rows.filter(|row| after.is_none_or(|after| name(row) > after));
        let items: Vec<R> = rows.by_ref().take(self.limit.rows()).collect();
        let next = rows.next().and(items.last()).map(|last| Cursor::after(&[name(last)]));
        List { items, next }
    }
}
