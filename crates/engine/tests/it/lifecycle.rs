//! Legs come and go and leave nothing behind.

use std::net::UdpSocket;

use engine::{Backend, Config, Engine, LegEvent, OpenError, Source};

use crate::support::{Party, business, connect, for_each_backend, platform, until};

for_each_backend!(
    a_closed_leg_gives_its_port_back_and_its_figures,
    dropping_the_last_handle_closes,
    a_full_range_is_refused_and_served_again,
    many_legs_come_and_go,
);

fn closed(event: &LegEvent) -> Option<engine::LegStats> {
    match event {
        LegEvent::Closed(stats) => Some((**stats).clone()),
        _ => None,
    }
}

fn a_closed_leg_gives_its_port_back_and_its_figures(backend: Backend) {
    let (platform, business) = (platform(backend), business(backend));
    let mut server = Party::lite(&platform, None);
    let mut client = Party::full(&business);
    connect(&mut client, &mut server);
    let addr = client.addr();
    assert!(UdpSocket::bind(addr).is_err());
    client.leg.close();
    let stats = client.wait("the end", closed);
    assert_eq!(stats.remote, Some(server.addr()));
    assert!(stats.set_up.dtls_ms.is_some());
    until("the port is free", || UdpSocket::bind(addr).is_ok());
    // Orders to a closed leg are ignored.
    client.leg.play(Source::Echo);
    client.leg.close();
    assert!(client.leg.stats().blocking_recv().is_err());
    // The other leg of a bridge may be gone as well.
    server.leg.play(Source::Bridge(client.leg.clone()));
    assert_eq!(server.stats().drops, engine::Drops::default());
}

fn dropping_the_last_handle_closes(backend: Backend) {
    let business = business(backend);
    let Party { leg, local, mut events, .. } = Party::full(&business);
    let twin = leg.clone();
    drop(leg);
    assert!(twin.stats().blocking_recv().is_ok());
    drop(twin);
    until("the port is free", || UdpSocket::bind(local.addrs[0]).is_ok());
    assert!(matches!(events.blocking_recv(), Some(LegEvent::Closed(_))));
    assert!(events.blocking_recv().is_none(), "nothing follows the end");
}

fn a_full_range_is_refused_and_served_again(backend: Backend) {
    let ports = match backend {
        Backend::Epoll => 42_100..=42_101,
        Backend::Auto | Backend::Uring => 42_110..=42_111,
    };
    let bind_ip = "127.77.1.10".parse().unwrap();
    let engine = Engine::start(Config { backend, bind_ip, ports, ..Config::default() }).unwrap();
    let first = Party::full(&engine);
    let _second = Party::full(&engine);
    let open = || {
        let (events, _) = tokio::sync::mpsc::channel(1);
        engine.open(engine::OpenLeg {
            socket: engine::Socket::Own,
            ice: media::leg::IceRole::Lite,
            password: engine::Password::Plain,
            cname: "third".into(),
            media_watch: None,
            beside: None,
            events,
        })
    };
    assert!(matches!(open(), Err(OpenError::NoPort(_))));
    let addr = first.addr();
    first.leg.close();
    until("the port is free", || UdpSocket::bind(addr).is_ok());
    assert_eq!(open().unwrap().1.addrs, [addr]);
    let (events, _) = tokio::sync::mpsc::channel(1);
    let no_muxed = engine.open(engine::OpenLeg {
        socket: engine::Socket::Muxed,
        ice: media::leg::IceRole::Lite,
        password: engine::Password::Plain,
        cname: "muxed".into(),
        media_watch: None,
        beside: None,
        events,
    });
    assert!(matches!(no_muxed, Err(OpenError::NoMuxedPort)));
}

fn many_legs_come_and_go(backend: Backend) {
    let (platform, business) = (platform(backend), business(backend));
    for _ in 0..5 {
        let mut calls: Vec<(Party, Party)> =
            (0..10).map(|_| (Party::full(&business), Party::lite(&platform, None))).collect();
        for (client, server) in &calls {
            crate::support::introduce(client, server);
        }
        for (client, server) in &mut calls {
            client.connected();
            server.connected();
        }
    }
    for engine in [&platform, &business] {
        until("every leg is closed", || {
            engine.load().into_iter().all(|load| load.blocking_recv().unwrap().legs == 0)
        });
    }
}
