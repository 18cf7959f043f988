//! Who is at the other end: the address a report came from, and the person that a trusted proxy vouches for.

use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::serve::IncomingStream;
use tokio::net::{TcpListener, UnixListener};

use super::Shared;
use super::error::HttpError;

/// What a trusted proxy says who asks; whatever came from outside under this name it has thrown away.
const IDENTITY: &str = "x-remote-user";

/// Where proxies put the address of their client, each behind what it was given itself.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Other places where proxies put it: on a connection that is not from a trusted proxy they mean one we do not know.
const FORWARDING: [&str; 4] = [IDENTITY, FORWARDED_FOR, "forwarded", "x-real-ip"];

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

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Peer::Address(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(_: IncomingStream<'_, UnixListener>) -> Self {
        Peer::LocalSocket
    }
}

/// The address that a request came from, as far as it can be believed.
#[derive(Debug, Clone)]
pub(super) struct Source(pub(super) String);

impl FromRequestParts<Shared> for Source {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, HttpError> {
        let peer = peer(parts)?;
        if is_trusted(&peer, &shared.trusted_proxies)
            && let Some(address) = last_address(&parts.headers)
        {
            return Ok(Source(address.to_string()));
        }
        Ok(Source(match peer {
            Peer::Address(address) => address.ip().to_canonical().to_string(),
            Peer::LocalSocket => "local socket".to_owned(),
        }))
    }
}

/// Someone who may see the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visitor {
    /// Whom the proxy vouches for; none at the machine itself, without a proxy.
    pub(super) identity: Option<String>,
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, HttpError> {
        visitor(&peer(parts)?, &parts.headers, &shared.trusted_proxies)
    }
}

fn peer(parts: &Parts) -> Result<Peer, HttpError> {
    parts.extensions.get::<ConnectInfo<Peer>>().map(|info| info.0.clone()).ok_or(HttpError::NoIdentity)
}

/// Whether what this peer says about its client is believed.
fn is_trusted(peer: &Peer, proxies: &[IpAddr]) -> bool {
    match peer {
        Peer::Address(address) => proxies.contains(&address.ip().to_canonical()),
        Peer::LocalSocket => true,
    }
}

fn visitor(peer: &Peer, headers: &HeaderMap, proxies: &[IpAddr]) -> Result<Visitor, HttpError> {
    if is_trusted(peer, proxies) {
        let mut said = headers.get_all(IDENTITY).iter();
        return match (said.next().and_then(|name| name.to_str().ok()), said.next()) {
            // An unset variable of Apache arrives as "(null)".
            (Some(name), None) if !name.is_empty() && name != "(null)" && name.len() <= LONGEST_IDENTITY => {
                Ok(Visitor { identity: Some(name.to_owned()) })
            }
            _ => Err(HttpError::NoIdentity),
        };
    }
    if FORWARDING.iter().any(|name| headers.contains_key(*name)) {
        return Err(HttpError::UnknownProxy);
    }
    match peer {
        Peer::Address(address) if address.ip().to_canonical().is_loopback() => Ok(Visitor { identity: None }),
        _ => Err(HttpError::NotLocal),
    }
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
    fn only_a_trusted_proxy_is_believed_and_it_must_name_someone() {
        let proxies = ["192.0.2.1".parse().unwrap()];
        let tcp = |address: &str| Peer::Address(address.parse().unwrap());
        let named = headers(&[(IDENTITY, "CN=Officer")]);
        let officer = Some("CN=Officer".to_owned());
        for (peer, headers, expected) in [
            (Peer::LocalSocket, &named, Some(officer.clone())),
            (tcp("192.0.2.1:1"), &named, Some(officer)),
            (tcp("[::ffff:192.0.2.1]:1"), &headers(&[]), None),
            (Peer::LocalSocket, &headers(&[]), None),
            (Peer::LocalSocket, &headers(&[(IDENTITY, "(null)")]), None),
            (Peer::LocalSocket, &headers(&[(IDENTITY, "a"), (IDENTITY, "b")]), None),
            (tcp("192.0.2.2:1"), &named, None),
            (tcp("127.0.0.1:1"), &named, None),
            (tcp("127.0.0.1:1"), &headers(&[(FORWARDED_FOR, "127.0.0.1")]), None),
            (tcp("192.0.2.2:1"), &headers(&[]), None),
            (tcp("127.0.0.1:1"), &headers(&[]), Some(None)),
        ] {
            let found = visitor(&peer, headers, &proxies).ok().map(|visitor| visitor.identity);
            assert_eq!(found, expected, "{peer:?} {headers:?}");
        }
    }

    #[test]
    fn the_last_address_counts() {
        let last = |value| last_address(&headers(&[(FORWARDED_FOR, "198.51.100.9"), (FORWARDED_FOR, value)]));
        assert_eq!(last("203.0.113.7, 192.0.2.5").unwrap().to_string(), "192.0.2.5");
        assert_eq!(last("::ffff:192.0.2.5").unwrap().to_string(), "192.0.2.5");
        assert_eq!(last("203.0.113.7, unknown"), None);
    }
}
