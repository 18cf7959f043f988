//! What is at the other end of a connection, and what a trusted proxy says of its client: address, name, groups.

use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::Shared;
use super::error::HttpError;

/// What a trusted proxy says who asks; whatever came from outside under this name it has thrown away.
const IDENTITY: &str = "x-remote-user";

/// The groups that this person belongs to, joined by commas.
const GROUPS: &str = "x-remote-groups";

/// Where proxies put the address of their client, each behind what it was given itself.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Other places where proxies put it: on a connection that is not from a trusted proxy they mean one we do not know.
const FORWARDING: [&str; 5] = [IDENTITY, GROUPS, FORWARDED_FOR, "forwarded", "x-real-ip"];

/// The longest name of a person that is believed, in bytes.
const LONGEST_IDENTITY: usize = 1024;

/// The other end of the connection itself.
#[derive(Debug, Clone)]
pub(super) enum Peer {
    /// Over TCP.
    Address(SocketAddr),
    /// Over the Unix socket, which only the proxy's group may open.
    LocalSocket,
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Peer::Address(address)
    }
}

impl From<tokio::net::unix::SocketAddr> for Peer {
    fn from(_: tokio::net::unix::SocketAddr) -> Self {
        Peer::LocalSocket
    }
}

/// The address that a request came from, as far as it can be believed.
#[derive(Debug, Clone)]
pub(super) struct Source(pub(super) String);

impl FromRequestParts<Shared> for Source {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, HttpError> {
        Ok(Source::of(&Peer::of(parts)?, &parts.headers, &shared.trusted_proxies))
    }
}

impl Source {
    /// Where a request came from, in words.
    pub(super) fn of_request(parts: &Parts, shared: &Shared) -> String {
        Peer::of(parts).map(|peer| Source::of(&peer, &parts.headers, &shared.trusted_proxies).0).unwrap_or_default()
    }

    /// The address behind a trusted proxy, else the other end itself.
    pub(super) fn of(peer: &Peer, headers: &HeaderMap, proxies: &[IpAddr]) -> Self {
        if peer.is_trusted(proxies)
            && let Some(address) = last_address(headers)
        {
            return Source(address.to_string());
        }
        Source(match peer {
            Peer::Address(address) => address.ip().to_canonical().to_string(),
            Peer::LocalSocket => "local socket".to_owned(),
        })
    }
}

impl Peer {
    /// The other end of the connection that a request came over.
    pub(super) fn of(parts: &Parts) -> Result<Self, HttpError> {
        parts.extensions.get::<Peer>().cloned().ok_or(HttpError::NoIdentity)
    }

    /// Whether what it says about its client is believed.
    pub(super) fn is_trusted(&self, proxies: &[IpAddr]) -> bool {
        match self {
            Peer::Address(address) => proxies.contains(&address.ip().to_canonical()),
            Peer::LocalSocket => true,
        }
    }

    /// Whether it is on this machine.
    pub(super) fn is_here(&self) -> bool {
        match self {
            Peer::Address(address) => address.ip().to_canonical().is_loopback(),
            Peer::LocalSocket => true,
        }
    }
}

/// Whoever a trusted proxy vouches for: their name and groups; `None` when it names nobody.
pub(super) fn named(headers: &HeaderMap) -> Result<Option<(String, Vec<String>)>, HttpError> {
    let name = match said(headers, IDENTITY)? {
        Some(name) if name.len() <= LONGEST_IDENTITY => name.to_owned(),
        Some(_) => return Err(HttpError::NoIdentity),
        None => return Ok(None),
    };
    let groups = said(headers, GROUPS)?.unwrap_or_default().split(',').map(|group| group.trim().to_owned());
    Ok(Some((name, groups.filter(|group| !group.is_empty()).collect())))
}

/// The one value of a header; an unset variable of Apache arrives as `(null)`.
fn said<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, HttpError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match std::str::from_utf8(value.as_bytes()) {
            Ok("" | "(null)") => Ok(None),
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(HttpError::NoIdentity),
        },
        (Some(_), Some(_)) => Err(HttpError::NoIdentity),
    }
}

/// Whether a request has been through a proxy, as far as its headers tell.
pub(super) fn was_forwarded(headers: &HeaderMap) -> bool {
    FORWARDING.iter().any(|name| headers.contains_key(*name))
}

/// The host that a browser asked for, with its port unless it is the usual one.
pub(super) fn asked_host(headers: &HeaderMap, trusted: bool) -> Option<&str> {
    let forwarded = || headers.get_all("x-forwarded-host").iter().next_back()?.to_str().ok()?.rsplit(',').next();
    let asked = if trusted { forwarded() } else { None };
    Some(asked.or_else(|| headers.get(header::HOST)?.to_str().ok())?.trim())
}

/// The last address is the one that the proxy saw itself; all before it the client may have written.
fn last_address(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?.rsplit(',').next()?.trim();
    last.parse::<IpAddr>().ok().map(|address| address.to_canonical())
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
    fn a_name_is_one_header_that_says_something() {
        let told = |lines: &[(&'static str, &'static str)]| named(&headers(lines));
        let officer = told(&[(IDENTITY, "CN=Officer"), (GROUPS, "team, (null),,x")]).unwrap().unwrap();
        assert_eq!((officer.0.as_str(), officer.1), ("CN=Officer", vec!["team".into(), "(null)".into(), "x".into()]));
        for nobody in [&[][..], &[(IDENTITY, "")], &[(IDENTITY, "(null)")], &[(GROUPS, "team")]] {
            assert!(told(nobody).unwrap().is_none(), "{nobody:?}");
        }
        assert!(told(&[(IDENTITY, "a"), (GROUPS, "(null)")]).unwrap().unwrap().1.is_empty());
        assert!(told(&[(IDENTITY, "a"), (IDENTITY, "b")]).is_err());
        assert!(told(&[(IDENTITY, "a"), (GROUPS, "b"), (GROUPS, "c")]).is_err());
    }

    #[test]
    fn the_host_that_was_asked_for() {
        let behind = headers(&[("host", "desk"), ("x-forwarded-host", "evil, desk:444")]);
        assert_eq!((asked_host(&behind, true), asked_host(&behind, false)), (Some("desk:444"), Some("desk")));
        assert_eq!(asked_host(&headers(&[]), true), None);
    }

    #[test]
    fn the_last_address_counts() {
        let last = |value| last_address(&headers(&[(FORWARDED_FOR, "198.51.100.9"), (FORWARDED_FOR, value)]));
        assert_eq!(last("203.0.113.7, 192.0.2.5").unwrap().to_string(), "192.0.2.5");
        assert_eq!(last("::ffff:192.0.2.5").unwrap().to_string(), "192.0.2.5");
        assert_eq!(last("203.0.113.7, unknown"), None);
    }
}
