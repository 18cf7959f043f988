//! Who asks: by API token, through a trusted proxy that names them, or signed in here.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use report::hash::Hash;

use super::Shared;
use super::error::HttpError;
use super::peer::{self, Peer, Source};
use crate::access::deed::By;
use crate::access::secret::{self, TOKEN_PREFIX};
use crate::access::{Role, Viewer};
use crate::clock;
use crate::store::StoredToken;

/// The cookie of people who signed in on a loopback address, where there is no TLS.
const COOKIE: &str = "wlcg-package-collector";

/// The cookie behind a proxy: with this name browsers take and give it over TLS alone, for this host alone
/// (RFC 6265bis, section 4.1.3.2).
const SECURE_COOKIE: &str = "__Host-wlcg-package-collector";

/// The longest secret that is looked at, in bytes.
const LONGEST_SECRET: usize = 200;

/// Somebody who is known.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    /// Who they are, and what they may see and do.
    pub(super) viewer: Viewer,
    /// The address they came from.
    pub(super) source: String,
    /// How that is known.
    pub(super) proven: Proven,
    /// What their browser gives back with a form, so that they are known to mean it; empty with a token.
    pub(super) csrf: String,
}

/// How somebody is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proven {
    /// By the token of this number, which no browser sends by itself.
    Token(i64),
    /// By a trusted proxy.
    Proxy,
    /// By a cookie of ours.
    Session {
        /// What is kept of its secret.
        session: Hash,
        /// Name of the cookie.
        cookie: &'static str,
    },
}

impl Visitor {
    fn new(viewer: Viewer, source: String, proven: Proven, shared: &Shared, now: i64) -> Self {
        let mut visitor = Visitor { viewer, source, proven, csrf: String::new() };
        if let Some(subject) = visitor.csrf_subject() {
            visitor.csrf = shared.csrf.proof(&subject, now.div_euclid(86_400));
        }
        visitor
    }

    /// Refuses everybody but officers.
    pub(super) fn must_be_officer(&self) -> Result<(), HttpError> {
        if self.viewer.role == Role::Officer { Ok(()) } else { Err(HttpError::NotOfficer) }
    }

    /// Who does what this request asks for, for the audit log.
    pub(super) fn by(&self, at: i64) -> By<'_> {
        By::viewer(&self.viewer, &self.source, at)
    }

    /// Whom a browser's proof of intent is for; a token is its own.
    pub(super) fn csrf_subject(&self) -> Option<String> {
        match &self.proven {
            Proven::Token(_) => None,
            Proven::Proxy => Some(format!("proxy {}", self.viewer.name)),
            Proven::Session { session, .. } => Some(format!("session {session}")),
        }
    }
}

/// The guard has found out already who asks (`guard.rs`).
impl FromRequestParts<Shared> for Visitor {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, HttpError> {
        parts.extensions.get::<Visitor>().cloned().ok_or(HttpError::NotSignedIn)
    }
}

/// Finds out who asks.
pub(super) async fn identify(parts: &Parts, shared: &Shared) -> Result<Visitor, HttpError> {
    let now = clock::now().as_second();
    let peer = Peer::of(parts)?;
    let Source(source) = Source::of(&peer, &parts.headers, &shared.trusted_proxies);
    let way = Way::of(&peer, &parts.headers, shared)?;
    if let Some(token) = shown_token(&parts.headers, shared, now).await? {
        let viewer = Viewer { name: format!("token {}", token.viewer.name), ..token.viewer };
        return Ok(Visitor::new(viewer, source, Proven::Token(token.id), shared, now));
    }
    let cookie = match way {
        Way::Named { name, groups } => {
            let viewer = shared.people.viewer(&name, &groups).ok_or(HttpError::UnknownPerson(name))?;
            return Ok(Visitor::new(viewer, source, Proven::Proxy, shared, now));
        }
        Way::Foreign => return Err(HttpError::UnknownProxy),
        Way::Unnamed { cookie } => cookie,
    };
    let session = secret::digest(cookie_value(&parts.headers, cookie).ok_or(HttpError::NotSignedIn)?);
    let viewer = shared.store.session(session, now).await?.ok_or(HttpError::NotSignedIn)?;
    Ok(Visitor::new(viewer, source, Proven::Session { session, cookie }, shared, now))
}

