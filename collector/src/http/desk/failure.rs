//! Problems as pages, for browsers; programs get the problem document as it is.

use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt as _;
use report::acknowledgement::{PROBLEM_MEDIA_TYPE, Problem};

use crate::desk::failure::Failure;

/// The longest problem document of ours, in bytes.
const LONGEST: usize = 64 * 1024;

/// Makes a page of a problem document where a browser asked.
pub(super) async fn as_page(request: Request, next: Next) -> Response {
    let accepted = request.headers().get(header::ACCEPT).and_then(|types| types.to_str().ok());
    let browser = accepted.is_some_and(|types| types.contains("text/html"));
    let answer = next.run(request).await;
    let is_problem = answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM_MEDIA_TYPE);
    if !browser || !is_problem {
        return answer;
    }
    let (parts, body) = answer.into_parts();
    let body = http_body_util::Limited::new(body, LONGEST).collect().await.map(http_body_util::Collected::to_bytes);
    let problem: Option<Problem> = body.ok().and_then(|body| serde_json::from_slice(&body).ok());
    let Some(Problem { title, detail, .. }) = problem else { return Response::from_parts(parts, "".into()) };
    let mut capital = title.chars();
    let title = capital.next().into_iter().flat_map(char::to_uppercase).chain(capital).collect();
    match super::page(&Failure { title, detail }) {
        Ok(mut page) => {
            *page.status_mut() = parts.status;
            for name in [header::RETRY_AFTER, header::WWW_AUTHENTICATE, header::LOCATION] {
                if let Some(value) = parts.headers.get(&name) {
                    page.headers_mut().insert(name, value.clone());
                }
            }
            page
        }
        Err(_) => Response::from_parts(parts, "".into()),
    }
}
