//! `GET /products`: products that something is asked of.

use axum::extract::State;
use axum::response::Response;

use super::super::Shared;
use super::super::error::HttpError;
use super::super::question::Question;
use super::super::visitor::Visitor;
use super::{frame, page};
use crate::answers::matrix;
use crate::desk::frame::Section;
use crate::desk::products::{ProductRow, ProductsPage};

/// What may be asked of the list.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    product: String,
}

/// Products by name, one or all.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::Products);
    let (store, judge) = (&shared.store, &shared.judge);
    let matrix = matrix::at_present(store, judge, &frame.viewer.scope, frame.now, shared.stale_after_days).await?;
    let standard = judge.standard_at(store, frame.now).await?;
    let row = |(name, hosts): (String, matrix::Cell)| {
        let asked = standard.lists.iter().flat_map(|list| &list.references).filter(|asked| asked.product == name);
        let mut packages: Vec<String> = asked.map(|asked| asked.package.clone()).collect();
        packages.sort();
        packages.dedup();
        ProductRow { name, packages, hosts }
    };
    let products = matrix.products.into_iter().zip(matrix.total.products).map(row);
    let wanted = |row: &ProductRow| asked.product.is_empty() || asked.product == row.name;
    page(&ProductsPage { frame, products: products.filter(wanted).collect(), product: asked.product })
}
