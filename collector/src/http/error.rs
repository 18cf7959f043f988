//! The only map from failure to status: every error answer is a problem document (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use report::acknowledgement::{PROBLEM_MEDIA_TYPE, Problem};
use report::sealed::OpenError;

use crate::access::secret::NoRandom;
use crate::admission::{self, Turned};
use crate::answers::AnswerError;
use crate::inbox_decision::DecisionError;
use crate::intake::IntakeError;
use crate::metrics::Refusal;
use crate::recipient_bundle::BundleFileError;
use crate::store::StoreError;

/// Why a request is not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The body is no sealed report.
    #[error("{0}: send one CMS EnvelopedData in DER, as `openssl smime -encrypt -outform DER` makes it")]
    NotSealed(#[from] OpenError),
    /// The body was changed or cut on the way.
    #[error("the body's SHA-256 is not the one in Content-Digest: send it again")]
    DigestMismatch,
    /// The header itself is wrong.
    #[error(transparent)]
    ContentDigest(#[from] report::hash::ContentDigestError),
    /// More than any host's report.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// A type we do not take.
    #[error("Content-Type is not application/pkcs7-mime")]
    MediaType,
    /// Readable text, which crossed the network for all to see.
    #[error(
        "a readable report is refused: let the host encrypt it, or allow plain text in the collector's configuration"
    )]
    PlainText,
    /// The connection ended within the body.
    #[error("the connection ended before the whole body had come")]
    Incomplete,
    /// The body took too long.
    #[error("the body took longer than {0} seconds")]
    Slow(u64),
    /// The desk is for people at this machine or behind a proxy that checks who they are.
    #[error("the desk answers only on a loopback address or a Unix socket: put it behind a proxy that checks who asks")]
    NotLocal,
    /// Through a trusted proxy that names nobody.
    #[error(
        "the proxy does not say clearly who you are: let it set X-Remote-User once, and X-Remote-Groups at most once"
    )]
    NoIdentity,
    /// Nobody we know of.
    #[error(
        "you are not signed in: open a sign-in link, which `wlcg-package-collector sign-in` prints on the collector's machine, sign in at the proxy if there is one in front, or send an API token as Authorization: Bearer"
    )]
    NotSignedIn,
    /// A token that opens nothing.
    #[error("this API token is unknown, has expired or was revoked: ask the collector's operator for a new one")]
    UnknownToken,
    /// A link that signs nobody in any more.
    #[error("this sign-in link was used already or is too old: `wlcg-package-collector sign-in` prints a new one")]
    UsedLink,
    /// The proxy knows them, we do not.
    #[error("you are {0:?} here, and nobody has said what you may see: tell the collector's operator this name")]
    UnknownPerson(String),
    /// A change by someone who may only look.
    #[error("only officers may do this")]
    NotOfficer,
    /// A request that the person perhaps never meant.
    #[error(
        "this did not come from a page of this desk, or the page is too old: open the page again and repeat it there; programs use an API token"
    )]
    NotMeant,
    /// Signing out where nobody signed in.
    #[error("a proxy or a token signs you in, not this desk: sign out there")]
    SignedInElsewhere,
    /// A form that is none, with the status of the reason.
    #[error("the form cannot be read: {0}")]
    Form(String, StatusCode),
    /// A form whose fields are not those of the page.
    #[error("the form's fields cannot be read: {0}")]
    FormField(String),
    /// No secret for a session.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// Through a proxy that is not configured as trusted.
    #[error(
        "this came through a proxy that is not trusted: name its address in `trusted_proxies`, or let it use the Unix socket"
    )]
    UnknownProxy,
    /// Not stored, try later.
    #[error("not stored: {0}")]
    Intake(#[from] IntakeError),
    /// Not read, try later.
    #[error(transparent)]
    Turned(#[from] Turned),
    /// The database does not answer.
    #[error("not ready: {0}")]
    Store(#[from] StoreError),
    /// The page's question has no answer.
    #[error("not answered: {0}")]
    Answer(#[from] AnswerError),
    /// No such site, or none that may be seen.
    #[error("no site named {0:?}: the list of sites has those there are")]
    NoSite(String),
    /// A decision on the inbox that cannot be carried out.
    #[error("nothing was decided: {0}")]
    Decision(DecisionError),
    /// The question itself cannot be read.
    #[error("{0}")]
    Question(String),
    /// A page could not be made.
    #[error("the page could not be made: {0}")]
    Page(String),
    /// What was handed in is no report text.
    #[error("no report text: {0}")]
    NoReport(String),
    /// Handed in for a site by somebody who may not.
    #[error("you may not report for the site {0:?}: a token of the role `site` for it may")]
    NotYourSite(String),
    /// Handed in under a type that is not taken.
    #[error("neither text/plain nor one zstd frame: send the report text as it is, or as application/zstd")]
    NotText,
    /// What was handed in cannot be sealed.
    #[error("the report could not be sealed: {0}")]
    Sealing(String),
    /// What concerns all sites.
    #[error("this is about reports of every site: ask for your own hosts instead")]
    NotForSites,
    /// Neither JSON nor CSV would be taken.
    #[error("Accept allows neither application/json nor text/csv: ask for one of them")]
    NotAcceptable,
    /// Nobody has published one.
    #[error("this collector has no recipient bundle: seal for the certificates that you have")]
    NoBundle,
    /// The file is something else.
    #[error(transparent)]
    Bundle(#[from] BundleFileError),
    /// No such path.
    #[error("no such path: reports go to POST /v1/reports")]
    NotFound,
    /// Another method.
    #[error("this path takes another method: reports go to POST /v1/reports")]
    Method,
}

impl HttpError {
    fn status_and_title(&self) -> (StatusCode, &'static str) {
        match self {
            HttpError::NotSealed(_) => (StatusCode::BAD_REQUEST, "not a sealed report"),
            HttpError::DigestMismatch => (StatusCode::BAD_REQUEST, "digest mismatch"),
            HttpError::ContentDigest(_) => (StatusCode::BAD_REQUEST, "unreadable Content-Digest"),
            HttpError::Incomplete => (StatusCode::BAD_REQUEST, "incomplete body"),
            HttpError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "report too large"),
            HttpError::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported media type"),
            HttpError::PlainText => (StatusCode::UNPROCESSABLE_ENTITY, "readable report"),
            HttpError::Turned(Turned::Full { .. }) => (StatusCode::SERVICE_UNAVAILABLE, "inbox full"),
            HttpError::Turned(Turned::Crowded { .. }) => (StatusCode::SERVICE_UNAVAILABLE, "too many at once"),
            HttpError::Turned(_) => (StatusCode::TOO_MANY_REQUESTS, "too many reports"),
            HttpError::Slow(_) => (StatusCode::REQUEST_TIMEOUT, "body too slow"),
            HttpError::NotLocal | HttpError::NoIdentity | HttpError::UnknownProxy => {
                (StatusCode::FORBIDDEN, "not from here")
            }
            HttpError::Answer(AnswerError::Query(_)) | HttpError::Question(_) => {
                (StatusCode::BAD_REQUEST, "unreadable question")
            }
            HttpError::Answer(AnswerError::ManyHosts { .. }) => (StatusCode::BAD_REQUEST, "several hosts"),
            HttpError::Answer(AnswerError::Reference(_)) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "unreadable reference list")
            }
            HttpError::NotSignedIn => (StatusCode::UNAUTHORIZED, "sign in"),
            HttpError::UnknownToken => (StatusCode::UNAUTHORIZED, "token not accepted"),
            HttpError::UsedLink => (StatusCode::FORBIDDEN, "link not accepted"),
            HttpError::UnknownPerson(_) => (StatusCode::FORBIDDEN, "not known here"),
            HttpError::NotOfficer => (StatusCode::FORBIDDEN, "officers only"),
            HttpError::NotMeant => (StatusCode::FORBIDDEN, "not from a page of this desk"),
            HttpError::SignedInElsewhere => (StatusCode::CONFLICT, "signed in elsewhere"),
            HttpError::Form(_, status) => (*status, "unreadable form"),
            HttpError::FormField(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unreadable form"),
            HttpError::Random(_) => (StatusCode::INTERNAL_SERVER_ERROR, "no random bytes"),
            HttpError::Intake(_) | HttpError::Store(_) | HttpError::Answer(AnswerError::Store(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "try again later")
            }
            HttpError::Answer(AnswerError::Campaign(_)) => (StatusCode::UNPROCESSABLE_ENTITY, "cannot be as written"),
            HttpError::Answer(
                AnswerError::NoHost(_)
                | AnswerError::TooEarly { .. }
                | AnswerError::NoList(_)
                | AnswerError::NoVersion { .. }
                | AnswerError::NoCampaign(_),
            ) => (StatusCode::NOT_FOUND, "not found"),
            HttpError::Page(_) => (StatusCode::INTERNAL_SERVER_ERROR, "page failed"),
            HttpError::Decision(DecisionError::NoReport(_)) => (StatusCode::NOT_FOUND, "not found"),
            HttpError::Decision(DecisionError::NoReason) => (StatusCode::UNPROCESSABLE_ENTITY, "a reason is missing"),
            HttpError::Decision(_) => (StatusCode::CONFLICT, "nothing was decided"),
            HttpError::NoSite(_) => (StatusCode::NOT_FOUND, "not found"),
            HttpError::NoReport(_) => (StatusCode::UNPROCESSABLE_ENTITY, "no report text"),
            HttpError::NotYourSite(_) => (StatusCode::FORBIDDEN, "not your site"),
            HttpError::NotText => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported media type"),
            HttpError::Sealing(_) => (StatusCode::INTERNAL_SERVER_ERROR, "sealing failed"),
            HttpError::NotForSites => (StatusCode::FORBIDDEN, "not for sites"),
            HttpError::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "not acceptable"),
            HttpError::NoBundle => (StatusCode::NOT_FOUND, "no recipient bundle"),
            HttpError::Bundle(_) => (StatusCode::INTERNAL_SERVER_ERROR, "unusable recipient bundle"),
            HttpError::NotFound => (StatusCode::NOT_FOUND, "no such path"),
            HttpError::Method => (StatusCode::METHOD_NOT_ALLOWED, "method not allowed"),
        }
    }
}

impl HttpError {
    /// Why a report is refused that its sender will not send again.
    pub(crate) fn for_good(&self) -> Option<&'static str> {
        let (status, title) = self.status_and_title();
        matches!(status.as_u16(), 400 | 413 | 415 | 422).then_some(title)
    }

    /// What a report that was not acknowledged is counted as.
    pub(super) fn refusal(&self) -> Refusal {
        match self {
            HttpError::NotSealed(_) => Refusal::NotSealed,
            HttpError::DigestMismatch | HttpError::ContentDigest(_) => Refusal::Digest,
            HttpError::TooLarge(_) => Refusal::TooLarge,
            HttpError::MediaType | HttpError::NotText => Refusal::MediaType,
            HttpError::NoReport(_) => Refusal::NoReport,
            HttpError::NotYourSite(_) => Refusal::NotAllowed,
            HttpError::PlainText => Refusal::PlainText,
            HttpError::Incomplete => Refusal::Incomplete,
            HttpError::Slow(_) => Refusal::Slow,
            HttpError::Turned(Turned::Full { .. }) => Refusal::Full,
            HttpError::Turned(Turned::Crowded { .. }) => Refusal::Crowded,
            HttpError::Turned(_) => Refusal::TooOften,
            _ => Refusal::Unavailable,
        }
    }
}

