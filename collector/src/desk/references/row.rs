//! The form for one reference of a list.

use askama::Template;

use super::super::filters;
use super::super::frame::Frame;
use super::Draft;
use crate::reference::typed::{Fault, Typed};

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "reference_row.html")]
pub struct RowPage {
    /// What surrounds it.
    pub frame: Frame,
    /// The list that it belongs to.
    pub draft: Draft,
    /// The reference that is changed; `None` for a new one.
    pub of: Option<Key>,
    /// Its fields as typed.
    pub typed: Typed,
    /// What is wrong with them.
    pub faults: Vec<Fault>,
}

/// Which reference of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Key {
    /// The product.
    pub product: String,
    /// The package.
    pub package: String,
    /// The system; empty for every one.
    pub os: String,
}

/// A field of the form: name, value, what it is called, and what it holds.
type Field<'a> = (&'static str, &'a str, &'static str, &'static str);

impl RowPage {
    fn fields(&self) -> [Field<'_>; 8] {
        let Typed { product, package, os, minimum, blocked, since, deadline, url } = &self.typed;
        [
            ("product", product, "Product", "what people call it; several packages may belong to one"),
            ("package", package, "Package", "the name in the package manager"),
            ("os", os, "System", "el9, debian12 …; empty: every system"),
            ("minimum", minimum, "Minimum", "the oldest version that is good, such as 1:5.6.4-1.el9"),
            ("blocked", blocked, "Blocked", "versions that must not run, separated by spaces"),
            ("since", since, "Since", "YEAR-MONTH-DAY from which it is asked; empty: at once"),
            ("deadline", deadline, "Deadline", "YEAR-MONTH-DAY by which sites should be there"),
            ("url", url, "More", "address where people read more"),
        ]
    }

    fn fault(&self, field: &str) -> Option<&'static str> {
        self.faults.iter().find(|fault| fault.field == field).map(|fault| fault.what)
    }
}

impl Key {
    /// As a list knows it.
    #[must_use]
    pub fn of(&self) -> (&str, &str, Option<&str>) {
        (&self.product, &self.package, Some(self.os.as_str()).filter(|os| !os.is_empty()))
    }
}
