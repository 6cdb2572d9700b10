//! Did the browser speak HTTPS?
//!
//! It did when the gateway's own listener has TLS, or when a reverse proxy named in the configuration
//! says so in `X-Forwarded-Proto`. The word of anybody else counts for nothing. Cookies of such a browser
//! are `Secure`.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, FromRequestParts, connect_info::Connected},
    http::{HeaderMap, request::Parts},
    serve::IncomingStream,
};
use tokio::net::TcpListener;

use crate::{config::Config, office::Office, tls::TlsListener};

/// Who opened the connection: a browser, a program or a proxy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remote(SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Remote {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Remote {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// How the browser reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn of(config: &Config, remote: Option<SocketAddr>, headers: &HeaderMap) -> Self {
        if config.tls.is_some() {
            return Self::Https;
        }
        let is_proxy = remote.is_some_and(|remote| {
            let ip = remote.ip().to_canonical();
            config.trusted_proxies.iter().any(|proxy| proxy.to_canonical() == ip)
        });
        let said = headers.get_all("x-forwarded-proto").iter().next_back();
        // The nearest proxy writes last.
        let said = said.and_then(|value| value.to_str().ok()?.rsplit(',').next());
        match said {
            Some(word) if is_proxy && word.trim().eq_ignore_ascii_case("https") => Self::Https,
            Some(_) | None => Self::Http,
        }
    }
}

impl FromRequestParts<Arc<Office>> for Scheme {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        office: &Arc<Office>,
    ) -> Result<Self, Self::Rejection> {
        let remote = parts.extensions.get::<ConnectInfo<Remote>>().map(|info| info.0.0);
        Ok(Self::of(&office.config, remote, &parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_named_proxy_says_https() {
        let mut config = Config::demo("http://127.0.0.1:1", None);
        config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        let proxy: SocketAddr = "127.0.0.1:9".parse().unwrap();
        let other: SocketAddr = "127.0.0.2:9".parse().unwrap();
        let mut headers = HeaderMap::new();
        assert_eq!(Scheme::of(&config, Some(proxy), &headers), Scheme::Http);
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        assert_eq!(Scheme::of(&config, Some(proxy), &headers), Scheme::Https);
        assert_eq!(Scheme::of(&config, Some(other), &headers), Scheme::Http);
        assert_eq!(Scheme::of(&config, None, &headers), Scheme::Http);
        headers.insert("x-forwarded-proto", "https, http".parse().unwrap());
        assert_eq!(Scheme::of(&config, Some(proxy), &headers), Scheme::Http);
    }
}
