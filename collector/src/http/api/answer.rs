//! How answers are given: JSON or CSV as asked for, with a tag that tells whether they changed, page by page.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use report::hash::Hash;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::error::HttpError;
use super::BASE;
use super::rows::{self, Row};
use crate::table::{Format, Table, harmless_json};

/// A part of an answer that may be long.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct List<R: ToSchema> {
    /// The rows of this page.
    pub(super) items: Vec<R>,
    /// The cursor of the next page; none when this is the last.
    pub(super) next: Option<String>,
}

impl<R: ToSchema> List<R> {
    /// An answer that is whole.
    pub(super) fn whole(items: Vec<R>) -> Self {
        List { items, next: None }
    }
}

/// How whoever asks wants to be answered.
#[derive(Debug)]
pub(super) struct Wanted {
    csv: bool,
    if_none_match: Option<String>,
    uri: Uri,
}

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        let mut formats = parts.uri.query().unwrap_or_default().split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name == "format").then_some(value)
        });
        let csv = match (formats.next(), formats.next()) {
            (None, _) => accepts_csv(&parts.headers)?,
            (Some("json"), None) => false,
            (Some("csv"), None) => true,
            _ => return Err(HttpError::Question("format: expected json or csv, once".to_owned())),
        };
        let tags: Vec<&str> =
            parts.headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok()).collect();
        let if_none_match = (!tags.is_empty()).then(|| tags.join(", "));
        Ok(Wanted { csv, if_none_match, uri: parts.uri.clone() })
    }
}

impl Wanted {
    /// Whether CSV is wanted.
    pub(super) fn is_csv(&self) -> bool {
        self.csv
    }

    /// Rows as an answer.
    pub(super) fn rows<R: Row + Serialize + ToSchema>(&self, list: &List<R>) -> Result<Response, HttpError> {
        self.object(list, list.next.as_deref(), || rows::table(&list.items))
    }

    /// An answer that is more than rows; CSV has what can be said in rows.
    pub(super) fn object(
        &self,
        answer: &impl Serialize,
        next: Option<&str>,
        table: impl FnOnce() -> Table,
    ) -> Result<Response, HttpError> {
        let (kind, body) = if self.csv {
            ("text/csv; charset=utf-8; header=present", table().render(Format::Csv))
        } else {
            let json = serde_json::to_string(answer).map_err(|error| HttpError::Page(error.to_string()))?;
            ("application/json", harmless_json(&json))
        };
        let tag = format!("\"{}\"", Hash::of(body.as_bytes()));
        let mut headers = HeaderMap::new();
        // Kept by whoever asked, and good only as long as we say so.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("accept, authorization, cookie"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        if let Some(link) = next.and_then(|next| HeaderValue::from_str(&self.link(next)).ok()) {
            headers.insert(header::LINK, link);
        }
        if self.if_none_match.as_deref().is_some_and(|tags| matches(tags, &tag)) {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        if self.csv {
            headers
                .insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"answer.csv\""));
        }
        Ok((headers, body).into_response())
    }

    /// The same question for the next page (RFC 8288).
    fn link(&self, next: &str) -> String {
        let kept = self.uri.query().unwrap_or_default().split('&').filter(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            !name.is_empty() && name != "cursor"
        });
        let cursor = format!("cursor={next}");
        let query: Vec<&str> = kept.chain([cursor.as_str()]).collect();
        // The router has taken the beginning off the path.
        format!("<{BASE}{}?{}>; rel=\"next\"", self.uri.path(), query.join("&"))
    }
}

/// Whether one of the tags that a reader has is that of the answer (RFC 9110, section 13.1.2).
fn matches(tags: &str, tag: &str) -> bool {
    let mut known = tags.split(',').map(|known| known.trim().trim_start_matches("W/"));
    known.any(|known| known == "*" || known == tag)
}

/// Whether CSV is wanted more than JSON (RFC 9110, section 12.5.1).
fn accepts_csv(headers: &HeaderMap) -> Result<bool, HttpError> {
    let lines: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok()).collect();
    if lines.iter().all(|line| line.trim().is_empty()) {
        return Ok(false);
    }
    let ranges: Vec<(String, f32)> = lines.iter().flat_map(|line| line.split(',')).map(range).collect();
    let quality = |main: &str, sub: &str| {
        // The most specific range counts.
        let of = |wanted: String| ranges.iter().find(|(range, _)| *range == wanted).map(|(_, quality)| *quality);
        of(format!("{main}/{sub}")).or_else(|| of(format!("{main}/*"))).or_else(|| of("*/*".to_owned())).unwrap_or(0.0)
    };
    let (json, csv) = (quality("application", "json"), quality("text", "csv"));
    if json <= 0.0 && csv <= 0.0 { Err(HttpError::NotAcceptable) } else { Ok(csv > json) }
}

fn range(text: &str) -> (String, f32) {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default().to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=")?.trim().parse().ok()).unwrap_or(1.0);
    (range, quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_read_from_accept() {
        let told = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            accepts_csv(&headers).ok()
        };
        for (accept, csv) in [
            ("*/*", Some(false)),
            ("", Some(false)),
            ("text/csv", Some(true)),
            ("TEXT/CSV;q=0.1", Some(true)),
            ("text/*, application/json;q=0.5", Some(true)),
            ("text/csv;q=0.5, application/json", Some(false)),
            ("text/html, */*;q=0.1", Some(false)),
            ("application/json;q=0, */*", Some(true)),
            ("text/html", None),
            ("text/csv;q=0", None),
        ] {
            assert_eq!(told(accept), csv, "{accept}");
        }
        assert_eq!(accepts_csv(&HeaderMap::new()).ok(), Some(false));
    }

    #[test]
    fn a_tag_is_known_in_any_list() {
        assert!(matches("\"a\"", "\"a\"") && matches("\"b\", W/\"a\"", "\"a\"") && matches("*", "\"a\""));
        assert!(!matches("\"b\"", "\"a\"") && !matches("", "\"a\""));
    }

    #[test]
    fn the_next_page_asks_the_same() {
        let wanted = |uri: &str| Wanted { csv: false, if_none_match: None, uri: uri.parse().unwrap() };
        assert_eq!(wanted("/hosts").link("61"), "</api/v1/hosts?cursor=61>; rel=\"next\"");
        let link = wanted("/hosts?cursor=60&site=A%20B&format=csv").link("61");
        assert_eq!(link, "</api/v1/hosts?site=A%20B&format=csv&cursor=61>; rel=\"next\"");
    }
}
