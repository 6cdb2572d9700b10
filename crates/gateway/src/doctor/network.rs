//! Can media get in and out, and what would far ends be told?

use std::{net::SocketAddr, time::Duration};

use media::{
    sdp::{self, Lint, Role, lint},
    stun::{self, Login, Reply},
    transport::{Fingerprint, LocalTransport},
};
use tokio::net::UdpSocket;

use super::{Runs, finding::Finding};
use crate::{
    config::{Config, Media, Turn},
    ice_servers,
    public_address::{self, AskError, Seen},
};

/// How long a datagram to ourselves may take.
const LOOP_WITHIN: Duration = Duration::from_secs(1);

/// Looks at the ports, the addresses that are told, and the servers that help.
pub(super) async fn examine(config: &Config, runs: Runs) -> Vec<Finding> {
    let media = &config.media;
    let mut found = vec![ports(media).await];
    if runs == Runs::No {
        found.push(browsers(media).await);
    }
    let seen = match &media.stun {
        Some(server) => Some(public_address::find(media, server).await),
        None => None,
    };
    found.extend(seen.as_ref().map(|seen| public(media, seen)));
    let told = told(media, seen.and_then(Result::ok));
    found.extend(session(&told, config));
    if let Some(turn) = &config.turn {
        found.push(relay(turn).await);
    }
    found
}

