//! A far end moves in the call and is found again; then its address alone is let in again.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use engine::{Backend, Direction, Engine, Password, Repeat, Socket, Source, Tapped};
use media::leg::IceRole;
use media::transport::{DtlsRole, Setup};

use crate::middle::{Credentials, Middle};
use crate::support::{
    LOCALHOST, Party, TYPES, business, for_each_backend, frames, platform, take, until,
};

for_each_backend!(
    a_client_behind_a_nat_that_forgot_it_is_found_again,
    a_relay_that_moved_is_found_by_its_check,
    a_relay_that_moved_while_nobody_spoke_is_found,
    a_check_with_another_password_names_no_address,
    a_far_end_that_was_only_silent_is_alone_on_its_port_again,
);

/// client ↔ middle ↔ server, which echoes.
struct Call {
    client: Party,
    server: Party,
    middle: Middle,
    heard: Tapped,
    _engines: [Engine; 2],
}

impl Call {
    fn new(backend: Backend, socket: Socket) -> Self {
        let engines = [platform(backend), business(backend)];
        let mut server =
            Party::open(&engines[0], socket, IceRole::Lite, Password::Padded, None, None);
        let mut client = Party::full(&engines[1]);
        let middle = Middle::between(client.addr(), server.addr());
        let mut of_client = client.said(Setup::Active);
        of_client.candidates.clear();
        let mut of_server = server.said(Setup::Passive);
        of_server.candidates = vec![middle.near()];
        server.leg.set_remote(of_client, DtlsRole::Server, TYPES);
        client.leg.set_remote(of_server, DtlsRole::Client, TYPES);
        client.connected();
        server.connected();
        client.leg.send_gate(true);
        server.leg.send_gate(true);
        server.leg.play(Source::Echo);
        let heard = client.tap(Direction::Received);

        Self { client, server, middle, heard, _engines: engines }
    }

    fn speak(&self) {
        self.client.leg.play(Source::Packets(frames(1, 1_000), Repeat::Forever));
    }

    /// Hears what comes from now on.
    fn hear(&mut self) {
        self.heard.try_iter().count();
        take(&mut self.heard, 20);
    }

    fn credentials(&self) -> Credentials {
        Credentials {
            username: format!("{}:{}", self.client.local.ufrag, self.server.local.ufrag),
            password: self.client.local.pwd.clone(),
        }
    }
}

/// Whether the kernel lets strangers through to a leg's own socket.
fn lets_strangers_in(party: &Party) -> bool {
    let stranger = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    let before = party.stats().drops;
    stranger.send_to(&[0xFF; 40], party.addr()).unwrap();
    std::thread::sleep(Duration::from_millis(30));
    party.stats().drops != before
}

fn remote(party: &Party) -> Option<SocketAddr> {
    party.stats().remote
}

fn a_client_behind_a_nat_that_forgot_it_is_found_again(backend: Backend) {
    for socket in [Socket::Muxed, Socket::Own] {
        let mut call = Call::new(backend, socket);
        call.speak();
        call.hear();
        if socket == Socket::Own {
            assert!(!lets_strangers_in(&call.server), "connected");
        }
        for _ in 0..2 {
            let moved = call.middle.move_far();
            until("the server follows", || remote(&call.server) == Some(moved));
            call.hear();
        }
        if socket == Socket::Own {
            assert!(!lets_strangers_in(&call.server), "connected to where the client is now");
        }
        assert_eq!(call.client.stats().drops.auth, 0);
    }
}

fn a_relay_that_moved_is_found_by_its_check(backend: Backend) {
    let mut call = Call::new(backend, Socket::Muxed);
    call.speak();
    call.hear();
    assert!(!lets_strangers_in(&call.client), "connected");
    for _ in 0..2 {
        let moved = call.middle.move_near(call.credentials());
        until("the client follows", || remote(&call.client) == Some(moved));
        call.hear();
        assert!(!lets_strangers_in(&call.client), "connected to where the relay is now");
    }
}

/// Without audio, the answers to its checks are all a leg misses.
fn a_relay_that_moved_while_nobody_spoke_is_found(backend: Backend) {
    let mut call = Call::new(backend, Socket::Muxed);
    // The first answers after the nomination.
    std::thread::sleep(Duration::from_secs(4));
    let moved = call.middle.move_near(call.credentials());
    until("the client follows", || remote(&call.client) == Some(moved));
    assert!(!lets_strangers_in(&call.client), "connected to where the relay is now");
    call.speak();
    call.hear();
}

fn a_check_with_another_password_names_no_address(backend: Backend) {
    let mut call = Call::new(backend, Socket::Muxed);
    call.speak();
    call.hear();
    let before = remote(&call.client);
    let wrong = Credentials { password: "x".repeat(24), ..call.credentials() };
    call.middle.move_near(wrong);
    until("the client looks for the relay", || call.client.stats().drops.stun > 5);
    assert_eq!(remote(&call.client), before);
    let moved = call.middle.move_near(call.credentials());
    until("the client follows", || remote(&call.client) == Some(moved));
    call.hear();
}

fn a_far_end_that_was_only_silent_is_alone_on_its_port_again(backend: Backend) {
    let mut call = Call::new(backend, Socket::Muxed);
    call.speak();
    call.hear();
    assert!(!lets_strangers_in(&call.client));
    call.server.leg.mute(true);
    until("the client looks for the server", || lets_strangers_in(&call.client));
    call.server.leg.mute(false);
    call.hear();
    assert!(!lets_strangers_in(&call.client), "connected again");
}
