//! The list of products that something is asked of.

use askama::Template;

use super::filters;
use super::frame::Frame;
use crate::answers::matrix::Cell;

/// What the page shows.
#[derive(Debug, Template)]
#[template(path = "products.html")]
pub struct ProductsPage {
    /// What surrounds it.
    pub frame: Frame,
    /// The products, by name.
    pub products: Vec<ProductRow>,
    /// Which one was asked for, empty for all.
    pub product: String,
}

/// A product.
#[derive(Debug, Clone)]
pub struct ProductRow {
    /// Its name.
    pub name: String,
    /// Its packages that something is asked of.
    pub packages: Vec<String>,
    /// The hosts that have it.
    pub hosts: Cell,
}
