//! `GET /api/v1/openapi.json`: the document that describes the API, made from what the endpoints say of themselves.

use std::sync::Arc;

use axum::Extension;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use report::acknowledgement::PROBLEM_MEDIA_TYPE;
use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, OpenApi as Document, Ref, RefOr, Required, ResponseBuilder, SecurityRequirement,
    path::{ParameterBuilder, ParameterIn},
};
use utoipa::{OpenApi, ToSchema};

use super::BASE;

/// What the document says before any endpoint does.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "WLCG package collector",
        description = "Everything that the desk's pages show. Each answer comes as JSON or, with `Accept: text/csv` or \
            `?format=csv`, as CSV in which nothing that a host sent can be read as a formula or moves a terminal's cursor. \
            Long answers come in pages: ask for the next one with the `cursor` that `next` and the `Link` header name. \
            Answers have an `ETag`; `If-None-Match` saves the body of those that did not change. What may not be seen is as if \
            it did not exist.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "grid", description = "Sites by products"),
        (name = "sites", description = "Sites"),
        (name = "hosts", description = "Hosts and their packages"),
        (name = "products", description = "Products and their packages over the grid"),
        (name = "references", description = "What is asked for"),
        (name = "campaigns", description = "Targets with a deadline"),
        (name = "reports", description = "Reports"),
        (name = "people", description = "Who did what"),
        (name = "api", description = "This document"),
    ),
    components(schemas(Problem))
)]
pub(super) struct Beginning;

/// An error (RFC 9457).
#[derive(Debug, serde::Serialize, ToSchema)]
pub(super) struct Problem {
    /// A short name of the kind of problem, the same for each occurrence.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What was wrong with this request and what to do next.
    detail: String,
}

/// The finished document, as served.
#[derive(Debug, Clone)]
pub(super) struct Served(pub(super) Arc<str>);

/// This document
///
/// It needs no sign-in.
#[utoipa::path(get, path = "/openapi.json", tag = "api", responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = serde_json::Value)))]
pub(super) async fn show(Extension(Served(document)): Extension<Served>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, document.to_string()).into_response()
}

/// The document itself, which is for everybody.
const OWN: &str = "openapi.json";

/// Adds what holds for every endpoint: who may ask, forms, tags, and how problems are told.
pub(super) fn finish(document: &mut Document) {
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let components = document.components.get_or_insert_default();
    for (name, scheme) in schemes() {
        components.add_security_scheme(name, scheme);
    }
    for (path, item) in &mut document.paths.paths {
        // Names by which clients that are made from the document call their functions.
        let name: String = path.chars().filter(|c| !"{}".contains(*c)).collect();
        let name = name.trim_start_matches(BASE).trim_start_matches('/').replace('/', "_");
        if name == OWN {
            continue;
        }
        if let Some(get) = &mut item.get {
            get.operation_id = Some(format!("get_{name}"));
            read(get);
            lead_on(&name, get);
            guarded(get);
        }
        if let Some(post) = &mut item.post {
            post.operation_id = Some(format!("post_{name}"));
            guarded(post);
        }
    }
}

fn schemes() -> [(&'static str, SecurityScheme); 2] {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token that `wlcg-package-collector token new` has made."))
        .build();
    let cookie = ApiKeyValue::with_description(
        "__Host-wlcg-package-collector",
        "A person who signed in on the desk. Behind a proxy that knows its people by certificate or OIDC, neither is needed.",
    );
    [("token", SecurityScheme::Http(token)), ("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)))]
}

/// A question is answered in both forms, with a tag.
fn read(operation: &mut Operation) {
    let format = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["json", "csv"])).build();
    operation.parameters.get_or_insert_default().push(
        ParameterBuilder::new()
            .name("format")
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some("The form of the answer, whatever `Accept` says."))
            .schema(Some(format))
            .build()
            .into(),
    );
    let text = || ObjectBuilder::new().schema_type(Type::String).build();
    if let Some(RefOr::T(answer)) = operation.responses.responses.get_mut("200") {
        answer.content.insert("text/csv".to_owned(), ContentBuilder::new().schema(Some(text())).build().into());
        for (name, about) in [
            ("ETag", "Changes when the answer does."),
            ("Link", "`rel=\"next\"` is the next page, where there is one."),
        ] {
            let header = HeaderBuilder::new().schema(Some(text())).description(Some(about)).build();
            answer.headers.insert(name.to_owned(), header.into());
        }
    }
    let same = ResponseBuilder::new().description("The same as the answer that `If-None-Match` names").build();
    operation.responses.responses.insert("304".to_owned(), same.into());
}