impl From<DecisionError> for HttpError {
    fn from(error: DecisionError) -> Self {
        match error {
            DecisionError::Store(error) => HttpError::Store(error),
            other => HttpError::Decision(other),
        }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let (status, title) = self.status_and_title();
        // A full inbox is told once, not with every report.
        if status.is_server_error() && !matches!(self, HttpError::Turned(_)) {
            tracing::error!(status = status.as_u16(), error = %self, "request failed");
        }
        let detail = match &self {
            // A database's own words may hold names and addresses that are nobody's business outside.
            HttpError::Intake(IntakeError::Store(_))
            | HttpError::Store(_)
            | HttpError::Answer(AnswerError::Store(_)) => "the database does not answer: try again later".to_owned(),
            HttpError::Random(_) => "this machine has no random bytes: the collector's log says more".to_owned(),
            HttpError::Sealing(_) => "the report could not be sealed: the collector's log says why".to_owned(),
            HttpError::Page(_) => "the page could not be made: the collector's log says why".to_owned(),
            HttpError::Bundle(_) => "the recipient bundle cannot be used: the collector's log says why".to_owned(),
            told => told.to_string(),
        };
        let problem = Problem { title: title.to_owned(), status: status.as_u16(), detail };
        let seconds = match &self {
            HttpError::Turned(turned) => Some(turned.seconds()),
            _ => (status == StatusCode::SERVICE_UNAVAILABLE).then(|| admission::spread(admission::AWAY_SECONDS)),
        };
        let body = serde_json::to_string(&problem).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_MEDIA_TYPE)], body).into_response();
        if let Some(seconds) = seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, section 15.5.2: it names a way to be known.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Answers a path that we do not have.
pub(super) async fn not_found() -> HttpError {
    HttpError::NotFound
}

/// Answers a method that the path does not take.
pub(super) async fn method_not_allowed() -> HttpError {
    HttpError::Method
}
