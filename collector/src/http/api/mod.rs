//! `/api/v1`: everything that the pages show, for programs; one file an endpoint.

mod answer;
mod audit;
mod by_name;
mod campaign_hosts;
mod campaigns;
mod changes;
mod cursor;
mod diff;
mod document;
mod find;
mod history;
mod host;
mod hosts;
mod inbox;
mod messages;
mod moment;
mod overview;
mod packages;
mod product;
mod products;
mod question;
mod references;
mod registry;
mod reports;
mod rows;
mod site;
mod sites;
mod whole;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Extension, Router};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Shared;
use super::error::HttpError;
use super::guard::guard;
use super::patience::bounded;
use super::visitor::Visitor;
use crate::access::Viewer;
use crate::clock;

/// What every path begins with.
const BASE: &str = "/api/v1";

/// Every endpoint; those that show data are behind the guard.
pub(super) fn router(shared: &Shared) -> Router<Shared> {
    let receives = shared.intake.is_some();
    let (router, document) =
        endpoints(receives, |guarded| guarded.route_layer(from_fn_with_state(shared.clone(), guard)));
    let served = document::Served(document.to_json().unwrap_or_default().into());
    router.layer(Extension(served)).layer(from_fn(bounded))
}

/// Every endpoint with what it says of itself.
fn endpoints(
    receives: bool,
    guard: impl FnOnce(OpenApiRouter<Shared>) -> OpenApiRouter<Shared>,
) -> (Router<Shared>, Document) {
    let mut guarded = OpenApiRouter::new()
        .routes(routes!(overview::show))
        .routes(routes!(changes::list))
        .routes(routes!(sites::list))
        .routes(routes!(site::show))
        .routes(routes!(hosts::list))
        .routes(routes!(host::show))
        .routes(routes!(packages::list))
        .routes(routes!(history::list))
        .routes(routes!(diff::list))
        .routes(routes!(find::list))
        .routes(routes!(products::list))
        .routes(routes!(product::show))
        .routes(routes!(product::sites))
        .routes(routes!(product::versions))
        .routes(routes!(product::spread))
        .routes(routes!(references::list))
        .routes(routes!(references::show))
        .routes(routes!(references::difference))
        .routes(routes!(registry::list))
        .routes(routes!(campaigns::list))
        .routes(routes!(campaigns::show))
        .routes(routes!(campaign_hosts::list))
        .routes(routes!(messages::list))
        .routes(routes!(inbox::list::list))
        .routes(routes!(inbox::states::list))
        .routes(routes!(inbox::groups::list))
        .routes(routes!(inbox::refused::list))
        .routes(routes!(inbox::report::show))
        .routes(routes!(audit::list));
    if receives {
        guarded = guarded.routes(routes!(reports::hand_in));
    }
    // Around the whole path: the audit log has it as it was asked for.
    let guarded = guard(OpenApiRouter::with_openapi(document::Beginning::openapi()).nest(BASE, guarded));
    let open = OpenApiRouter::new().nest(BASE, OpenApiRouter::new().routes(routes!(document::show)));
    let (router, mut document) = guarded.merge(open).split_for_parts();
    document::finish(&mut document);
    (router, document)
}

/// Who asks, and when.
#[derive(Debug)]
struct Asker {
    viewer: Viewer,
    now: Timestamp,
}

impl FromRequestParts<Shared> for Asker {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, HttpError> {
        let visitor = Visitor::from_request_parts(parts, shared).await?;
        Ok(Asker { viewer: visitor.viewer, now: clock::now() })
    }
}

/// The day that a time is in, UTC.
fn date(at: Timestamp) -> Date {
    Offset::UTC.to_datetime(at).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_every_route() {
        let (router, document) = endpoints(true, |all| all);
        let routed = format!("{router:?}");
        for path in document.paths.paths.keys() {
            assert!(routed.contains(&format!("\"{path}\"")), "{path} is described and not routed: {routed}");
        }
        let routes = routed.split('"').filter(|path| path.starts_with("/api/"));
        for path in routes {
            assert!(document.paths.paths.contains_key(path), "{path} is routed and not described");
        }
        assert!(document.paths.paths.len() > 15);
        let text = document.to_json().unwrap();
        let names: Vec<&str> =
            text.split("\"operationId\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        // Links name operations too: each of them exists.
        assert_eq!(once.len(), document.paths.paths.len(), "{names:?}");
    }
}
