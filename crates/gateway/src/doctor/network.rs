//! Can media get in and out, and what would far ends be told?

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use media::{
    sdp::{self, Lint, Role, lint},
    transport::{Fingerprint, LocalTransport},
};
use tokio::net::UdpSocket;

use super::{Runs, finding::Finding, relay};
use crate::{
    config::{Config, Media},
    public_address::{self, AskError, Seen},
};

/// How long a datagram to ourselves may take.
const LOOP_WITHIN: Duration = Duration::from_secs(1);
/// How many ports of the range are tried.
const PORTS_TRIED: u32 = 8;

/// Looks at the ports, the addresses that are told, and the servers that help.
pub(super) async fn examine(config: &Config, runs: Runs) -> Vec<Finding> {
    let media = &config.media;
    let mut found = vec![ports(media, runs).await];
    if runs == Runs::No {
        found.push(browsers(media).await);
    }
    let seen = match &media.stun {
        Some(server) => Some(public_address::find(media, server).await),
        None => None,
    };
    found.extend(seen.as_ref().map(|seen| public(media, seen)));
    let is_asked = seen.is_some();
    let told = told(media, seen.and_then(Result::ok));
    if !is_asked {
        found.extend(unasked(&told, config));
    }
    found.extend(session(&told, config));
    if let Some(turn) = &config.turn {
        found.extend(relay::examine(turn).await);
    }
    found
}

/// A datagram to each of some ports from one end of the range to the other.
async fn ports(media: &Media, runs: Runs) -> Finding {
    let check = "media.ports";
    let range = format!("{}-{}", media.ports.start(), media.ports.end());
    let fix = "Widen [media] ports, raise the limit of open files, and let the firewall pass UDP on \
               loopback and from outside to these ports.";
    let Tried { open, busy, lost, error } = try_ports(media).await;
    if let Some(error) = error {
        let what = format!("No socket could be opened on the media ports {range}.");
        let finding = Finding::fault(check, "ports_none", what, fix).with("range", range);
        return finding.seen(error.to_string());
    }
    if !lost.is_empty() {
        let what = format!("UDP is lost on the media ports {range}.");
        let finding = Finding::fault(check, "ports_lossy", what, fix).with("range", range);
        return finding.seen(format!("{lost:?}"));
    }
    if !busy.is_empty() && runs == Runs::No {
        let fix = "Stop what has them, or choose another range in [media] ports.";
        let what = format!("Something else has some of the media ports {range}.");
        let finding = Finding::warning(check, "ports_taken", what, fix).with("range", range);
        return finding.seen(format!("{busy:?}"));
    }
    if open == 0 {
        let what = format!("All media ports {range} that were tried are in use.");
        let finding = Finding::warning(check, "ports_full", what, "Widen [media] ports.");
        return finding.with("range", range).seen(format!("{busy:?}"));
    }
    let what = format!("UDP works on the media ports {range}.");
    Finding::ok(check, "ports_work", what).with("range", range).seen(format!("{open} were tried."))
}

/// What came of trying ports.
#[derive(Debug, Default)]
struct Tried {
    open: usize,
    busy: Vec<u16>,
    lost: Vec<u16>,
    error: Option<std::io::Error>,
}

async fn try_ports(media: &Media) -> Tried {
    let mut tried = Tried::default();
    let mut sockets = Vec::new();
    for port in sample(*media.ports.start(), *media.ports.end()) {
        match UdpSocket::bind((media.bind_ip, port)).await {
            Ok(socket) => sockets.push(socket),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => tried.busy.push(port),
            Err(error) => return Tried { error: Some(error), ..tried },
        }
    }
    tried.open = sockets.len();
    // Each hears the one after it; one alone hears itself.
    for (nth, here) in sockets.iter().enumerate() {
        let from = sockets.get((nth + 1) % sockets.len()).unwrap_or(here);
        match reaches(from, here).await {
            Ok(true) => {}
            Ok(false) => tried.lost.extend(here.local_addr().map(|there| there.port())),
            Err(error) => return Tried { error: Some(error), ..tried },
        }
    }
    tried
}

/// Ports from the first to the last, at equal distances; port 0 is any, and two of them make a pair.
fn sample(first: u16, last: u16) -> Vec<u16> {
    if (first, last) == (0, 0) {
        return vec![0, 0];
    }
    let span = u32::from(last.saturating_sub(first));
    let steps = span.clamp(1, PORTS_TRIED - 1);
    let port = |step: u32| u32::from(first) + span * step / steps;
    let mut ports: Vec<u16> = (0..=steps).filter_map(|step| port(step).try_into().ok()).collect();
    ports.dedup();
    ports
}

