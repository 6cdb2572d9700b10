//! Who may drive the sandbox, and be a user?
//!
//! Whoever is on this machine, or has the token if one is configured: as a bearer, or as the cookie
//! that the manager's page keeps, because an `<audio>` element sends nothing else. A page of another
//! site is neither, although it runs in the browser of whoever sits here: it says where it is from,
//! and a name of its own that leads to this machine is not one of ours.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::SandboxRefusal;
use crate::{directory::same_secret, world::World};

/// The cookie with the token.
const COOKIE: &str = "offhook_sandbox";

/// Lets loopback in, or whoever has the token.
pub(super) async fn guard(
    State(world): State<Arc<World>>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
    let headers = request.headers();
    let allowed = match &world.sandbox_token {
        Some(token) => given(headers).is_some_and(|given| same_secret(token, given)),
        None => peer.is_some_and(|peer| peer.ip().is_loopback()),
    };
    if allowed && is_own_page(&world, peer, headers) {
        return next.run(request).await;
    }
    SandboxRefusal::Forbidden.into_response()
}

/// Whether no page of another site asks.
pub(crate) fn is_own_page(world: &World, peer: Option<SocketAddr>, headers: &HeaderMap) -> bool {
    let host = text(headers, &header::HOST);
    let is_near = peer.is_some_and(|peer| peer.ip().is_loopback());
    // A token is asked for on every way in: then whoever runs this may give it any name.
    let name_counts = world.sandbox_token.is_none() && is_near;
    match (text(headers, &header::ORIGIN), host) {
        (None, _) => true,
        (Some(origin), Some(host)) => {
            let is_same = origin.split_once("://").is_some_and(|(_, authority)| authority == host);
            is_same && (!name_counts || is_this_machine(host))
        }
        (Some(_), None) => false,
    }
}

/// A name that nobody else can let lead here.
fn is_this_machine(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || host.parse::<SocketAddr>().is_ok() || is_literal(host)
}

fn is_literal(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok()
}

/// The token somebody showed.
fn given(headers: &HeaderMap) -> Option<&str> {
    let bearer =
        text(headers, &header::AUTHORIZATION).and_then(|given| given.strip_prefix("Bearer "));
    bearer.or_else(|| {
        let cookies = text(headers, &header::COOKIE)?;
        cookies.split("; ").find_map(|cookie| cookie.strip_prefix(COOKIE)?.strip_prefix('='))
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_cannot_be_lent_are_this_machine() {
        for host in ["127.0.0.1:8400", "127.0.0.1", "localhost:8400", "localhost", "[::1]:8400"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["evil.example:8400", "127.0.0.1.evil.example", "localhost.evil.example", ""] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn the_token_is_a_bearer_or_the_cookie() {
        let with = |name: HeaderName, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            headers
        };
        assert_eq!(given(&with(header::AUTHORIZATION, "Bearer abc")), Some("abc"));
        assert_eq!(given(&with(header::COOKIE, "a=1; offhook_sandbox=abc; b=2")), Some("abc"));
        assert_eq!(given(&with(header::COOKIE, "offhook_sandboxes=abc")), None);
        assert_eq!(given(&HeaderMap::new()), None);
    }
}
