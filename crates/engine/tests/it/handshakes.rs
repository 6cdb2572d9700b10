//! When many handshakes arrive at once, threads of their own compute them.

use std::time::Duration;

use engine::{Backend, Config, Engine, Socket};
use media::srtp::Profile;

use crate::keyed::KeyedCall;
use crate::support::{LOCALHOST, Party, business, for_each_backend, introduce};

for_each_backend!(
    handshakes_done_elsewhere_end_as_well,
    a_leg_closed_while_its_handshake_is_away_leaves_nothing_behind,
);

fn server(backend: Backend, handshake_threads: usize) -> Engine {
    let muxed = Some((LOCALHOST, 0).into());
    Engine::start(Config { backend, muxed, handshake_threads, ..Config::default() }).unwrap()
}

/// Legs of both engines that meet all at once.
fn crowd(server: &Engine, clients: &Engine, count: usize) -> Vec<(Party, Party)> {
    let parties: Vec<_> =
        (0..count).map(|_| (Party::full(clients), Party::lite(server, None))).collect();
    for (client, server) in &parties {
        introduce(client, server);
    }
    parties
}

fn handed_over(engine: &Engine) -> u64 {
    engine.load().pop().unwrap().blocking_recv().unwrap().handed_over
}

fn handshakes_done_elsewhere_end_as_well(backend: Backend) {
    let (server, clients) = (server(backend, 2), business(backend));
    let mut call = KeyedCall::new(&server, Profile::AeadAes128Gcm, Socket::Own);
    let mut parties = crowd(&server, &clients, 60);
    call.speaker.speak();
    assert!(call.listener.recv(&mut [0; 256]).is_ok(), "a running call goes on");
    for (client, server) in &mut parties {
        client.connected();
        server.connected();
    }
    assert!(handed_over(&server) > 0);
    for (client, server) in &parties {
        assert_eq!(client.stats().drops.malformed + server.stats().drops.malformed, 0);
    }
}

fn a_leg_closed_while_its_handshake_is_away_leaves_nothing_behind(backend: Backend) {
    let (server, clients) = (server(backend, 1), business(backend));
    for _ in 0..5 {
        let parties = crowd(&server, &clients, 40);
        while handed_over(&server) == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(parties);
    }
    let mut last = crowd(&server, &clients, 1);
    last[0].1.connected();
}
