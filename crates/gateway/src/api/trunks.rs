//! Where may a call be given to, and are the telephones there?

use std::sync::Arc;

use axum::{Json, extract::State};
use media::sdp::TrunkKeying;
use serde::Serialize;
use sip::Registration;
use terms::Timestamp;

use crate::{console::session::Caller, office::Office, trunks::road::Known};

/// Every trunk.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct TrunkList {
    trunks: Vec<Trunk>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Trunk {
    name: String,
    /// What can be rung there, such as `2XXX, 100`; `X` is a digit.
    extensions: String,
    codecs: Vec<&'static str>,
    /// Whether its audio must be protected.
    srtp: bool,
    /// How, where it must: `sdes` or `dtls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    keying: Option<&'static str>,
    targets: Vec<Target>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = TrunkTarget)]
struct Target {
    host: String,
    port: u16,
    transport: &'static str,
    /// Lower first.
    priority: u16,
    /// Its share among those of one priority.
    weight: u16,
    /// `unknown`, `well`, `unavailable`, `silent`, `unreachable` or `no_address`.
    health: &'static str,
    /// What it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_at: Option<Timestamp>,
    /// Whether it knows where we are, where it is told: `asking`, `known`, `refused` or `unreachable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    registration: Option<&'static str>,
}

/// Where a call can be given to beside agents.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Destinations {
    queues: Vec<String>,
    bots: Vec<String>,
    trunks: Vec<Telephones>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Telephones {
    name: String,
    extensions: String,
}

/// The ways to telephones of the house, and whether each target answers.
#[utoipa::path(get, path = "/v1/trunks", tag = "trunks",
    responses((status = 200, body = TrunkList, description = "`{trunks: [{name, extensions, codecs, srtp, keying?, targets: [{host, port, transport, priority, weight, health, status?, asked_at?, registration?}]}]}`; `health` is `unknown`, `well`, `unavailable`, `silent`, `unreachable` or `no_address`"),
              (status = 401, body = super::Refused)))]
pub(super) async fn list(State(office): State<Arc<Office>>, caller: Caller) -> Json<TrunkList> {
    let roads = office.trunks.of(&caller.organisation.id);
    let trunks = roads.map(|road| Trunk {
        name: road.trunk.name.clone(),
        extensions: road.trunk.extensions.to_string(),
        codecs: road.trunk.codecs.iter().map(|codec| codec.as_str()).collect(),
        srtp: keying(road.trunk.srtp).is_some(),
        keying: keying(road.trunk.srtp),
        targets: road.targets().into_iter().map(target).collect(),
    });
    Json(TrunkList { trunks: trunks.collect() })
}

/// The queues, bots and telephones a call can be given to.
#[utoipa::path(get, path = "/v1/destinations", tag = "calls",
    responses((status = 200, body = Destinations, description = "`{queues: [name], bots: [name], trunks: [{name, extensions}]}`; `X` in `extensions` is a digit"),
              (status = 401, body = super::Refused)))]
pub(super) async fn destinations(
    State(office): State<Arc<Office>>,
    caller: Caller,
) -> Json<Destinations> {
    let mine = &caller.organisation.id;
    let queues = office.config.queues.iter().filter(|queue| queue.organisation == *mine);
    let telephones = |road: &Arc<crate::trunks::road::Road>| Telephones {
        name: road.trunk.name.clone(),
        extensions: road.trunk.extensions.to_string(),
    };
    Json(Destinations {
        queues: queues.map(|queue| queue.name.clone()).collect(),
        bots: office.config.bots_of(mine).map(str::to_owned).collect(),
        trunks: office.trunks.of(mine).map(telephones).collect(),
    })
}

const fn keying(keying: TrunkKeying) -> Option<&'static str> {
    match keying {
        TrunkKeying::Open => None,
        TrunkKeying::Sdes => Some("sdes"),
        TrunkKeying::Dtls => Some("dtls"),
    }
}

fn target(known: Known) -> Target {
    Target {
        port: known.target.port,
        transport: known.target.transport.as_str(),
        priority: known.target.priority,
        weight: known.target.weight,
        health: known.health.as_str(),
        status: known.health.status(),
        asked_at: known.asked_at,
        registration: known.registration().map(registration),
        host: known.target.host,
    }
}

fn registration(state: Registration) -> &'static str {
    match state {
        Registration::Asking => "asking",
        Registration::Known => "known",
        Registration::Refused(_) => "refused",
        Registration::Unreachable => "unreachable",
    }
}
