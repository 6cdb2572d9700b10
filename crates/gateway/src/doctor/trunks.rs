//! Are the telephones of the house there?
//!
//! Each target of a trunk is looked up and asked once with OPTIONS, also where the configuration never
//! asks. A trunk rings its other targets while one is away, so that alone is no fault.

use std::net::SocketAddr;

use sip::{Listen, Tls, UserAgent};
use terms::OrganisationId;

use super::finding::Finding;
use crate::{
    config::{Config, Sip, Trunk},
    trunks::{
        road::{self, Health, Known},
        tls::trust,
    },
};

const CHECK: &str = "trunk.target";

/// Asks every target of the trunks of these organisations.
pub(super) async fn examine(
    config: &Config,
    asked_for: impl Fn(&OrganisationId) -> bool,
) -> Vec<Finding> {
    let trunks = config.trunks.iter().filter(|trunk| asked_for(&trunk.organisation));
    let trunks: Vec<&Trunk> = trunks.collect();
    let (Some(sip), false) = (&config.sip, trunks.is_empty()) else { return Vec::new() };
    let agent = match start(sip).await {
        Ok(agent) => agent,
        Err(fault) => return vec![fault],
    };
    let mut found = Vec::new();
    for trunk in trunks {
        let known = road::examine(&agent, trunk).await;
        let well = known.iter().any(|known| known.health.is_well());
        found.extend(known.iter().map(|known| target(&trunk.name, known, well)));
    }
    found
}

/// Who asks; nobody can call.
pub(super) async fn start(sip: &Sip) -> Result<UserAgent, Finding> {
    // A gateway that runs has the port itself.
    let plain = Some(SocketAddr::new(sip.listen.ip(), 0));
    let fault = |code, what, fix, error: &dyn std::error::Error| {
        Finding::fault("trunk.sip", code, what, fix).seen(error.to_string())
    };
    let connect = trust(sip).map_err(|error| {
        let fix = "Set [sip.tls] roots to a PEM file of certificates.";
        fault("sip_roots_unusable", "The file of those we believe cannot be used.", fix, &error)
    })?;
    let tls = Some(Tls { accept: None, connect });
    let listen = Listen { plain, tls, name: "offhook".into(), timers: true };
    UserAgent::start(listen, None).await.map_err(|error| {
        let fix = "Set [sip] listen to an address of this machine.";
        fault("sip_port_missing", "No SIP port can be had.", fix, &error)
    })
}

fn target(trunk: &str, known: &Known, another_is_well: bool) -> Finding {
    let place = &known.target;
    let transport = place.transport.as_str();
    let place = format!("{}:{} by {transport}", place.host, place.port);
    let (code, what, fix) = match known.health {
        Health::Well(status) => {
            let what = format!("A target of the trunk {trunk} answers.");
            let finding = Finding::ok(CHECK, "target_well", what).with("trunk", trunk);
            return finding.seen(format!("{place}: {status}"));
        }
        Health::Unavailable(_) => (
            "target_unavailable",
            format!("A target of the trunk {trunk} says that it cannot serve."),
            "Look at the PBX: its log says why it answers so.",
        ),
        Health::Silent | Health::Unknown => (
            "target_silent",
            format!("A target of the trunk {trunk} does not answer."),
            "Check host, port and transport, that the PBX answers OPTIONS from this address, and \
             the firewalls between.",
        ),
        Health::Unreachable => (
            "target_unreachable",
            format!("A target of the trunk {trunk} cannot be reached."),
            "Check host, port and transport of the target, and that the PBX listens there.",
        ),
        Health::NoAddress => (
            "target_nameless",
            format!("The name of a target of the trunk {trunk} leads nowhere."),
            "Check the name, DNS, and that it has an address of the family of [sip] listen.",
        ),
    };
    let finding = if another_is_well {
        Finding::warning(CHECK, code, what, fix)
    } else {
        Finding::fault(CHECK, code, what, fix)
    };
    let status = known.health.status().map_or_else(String::new, |status| format!(": {status}"));
    finding.with("trunk", trunk).seen(format!("{place}{status}"))
}
