//! How does HOMER learn of the calls?
//!
//! HEPv3 over UDP, from one socket that never waits: what the system does not take is counted and gone.
//! The platform's address is not known where it is asked, so `0.0.0.0:443` (or `[::]:443`) stands for it.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
};

use serde::Serialize;
use serde_json::{Value, json};
use terms::{CallId, Timestamp};
use wire::hep::{Kind, Packet, Quality, redact};

use crate::{cdr::LegRecord, clock, config, metrics::Metrics};

/// The way to HOMER. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Hep(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    socket: UdpSocket,
    capture_id: u32,
    /// Where we listen.
    ours: SocketAddr,
    /// What stands for the platform.
    platform: SocketAddr,
    metrics: Arc<Metrics>,
}

impl Hep {
    /// Opens the socket. `ours` is where HTTP listens.
    ///
    /// # Errors
    ///
    /// The system has no socket, or no way to the server.
    pub(crate) fn open(
        config: &config::Hep,
        ours: SocketAddr,
        metrics: Arc<Metrics>,
    ) -> io::Result<Self> {
        let any = |like: SocketAddr| match like {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind(SocketAddr::new(any(config.server), 0))?;
        socket.connect(config.server)?;
        socket.set_nonblocking(true)?;
        let platform = SocketAddr::new(any(ours), 443);
        let capture_id = config.capture_id;
        Ok(Self(Arc::new(Inner { socket, capture_id, ours, platform, metrics })))
    }

    /// The platform told something of a call.
    pub(crate) fn webhook(&self, call_id: &CallId, entry: &impl Serialize, at: Timestamp) {
        self.exchange(call_id, true, &json!({"webhook": entry}), at);
    }

    /// We asked the platform something about a call, and it answered.
    pub(crate) fn asked(
        &self,
        call_id: &CallId,
        request: &impl Serialize,
        at: Timestamp,
        answer: &Value,
    ) {
        self.exchange(call_id, false, &json!({"request": request}), at);
        self.exchange(call_id, true, &json!({"answer": answer}), clock::now());
    }

    /// What a leg had measured at the end of its call.
    pub(crate) fn quality(&self, call_id: &CallId, leg: &'static str, record: &LegRecord) {
        let quality = Quality {
            leg,
            received: record.received,
            lost: record.lost,
            jitter_ms: record.jitter_ms,
            round_trip_ms: record.round_trip_ms,
            mos: record.mos,
        };
        self.send(call_id, true, Kind::Quality, &quality.to_json(), clock::now());
    }

    fn exchange(&self, call_id: &CallId, to_us: bool, body: &Value, at: Timestamp) {
        let mut body = body.clone();
        redact(&mut body);
        self.send(call_id, to_us, Kind::Exchange, &body, at);
    }

    fn send(&self, call_id: &CallId, to_us: bool, kind: Kind, body: &Value, at: Timestamp) {
        let inner = &*self.0;
        let (from, to) =
            if to_us { (inner.platform, inner.ours) } else { (inner.ours, inner.platform) };
        let payload = body.to_string();
        let packet = Packet {
            from,
            to,
            at,
            kind,
            capture_id: inner.capture_id,
            correlation: call_id.as_str(),
            payload: payload.as_bytes(),
        };
        let sent = packet.encode().is_ok_and(|bytes| inner.socket.send(&bytes).is_ok());
        inner.metrics.hep(if sent { "sent" } else { "dropped" });
    }
}
