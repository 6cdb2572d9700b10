//! Which TURN servers may an agent's browser use, and with which login?
//!
//! The gateway's own port for browsers needs none; where a firewall lets no UDP through to it, a TURN
//! server carries the packets. A login that is made from the shared secret holds for a while, so a
//! console that stays open is told anew before it ends.

use std::time::Duration;

use media::turn;
use wire::console::{IceServer, ToConsole};

use crate::{
    clock,
    config::{Turn, TurnKey},
};

/// What an agent's browser is told; nothing without TURN.
pub(crate) fn of(turn: Option<&Turn>, agent: &str) -> Vec<IceServer> {
    let servers = turn.map(|turn| {
        let (username, credential) = login(turn, agent);
        IceServer { urls: turn.urls.clone(), username, credential }
    });
    servers.into_iter().collect()
}

/// The frame that brings a new login.
pub(crate) fn frame(turn: &Turn, agent: &str) -> ToConsole {
    ToConsole::IceServers { ice_servers: of(Some(turn), agent), relay_only: turn.relay_only }
}

/// How often a console is told: while the last login still holds for as long again.
pub(crate) fn told_every(turn: &Turn) -> Duration {
    turn.lasts / 2
}

/// A user name and a password that hold now.
pub(crate) fn login(turn: &Turn, name: &str) -> (String, String) {
    match &turn.key {
        TurnKey::Shared(secret) => {
            let until = (clock::now() + turn.lasts).unix();
            let login = turn::timed_login(secret.expose(), name, until);
            (login.username, login.password)
        }
        TurnKey::Fixed { username, password } => (username.clone(), password.expose().to_owned()),
    }
}