/// Which answer names what other questions are about: list, question, and the parameters with their places in the answer.
const LEADS: [(&str, &str, Places); 15] = [
    ("hosts", "hosts_site_host", HOST),
    ("hosts", "hosts_site_host_packages", HOST),
    ("hosts", "hosts_site_host_history", HOST),
    ("hosts", "hosts_site_host_diff", HOST),
    ("sites", "sites_site", &[("site", "/items/0/site")]),
    ("products", "products_package", PACKAGE),
    ("products", "products_package_sites", PACKAGE),
    ("products", "products_package_versions", PACKAGE),
    ("products", "products_package_spread", PACKAGE),
    ("inbox", "inbox_report", &[("report", "/items/0/report")]),
    ("campaigns", "campaigns_campaign", CAMPAIGN),
    ("campaigns", "campaigns_campaign_hosts", CAMPAIGN),
    ("campaigns", "campaigns_campaign_messages", CAMPAIGN),
    ("references", "references_list", &[("list", "/items/0/list")]),
    ("references", "references_list_difference", &[("list", "/items/0/list")]),
];
const HOST: Places = &[("site", "/items/0/site"), ("host", "/items/0/host")];
const CAMPAIGN: Places = &[("campaign", "/items/0/id")];
const PACKAGE: Places = &[("package", "/items/0/packages/0")];

/// Parameters with their places in an answer.
type Places = &'static [(&'static str, &'static str)];

/// Says in a list where its rows lead.
fn lead_on(name: &str, operation: &mut Operation) {
    let Some(RefOr::T(answer)) = operation.responses.responses.get_mut("200") else { return };
    for (_, question, parameters) in LEADS.iter().filter(|(list, _, _)| *list == name) {
        let link = parameters.iter().fold(
            LinkBuilder::new().operation_id(format!("get_{question}")).description("The first row, for example"),
            |link, (parameter, place)| link.parameter(*parameter, format!("$response.body#{place}")),
        );
        answer.links.insert((*question).to_owned(), link.build().into());
    }
}

/// Problems that every endpoint may have.
fn guarded(operation: &mut Operation) {
    operation.security = Some(vec![
        SecurityRequirement::new::<_, [&str; 0], &str>("token", []),
        SecurityRequirement::new::<_, [&str; 0], &str>("session", []),
    ]);
    for (status, about) in [
        ("400", "A question that cannot be read; the problem names what is wrong"),
        ("401", "Not signed in, or with a token that does not hold"),
        ("403", "Not for this role, or from an address that is not believed"),
        ("406", "Neither JSON nor CSV would be taken"),
        ("503", "The database does not answer: try again later"),
    ] {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| ResponseBuilder::new().description(about).build().into());
    }
    for (status, answer) in &mut operation.responses.responses {
        let RefOr::T(answer) = answer else { continue };
        if status.starts_with(['4', '5']) {
            if answer.description.is_empty() {
                answer.description = "No such thing, or none that may be seen".to_owned();
            }
            let problem = Ref::from_schema_name("Problem");
            answer.content.clear();
            answer
                .content
                .insert(PROBLEM_MEDIA_TYPE.to_owned(), ContentBuilder::new().schema(Some(problem)).build().into());
        }
    }
}