/// The token that a program shows, if it shows one: then it must hold.
async fn shown_token(headers: &HeaderMap, shared: &Shared, now: i64) -> Result<Option<StoredToken>, HttpError> {
    let Some(token) = bearer(headers)? else { return Ok(None) };
    let token = shared.store.token(secret::digest(token)).await?.filter(|token| token.holds(now));
    token.map(Some).ok_or(HttpError::UnknownToken)
}

/// What needs no token, but refuses one that does not hold: the proxy lets tokens through where it stops others.
#[derive(Debug)]
pub(super) struct NoFalseToken;

impl FromRequestParts<Shared> for NoFalseToken {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, HttpError> {
        shown_token(&parts.headers, shared, clock::now().as_second()).await?;
        Ok(NoFalseToken)
    }
}

/// The way on which a request came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Through a trusted proxy that says who asks.
    Named {
        /// Its client's name.
        name: String,
        /// Its client's groups.
        groups: Vec<String>,
    },
    /// From this machine, or through a trusted proxy that leaves it to us who asks.
    Unnamed {
        /// Name of the cookie that tells.
        cookie: &'static str,
    },
    /// From this machine, but through a proxy that nobody said to trust.
    Foreign,
}

impl Way {
    /// The way of a request; what comes readable over a network has none.
    pub(super) fn of(peer: &Peer, headers: &HeaderMap, shared: &Shared) -> Result<Self, HttpError> {
        if peer.is_trusted(&shared.trusted_proxies) {
            return Ok(match peer::named(headers)? {
                Some((name, groups)) => Way::Named { name, groups },
                None => Way::Unnamed { cookie: SECURE_COOKIE },
            });
        }
        match (peer.is_here(), peer::was_forwarded(headers)) {
            (true, false) => Ok(Way::Unnamed { cookie: COOKIE }),
            (true, true) => Ok(Way::Foreign),
            (false, true) => Err(HttpError::UnknownProxy),
            (false, false) => Err(HttpError::NotLocal),
        }
    }
}

/// The token of ours in `Authorization` (RFC 6750, section 2.1); what a proxy uses there for itself is none.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, HttpError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next().and_then(|value| value.to_str().ok()) else { return Ok(None) };
    let Some((scheme, token)) = value.split_once(' ') else { return Ok(None) };
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || !token.starts_with(TOKEN_PREFIX) {
        return Ok(None);
    }
    if values.next().is_some() || token.len() > LONGEST_SECRET { Err(HttpError::UnknownToken) } else { Ok(Some(token)) }
}

/// The one value of a cookie.
pub(super) fn cookie_value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value);
    let value = values.next().filter(|value| value.len() <= LONGEST_SECRET);
    // Two of that name: one of them may come from another program on this machine.
    if values.next().is_some() { None } else { value }
}

/// A `Set-Cookie` for a session of so many seconds; none ends it.
pub(super) fn set_cookie(name: &str, value: &str, seconds: i64) -> String {
    let secure = if name == SECURE_COOKIE { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_token_is_ours_by_its_beginning() {
        let told =
            |lines: &[(&'static str, &'static str)]| bearer(&headers(lines)).map(|token| token.map(str::to_owned));
        assert_eq!(told(&[("authorization", "bearer  wpc_1")]).unwrap(), Some("wpc_1".to_owned()));
        for other in ["Basic d3BjXzE6", "Bearer eyJ0", "Bearer", "wpc_1", ""] {
            assert_eq!(told(&[("authorization", other)]).unwrap(), None, "{other}");
        }
        assert_eq!(told(&[]).unwrap(), None);
        assert!(told(&[("authorization", "Bearer wpc_1"), ("authorization", "Bearer wpc_2")]).is_err());
    }

    #[test]
    fn a_cookie_counts_when_there_is_one() {
        let told = |lines: &[(&'static str, &'static str)]| cookie_value(&headers(lines), "c").map(str::to_owned);
        assert_eq!(told(&[("cookie", "a=1; c=2;d=3")]), Some("2".to_owned()));
        assert_eq!(told(&[("cookie", "a=1"), ("cookie", "c=2")]), Some("2".to_owned()));
        for none in [&[][..], &[("cookie", "cc=1; C=2")], &[("cookie", "c=1; c=2")], &[("cookie", "c")]] {
            assert_eq!(told(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_cookie_is_secure_behind_a_proxy() {
        assert!(!set_cookie(COOKIE, "x", 1).contains("Secure"));
        assert!(set_cookie(SECURE_COOKIE, "x", 1).ends_with("; Secure"));
    }
}