/// Two sockets of the range, one datagram.
async fn ports(media: &Media) -> Finding {
    let check = "media.ports";
    let range = format!("{}-{}", media.ports.start(), media.ports.end());
    let fix = "Widen [media] ports, raise the limit of open files, and let the firewall pass UDP on \
               loopback and from outside to these ports.";
    let ends = async {
        let there = public_address::socket_of(media.bind_ip, &media.ports).await?;
        let here = public_address::socket_of(media.bind_ip, &media.ports).await?;
        let mut to = there.local_addr()?;
        if to.ip().is_unspecified() {
            to.set_ip(if to.is_ipv4() {
                std::net::Ipv4Addr::LOCALHOST.into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        here.send_to(b"doctor", to).await?;
        let mut buffer = [0; 16];
        let came = tokio::time::timeout(LOOP_WITHIN, there.recv_from(&mut buffer)).await;
        std::io::Result::Ok(came.is_ok())
    };
    match ends.await {
        Ok(true) => Finding::ok(check, format!("UDP works on the media ports {range}.")),
        Ok(false) => Finding::fault(check, format!("UDP is lost on the media ports {range}."), fix),
        Err(error) => {
            let what = format!("No socket could be opened on the media ports {range}.");
            Finding::fault(check, what, fix).seen(error.to_string())
        }
    }
}

async fn browsers(media: &Media) -> Finding {
    let check = "media.browsers";
    match UdpSocket::bind(media.browsers).await {
        Ok(_) => Finding::ok(check, "The UDP port for agents' browsers is free."),
        Err(error) => {
            let fix = "Stop what has the port, or set [media] browsers to another one.";
            Finding::fault(check, "The UDP port for agents' browsers cannot be had.", fix)
                .seen(error.to_string())
        }
    }
}

/// What the STUN server's answer says about our way out.
fn public(media: &Media, seen: &Result<Seen, AskError>) -> Finding {
    let check = "media.public_address";
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => {
            let fix = "Let UDP out from the media ports, and check [media] stun.";
            return Finding::fault(check, "The STUN server told no address.", fix)
                .seen(error.to_string());
        }
    };
    let ip = seen.public.ip();
    let fixed = !media.ask_public && !media.advertised.is_empty();
    if fixed && !media.advertised.contains(&ip) {
        let fix = "Set [media] advertised to that address, or to \"auto\".";
        return Finding::fault(check, "The world sees another address than we advertise.", fix)
            .seen(format!("The STUN server sees {ip}."));
    }
    if seen.public.port() != seen.port {
        let fix = "Let the router pass the media ports one to one; else calls depend on our own \
                   checks getting through first.";
        return Finding::warning(check, "The router gives our media other ports.", fix)
            .seen(format!("Port {} is seen as {}.", seen.port, seen.public.port()));
    }
    Finding::ok(check, "The world sees the address that far ends are told.").seen(ip.to_string())
}

/// The addresses far ends are told.
fn told(media: &Media, seen: Option<Seen>) -> Vec<SocketAddr> {
    let port = *media.ports.start();
    let asked = seen.filter(|_| media.ask_public).map(|seen| seen.public.ip());
    let mut ips: Vec<_> = asked.into_iter().chain(media.advertised.iter().copied()).collect();
    if ips.is_empty() {
        ips.push(media.bind_ip);
    }
    ips.into_iter().map(|ip| SocketAddr::new(ip, port.max(1))).collect()
}

/// What an offer and an answer with these addresses would be worth.
fn session(told: &[SocketAddr], config: &Config) -> Vec<Finding> {
    let local = LocalTransport {
        addrs: told.to_vec(),
        ufrag: "doct".into(),
        pwd: "doctorDoctorDoctorDoctor".into(),
        fingerprint: Fingerprint([1; 32]),
        ssrc: 1,
        cname: "gw".into(),
        session_id: 1,
    };
    let offer = sdp::write_gateway_offer(&local);
    let mut lints = lint(&offer, Role::Offer);
    if let Ok(parsed) = sdp::parse(&offer) {
        let answer = sdp::write_gateway_answer(&parsed.session, &local);
        lints.extend(lint(&answer, Role::Answer(&parsed.session)));
    }
    lints.dedup();
    // A platform on this machine reaches every address of it.
    let near = config.lines.iter().all(|line| is_near(&line.upstream.base_url));
    let worth = |lint: &Lint| !(near && matches!(lint, Lint::Loopback(_) | Lint::Private(_)));
    let found: Vec<Finding> = lints.iter().filter(|lint| worth(lint)).map(of_lint).collect();
    if found.is_empty() {
        return vec![Finding::ok(
            "media.sdp",
            "Our offers and answers are as the platform wants them.",
        )];
    }
    found
}

fn of_lint(lint: &Lint) -> Finding {
    let what = match lint {
        Lint::Loopback(_) | Lint::Private(_) => "Far ends are told an address they cannot reach.",
        Lint::NoCandidates | Lint::NoAddress(_) => "Far ends are told no address.",
        Lint::Refused(_) => "The platform would refuse our SDP.",
        Lint::Tolerated(_) => "Our SDP is not quite as the platform wants it.",
    };
    let finding = match lint {
        Lint::Tolerated(_) => Finding::warning("media.sdp", what, &lint.fix()),
        Lint::Refused(_)
        | Lint::NoCandidates
        | Lint::NoAddress(_)
        | Lint::Loopback(_)
        | Lint::Private(_) => Finding::fault("media.sdp", what, &lint.fix()),
    };
    finding.seen(lint.to_string())
}

/// Whether the platform is on this machine.
fn is_near(base_url: &str) -> bool {
    let url = reqwest::Url::parse(base_url).ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// Does the TURN server relay for our agents?
async fn relay(turn: &Turn) -> Finding {
    let check = "turn.allocate";
    let Some(server) = turn.urls.iter().find_map(|url| udp_server(url)) else {
        let fix = "Add a turn: URL with UDP, or try the relay in a browser.";
        return Finding::warning(check, "Only TURN over UDP can be looked at from here.", fix);
    };
    let fix = "Check [turn]: the URL, that the secret is the server's static-auth-secret, and that \
               UDP from here to the server passes.";
    match allocate(turn, &server).await {
        Ok(Reply::Relayed(_)) => Finding::ok(check, "The TURN server relays for agents."),
        Ok(Reply::Challenge { .. }) => {
            Finding::fault(check, "The TURN server does not believe our login.", fix)
        }
        Ok(reply @ (Reply::Refused { .. } | Reply::Mapped(_) | Reply::Done)) => {
            Finding::fault(check, "The TURN server relays nothing.", fix).seen(format!("{reply:?}"))
        }
        Err(error) => {
            Finding::fault(check, "The TURN server is not reached.", fix).seen(error.to_string())
        }
    }
}

/// Asks for an allocation, and gives it back.
async fn allocate(turn: &Turn, server: &str) -> Result<Reply, AskError> {
    let any: SocketAddr = ([0, 0, 0, 0], 0).into();
    let socket = UdpSocket::bind(any).await.map_err(AskError::Socket)?;
    let id = rand::random();
    let asked = stun::allocate_request(&id, None);
    let first = public_address::ask(&socket, server, &asked, &id).await?;
    let Reply::Challenge { realm, nonce } = first else { return Ok(first) };
    let (username, password) = ice_servers::login(turn, "doctor");
    let login = Login { username, password, realm, nonce };
    let id = rand::random();
    let asked = stun::allocate_request(&id, Some(&login));
    let reply = public_address::ask(&socket, server, &asked, &id).await?;
    if matches!(reply, Reply::Relayed(_)) {
        let id = rand::random();
        let release = stun::release_request(&id, &login);
        // It would end by itself in ten minutes.
        drop(public_address::ask(&socket, server, &release, &id).await);
    }
    Ok(reply)
}

/// `host:port` of a `turn:` URL that is asked over UDP.
fn udp_server(url: &str) -> Option<String> {
    let rest = url.strip_prefix("turn:")?;
    let (server, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !matches!(query, "" | "transport=udp") {
        return None;
    }
    let has_port = server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Some(if has_port { server.to_owned() } else { format!("{server}:3478") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_url_is_taken_apart() {
        assert_eq!(udp_server("turn:turn.example").as_deref(), Some("turn.example:3478"));
        let url = "turn:turn.example:443?transport=udp";
        assert_eq!(udp_server(url).as_deref(), Some("turn.example:443"));
        assert_eq!(udp_server("turn:turn.example?transport=tcp"), None);
        assert_eq!(udp_server("turns:turn.example:443"), None);
    }

    #[test]
    fn a_private_address_is_a_fault_unless_the_platform_is_here() {
        let mut config = Config::demo("http://127.0.0.1:8400", None);
        let private: Vec<SocketAddr> = vec!["172.17.0.2:10000".parse().unwrap()];
        let grade = |config: &Config, told: &[SocketAddr]| session(told, config)[0].grade;
        assert_eq!(grade(&config, &private), super::super::finding::Grade::Ok);
        config.lines.first.upstream.base_url = "https://graph.facebook.com".into();
        assert_eq!(grade(&config, &private), super::super::finding::Grade::Fault);
        let public: Vec<SocketAddr> = vec!["203.0.113.20:10000".parse().unwrap()];
        assert_eq!(grade(&config, &public), super::super::finding::Grade::Ok);
    }

    #[test]
    fn the_advertised_address_is_compared_with_what_the_world_sees() {
        let seen = |text: &str, port| Ok(Seen { public: text.parse().unwrap(), port });
        let fixed = Media {
            advertised: vec!["203.0.113.20".parse().unwrap()],
            stun: Some("stun.example:3478".into()),
            ..Media::default()
        };
        let grade = |media: &Media, seen| public(media, &seen).grade.as_str();
        assert_eq!(grade(&fixed, seen("203.0.113.20:10000", 10_000)), "ok");
        assert_eq!(grade(&fixed, seen("203.0.113.20:51000", 10_000)), "warning");
        assert_eq!(grade(&fixed, seen("198.51.100.7:10000", 10_000)), "fault");
        let auto = Media { advertised: Vec::new(), ask_public: true, ..fixed };
        assert_eq!(grade(&auto, seen("198.51.100.7:10000", 10_000)), "ok");
    }
}
