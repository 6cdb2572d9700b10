//! A NAT or a relay between two ends: it forwards, and moves to another port when told.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use is::stun::{StunMessage, TransId};
use is::{DefaultSha1HmacProvider, Sha1HmacProvider};

use crate::support::LOCALHOST;

/// Between two checks of a relay that has moved.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// Two sockets and a thread; the client knows the near one, the server the far one.
pub(crate) struct Middle {
    near: SocketAddr,
    orders: Option<Sender<Order>>,
    moved: Receiver<SocketAddr>,
    thread: Option<JoinHandle<()>>,
}

enum Order {
    /// As a NAT that forgot the client.
    MoveFar,
    /// As a relay that moves, and asks with these credentials.
    MoveNear(Credentials),
}

/// Names and password of a check that the far end's relay sends.
pub(crate) struct Credentials {
    pub(crate) username: String,
    pub(crate) password: String,
}

impl Middle {
    pub(crate) fn between(client: SocketAddr, server: SocketAddr) -> Self {
        let (near, far) = (bind(), bind());
        let addr = near.local_addr().unwrap();
        let (orders, queue) = channel();
        let (told, moved) = channel();
        let forwarder = Forwarder { near, far, client, server, asks: None };
        let thread = std::thread::spawn(move || forwarder.run(&queue, &told));

        Self { near: addr, orders: Some(orders), moved, thread: Some(thread) }
    }

    /// Where the client sends to.
    pub(crate) fn near(&self) -> SocketAddr {
        self.near
    }

    /// The client's datagrams leave by another port from now on; returns where they come from.
    pub(crate) fn move_far(&self) -> SocketAddr {
        self.tell(Order::MoveFar)
    }

    /// The client must send elsewhere from now on; returns where.
    pub(crate) fn move_near(&self, credentials: Credentials) -> SocketAddr {
        self.tell(Order::MoveNear(credentials))
    }

    fn tell(&self, order: Order) -> SocketAddr {
        self.orders.as_ref().unwrap().send(order).unwrap();
        self.moved.recv().unwrap()
    }
}

impl Drop for Middle {
    fn drop(&mut self) {
        drop(self.orders.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

struct Forwarder {
    near: UdpSocket,
    far: UdpSocket,
    client: SocketAddr,
    server: SocketAddr,
    asks: Option<(Credentials, Instant)>,
}

impl Forwarder {
    fn run(mut self, orders: &Receiver<Order>, told: &Sender<SocketAddr>) {
        use std::sync::mpsc::TryRecvError;

        loop {
            match orders.try_recv() {
                Ok(Order::MoveFar) => {
                    self.far = bind();
                    told.send(self.far.local_addr().unwrap()).unwrap();
                }
                Ok(Order::MoveNear(credentials)) => {
                    self.near = bind();
                    self.asks = Some((credentials, Instant::now()));
                    told.send(self.near.local_addr().unwrap()).unwrap();
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return,
            }
            let idle = !pass(&self.near, &self.far, self.server)
                & !pass(&self.far, &self.near, self.client);
            self.ask();
            if idle {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    fn ask(&mut self) {
        if let Some((Credentials { username, password }, at)) = &mut self.asks
            && *at <= Instant::now()
        {
            *at += CHECK_EVERY;
            let sha1 = |key: &[u8], parts: &[&[u8]]| DefaultSha1HmacProvider.sha1_hmac(key, parts);
            // The relay of an ice-lite end stays the controlled one.
            let check =
                StunMessage::binding_request(username, TransId::new(), false, 1, 100, false);
            let mut datagram = [0; 512];
            let len = check.to_bytes(Some(password.as_bytes()), &mut datagram, sha1).unwrap();
            self.near.send_to(&datagram[..len], self.client).unwrap();
        }
    }
}

fn bind() -> UdpSocket {
    let socket = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// Whether anything passed.
fn pass(from: &UdpSocket, by: &UdpSocket, to: SocketAddr) -> bool {
    let mut datagram = [0; 2_048];
    let mut passed = false;
    while let Ok((len, _)) = from.recv_from(&mut datagram) {
        // Where nobody listens any more, it is lost.
        drop(by.send_to(&datagram[..len], to));
        passed = true;
    }
    passed
}
