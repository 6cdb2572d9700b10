//! Where does media come in, and what helps it?
//!
//! The tables `[media]` and `[turn]`; [`super::read`] shows them.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use audio::opus::Complexity;
use serde::Deserialize;

use super::{
    ConfigError, Media, TURN_LASTS_DEFAULT, Turn, TurnKey,
    read::{Secrets, value},
};

/// The shortest life of a TURN login: a browser needs a moment to use it.
const TURN_LASTS_MIN: Duration = Duration::from_secs(60);

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct MediaTable {
    bind_ip: Option<IpAddr>,
    advertised: Option<AdvertisedWord>,
    stun: Option<String>,
    ports: Option<[u16; 2]>,
    browsers: Option<SocketAddr>,
    bot_complexity: Option<u8>,
    #[serde(default)]
    in_band_keys: bool,
    comfort_noise: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected addresses such as [\"203.0.113.20\"], or \"auto\"")]
enum AdvertisedWord {
    These(Vec<IpAddr>),
    Auto(Auto),
}

#[derive(Deserialize)]
enum Auto {
    #[serde(rename = "auto")]
    Auto,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TurnTable {
    urls: Vec<String>,
    secret_file: Option<PathBuf>,
    secret_env: Option<String>,
    username: Option<String>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    lasts_s: Option<u64>,
    #[serde(default)]
    relay_only: bool,
}

/// Checks `[media]`.
pub(super) fn media(table: MediaTable) -> Result<Media, ConfigError> {
    let defaults = Media::default();
    let ports = match table.ports {
        Some([first, last]) if first <= last => first..=last,
        Some(_) => return Err(value("media.ports", "write [first, last]".into())),
        None => defaults.ports,
    };
    let (advertised, ask_public) = match table.advertised {
        Some(AdvertisedWord::These(ips)) => (ips, false),
        Some(AdvertisedWord::Auto(Auto::Auto)) if table.stun.is_none() => {
            let why = "\"auto\" needs a server: set stun = \"host:port\"".into();
            return Err(value("media.advertised", why));
        }
        Some(AdvertisedWord::Auto(Auto::Auto)) => (Vec::new(), true),
        None => (Vec::new(), false),
    };
    if table.stun.as_ref().is_some_and(|server| !server.contains(':')) {
        return Err(value("media.stun", "write host:port, such as \"stun.example:3478\"".into()));
    }
    let bot_complexity = match table.bot_complexity.map(Complexity::new) {
        Some(Some(complexity)) => complexity,
        Some(None) => return Err(value("media.bot_complexity", "write 0 to 10".into())),
        None => defaults.bot_complexity,
    };
    Ok(Media {
        bind_ip: table.bind_ip.unwrap_or(defaults.bind_ip),
        advertised,
        stun: table.stun,
        ask_public,
        ports,
        browsers: table.browsers.unwrap_or(defaults.browsers),
        busy: defaults.busy,
        bot_complexity,
        in_band_keys: table.in_band_keys,
        comfort_noise: table.comfort_noise.unwrap_or(defaults.comfort_noise),
    })
}

impl Secrets<'_> {
    /// Checks `[turn]`.
    pub(super) fn turn(&self, table: TurnTable) -> Result<Turn, ConfigError> {
        let known = |url: &String| url.starts_with("turn:") || url.starts_with("turns:");
        if table.urls.is_empty() || !table.urls.iter().all(known) {
            let why = "write URLs such as \"turn:turn.example:3478?transport=udp\"".into();
            return Err(value("turn.urls", why));
        }
        let key = match table.username {
            Some(username) => TurnKey::Fixed {
                username,
                password: self.secret("turn.password", table.password_file, table.password_env)?,
            },
            None => {
                TurnKey::Shared(self.secret("turn.secret", table.secret_file, table.secret_env)?)
            }
        };
        let lasts = table.lasts_s.map_or(TURN_LASTS_DEFAULT, Duration::from_secs);
        if lasts < TURN_LASTS_MIN {
            return Err(value("turn.lasts_s", "write at least 60 seconds".into()));
        }
        Ok(Turn { urls: table.urls, key, lasts, relay_only: table.relay_only })
    }
}