async fn reaches(from: &UdpSocket, here: &UdpSocket) -> std::io::Result<bool> {
    let mut to = here.local_addr()?;
    if to.ip().is_unspecified() {
        to.set_ip(if to.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    from.send_to(b"doctor", to).await?;
    let mut buffer = [0; 16];
    let came = tokio::time::timeout(LOOP_WITHIN, here.recv_from(&mut buffer)).await;
    Ok(came.is_ok())
}

async fn browsers(media: &Media) -> Finding {
    let check = "media.browsers";
    match UdpSocket::bind(media.browsers).await {
        Ok(_) => Finding::ok(check, "browsers_free", "The UDP port for agents' browsers is free."),
        Err(error) => {
            let fix = "Stop what has the port, or set [media] browsers to another one.";
            Finding::fault(
                check,
                "browsers_taken",
                "The UDP port for agents' browsers cannot be had.",
                fix,
            )
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
            return Finding::fault(check, "stun_silent", "The STUN server told no address.", fix)
                .seen(error.to_string());
        }
    };
    let ip = seen.public.ip();
    let fixed = !media.ask_public && !media.advertised.is_empty();
    if fixed && !media.advertised.contains(&ip) {
        let fix = "Set [media] advertised to that address, or to \"auto\".";
        return Finding::fault(
            check,
            "address_differs",
            "The world sees another address than we advertise.",
            fix,
        )
        .seen(format!("The STUN server sees {ip}."));
    }
    if seen.public.port() != seen.port {
        let fix = "Let the router pass the media ports one to one; else calls depend on our own \
                   checks getting through first.";
        return Finding::warning(
            check,
            "ports_mapped",
            "The router gives our media other ports.",
            fix,
        )
        .seen(format!("Port {} is seen as {}.", seen.port, seen.public.port()));
    }
    Finding::ok(check, "address_seen", "The world sees the address that far ends are told.")
        .seen(ip.to_string())
}

/// Without a STUN server nobody says whether the world reaches us by what we tell.
fn unasked(told: &[SocketAddr], config: &Config) -> Option<Finding> {
    let near = config.lines.iter().all(|line| is_near(&line.upstream.base_url));
    let private = |address: &SocketAddr| match address.ip() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local(),
    };
    if near || !told.iter().all(private) {
        return None;
    }
    let fix =
        "Set [media] stun to a STUN server, and advertised to \"auto\" or the public address.";
    let what =
        "Only private addresses are told, and no STUN server is set that knows the public one.";
    let seen: Vec<String> = told.iter().map(|address| address.ip().to_string()).collect();
    Some(
        Finding::warning("media.public_address", "address_unasked", what, fix)
            .seen(seen.join(", ")),
    )
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
            "sdp_fit",
            "Our offers and answers are as the platform wants them.",
        )];
    }
    found
}

fn of_lint(lint: &Lint) -> Finding {
    let (code, what) = match lint {
        Lint::Loopback(_) | Lint::Private(_) => {
            ("sdp_address_hidden", "Far ends are told an address they cannot reach.")
        }
        Lint::NoCandidates | Lint::NoAddress(_) => {
            ("sdp_no_address", "Far ends are told no address.")
        }
        Lint::Refused(_) => ("sdp_refused", "The platform would refuse our SDP."),
        Lint::Tolerated(_) => ("sdp_tolerated", "Our SDP is not quite as the platform wants it."),
    };
    let finding = match lint {
        Lint::Tolerated(_) => Finding::warning("media.sdp", code, what, &lint.fix()),
        Lint::Refused(_)
        | Lint::NoCandidates
        | Lint::NoAddress(_)
        | Lint::Loopback(_)
        | Lint::Private(_) => Finding::fault("media.sdp", code, what, &lint.fix()),
    };
    finding.seen(lint.to_string())
}

/// Whether the platform is on this machine.
pub(super) fn is_near(base_url: &str) -> bool {
    let url = reqwest::Url::parse(base_url).ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn private_addresses_without_a_stun_server_are_warned_of() {
        let mut config = Config::demo("https://graph.facebook.com", None);
        let private: Vec<SocketAddr> = vec!["192.168.1.4:10000".parse().unwrap()];
        let public: Vec<SocketAddr> = vec!["203.0.113.20:10000".parse().unwrap()];
        let warned = unasked(&private, &config).unwrap();
        assert_eq!(warned.grade.as_str(), "warning");
        assert_eq!(unasked(&public, &config), None);
        config.lines.first.upstream.base_url = "http://127.0.0.1:8400".into();
        assert_eq!(unasked(&private, &config), None, "the platform is here");
    }

    #[tokio::test]
    async fn several_ports_of_the_range_are_tried() {
        assert_eq!(sample(10_000, 29_999).len(), 8);
        assert_eq!((sample(10_000, 29_999)[0], sample(10_000, 29_999)[7]), (10_000, 29_999));
        assert_eq!((sample(7, 7), sample(7, 8), sample(0, 0)), (vec![7], vec![7, 8], vec![0, 0]));
        let taken = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let media = Media { ports: port..=port, ..Media::default() };
        let grade = async |runs| ports(&media, runs).await.grade.as_str();
        assert_eq!((grade(Runs::No).await, grade(Runs::Yes).await), ("warning", "warning"));
        let media = Media { ports: 0..=0, ..Media::default() };
        assert_eq!(ports(&media, Runs::No).await.grade.as_str(), "ok");
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
