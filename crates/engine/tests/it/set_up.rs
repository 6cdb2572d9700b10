//! Two ends find each other, prove who they are, and agree on keys.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use engine::{Backend, Config, Engine, LegEvent, Password, Socket, StartError};
use media::leg::{IceRole, LegFailure};
use media::transport::{DtlsRole, Fingerprint, Setup};

use crate::support::{
    LOCALHOST, Party, TYPES, business, connect, for_each_backend, introduce, platform,
};

for_each_backend!(
    full_calls_lite_and_both_time_their_set_up,
    dtls_roles_may_be_either_way_round,
    an_end_without_candidates_is_found_by_its_checks,
    two_full_ends_meet,
    a_wildcard_bind_answers_at_the_advertised_address,
    a_wrong_fingerprint_fails_with_its_reason,
    two_calls_from_one_remote_address_stay_apart,
);

fn full_calls_lite_and_both_time_their_set_up(backend: Backend) {
    let (platform, business) = (platform(backend), business(backend));
    let mut server = Party::lite(&platform, None);
    let mut client = Party::full(&business);
    assert!(server.local.pwd.ends_with("=="), "WhatsApp pads its password");
    introduce(&client, &server);
    for party in [&mut client, &mut server] {
        let ice = party.wait("ICE", |event| match event {
            LegEvent::IceConnected { at_ms } => Some(*at_ms),
            _ => None,
        });
        let dtls = party.wait("DTLS", |event| match event {
            LegEvent::DtlsConnected { at_ms, .. } => Some(*at_ms),
            _ => None,
        });
        let set_up = party.stats().set_up;
        assert_eq!((set_up.ice_ms, set_up.dtls_ms), (Some(ice), Some(dtls)));
        assert!(ice <= dtls && dtls < 3_000, "{set_up:?}");
        assert_eq!(set_up.first_media_ms, None);
    }
    assert_eq!(client.stats().remote, Some(server.addr()));
    assert_eq!(server.stats().remote, Some(client.addr()));
}

fn dtls_roles_may_be_either_way_round(backend: Backend) {
    let (platform, business) = (platform(backend), business(backend));
    let mut lite = Party::lite(&platform, None);
    let mut full = Party::full(&business);
    lite.leg.set_remote(full.said(Setup::Passive), DtlsRole::Client, TYPES);
    full.leg.set_remote(lite.said(Setup::Active), DtlsRole::Server, TYPES);
    lite.connected();
    full.connected();
}

fn an_end_without_candidates_is_found_by_its_checks(backend: Backend) {
    let (platform, business) = (platform(backend), business(backend));
    let mut server = Party::lite(&platform, None);
    let mut client = Party::full(&business);
    let mut said = client.said(Setup::Active);
    said.candidates.clear();
    server.leg.set_remote(said, DtlsRole::Server, TYPES);
    client.leg.set_remote(server.said(Setup::Passive), DtlsRole::Client, TYPES);
    client.connected();
    server.connected();
    assert_eq!(server.stats().remote, Some(client.addr()));
}

fn two_full_ends_meet(backend: Backend) {
    let engine = business(backend);
    let full = |controlling| {
        let role = IceRole::Full { controlling };
        Party::open(&engine, Socket::Own, role, Password::Plain, None, None)
    };
    let (mut one, mut other) = (full(true), full(false));
    connect(&mut one, &mut other);
}

fn a_wildcard_bind_answers_at_the_advertised_address(backend: Backend) {
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let platform = Engine::start(Config {
        backend,
        bind_ip: any.ip(),
        advertised: vec![LOCALHOST],
        muxed: Some(any),
        ..Config::default()
    })
    .unwrap();
    let business = business(backend);
    for socket in [Socket::Muxed, Socket::Own] {
        let mut server =
            Party::open(&platform, socket, IceRole::Lite, Password::Padded, None, None);
        assert_eq!(server.addr().ip(), LOCALHOST);
        let mut client = Party::full(&business);
        connect(&mut client, &mut server);
        client.leg.close();
        server.leg.close();
    }
    let nothing_to_say = Engine::start(Config { bind_ip: any.ip(), ..Config::default() });
    assert!(matches!(nothing_to_say, Err(StartError::NothingToAdvertise)));
}

fn a_wrong_fingerprint_fails_with_its_reason(backend: Backend) {
    let (platform, business) = (platform(backend), business(backend));
    for client_is_deceived in [true, false] {
        let mut server = Party::lite(&platform, None);
        let mut client = Party::full(&business);
        let (mut of_server, mut of_client) =
            (server.said(Setup::Passive), client.said(Setup::Active));
        let deceived = if client_is_deceived { &mut of_server } else { &mut of_client };
        deceived.fingerprint = Fingerprint([0x5A; 32]);
        server.leg.set_remote(of_client, DtlsRole::Server, TYPES);
        client.leg.set_remote(of_server, DtlsRole::Client, TYPES);
        let party = if client_is_deceived { &mut client } else { &mut server };
        let reason = party.wait("failure", |event| match event {
            LegEvent::Failed { reason } => Some(*reason),
            _ => None,
        });
        assert_eq!(reason, LegFailure::FingerprintMismatch);
        party.never(Duration::from_millis(50), |event| {
            matches!(event, LegEvent::DtlsConnected { .. })
        });
    }
}

/// WhatsApp answers many calls from one relay address: both of the gateway's legs face the same
/// remote ip:port, and only their own sockets tell them apart.
fn two_calls_from_one_remote_address_stay_apart(backend: Backend) {
    let (platform, business) = (platform(backend), business(backend));
    let (mut server_1, mut server_2) = (Party::lite(&platform, None), Party::lite(&platform, None));
    let (mut client_1, mut client_2) = (Party::full(&business), Party::full(&business));
    assert_eq!(server_1.addr(), server_2.addr());
    // Both handshakes run at once.
    introduce(&client_1, &server_1);
    introduce(&client_2, &server_2);
    for party in [&mut client_1, &mut client_2, &mut server_1, &mut server_2] {
        party.connected();
        party.leg.send_gate(true);
    }
    assert_eq!(client_1.stats().remote, client_2.stats().remote);
    let (heard_1, heard_2) =
        (client_1.tap(engine::Direction::Received), client_2.tap(engine::Direction::Received));
    for (server, tag) in [(&server_1, 1), (&server_2, 2)] {
        let frames = crate::support::frames(tag, 30);
        server.leg.play(engine::Source::Packets(frames, engine::Repeat::Once));
    }
    for (mut heard, tag) in [(heard_1, 1), (heard_2, 2)] {
        for packet in crate::support::take(&mut heard, 30) {
            assert_eq!(packet.payload[1], tag, "a packet of the other call");
        }
    }
    for party in [&client_1, &client_2] {
        assert_eq!(party.stats().drops, engine::Drops::default());
    }
}
