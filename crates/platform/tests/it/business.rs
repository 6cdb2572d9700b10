//! A business as a gateway would be: its own leg over a real socket, a tone it plays, an ear.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use audio::{
    measure::{Measure, Report},
    playout::Playout,
    prompt, tone,
};
use crossbeam_channel::Receiver;
use engine::{
    Config, Direction, Engine, LegEvent, LegHandle, OpenLeg, Password, PayloadTypes, Repeat,
    Socket, Source, Tap, TapPacket,
};
use media::{
    frame::OpusFrame,
    leg::IceRole,
    sdp,
    srtp::{MasterKey, Profile},
};
use serde_json::Value;
use tokio::sync::mpsc;

/// The key of a business with SDES; a test's secret need not be one.
pub(crate) const OWN_KEY: [u8; 30] = [0x41; 30];

/// A PBX's SDP with a key: no ICE, no fingerprint. Thirty times `A` is `QUFB…` in base 64.
fn keyed_sdp(addr: std::net::SocketAddr, tag: &str, (opus, dtmf): (u8, u8), more: &str) -> String {
    let (ip, port, key) = (addr.ip(), addr.port(), "QUFB".repeat(10));
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/SAVP {opus} {more}{dtmf}\r\na=rtcp-mux\r\na=mid:audio\r\na=sendrecv\r\n\
         a=crypto:{tag} AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n\
         a=rtpmap:{opus} opus/48000/2\r\na=rtpmap:{dtmf} telephone-event/8000\r\n\
         a=ptime:20\r\n"
    )
}

/// What samples sound like.
pub(crate) fn measured(samples: &[i16]) -> Report {
    let mut measure = Measure::default();
    measure.push(samples);
    measure.report()
}

/// The business's end of one call.
pub(crate) struct Business {
    pub(crate) sdp: String,
    leg: LegHandle,
    events: mpsc::Receiver<LegEvent>,
    heard: Receiver<TapPacket>,
    since: Instant,
    _engine: Engine,
}

impl Business {
    /// Takes a user's call: makes the answer to the offer of its connect webhook.
    pub(crate) fn answering(connect: &Value) -> Self {
        let offer = connect["calls"][0]["session"]["sdp"].as_str().unwrap();
        let offer = sdp::parse(offer).unwrap();
        let mut business = Self::open();
        let local = business.1;
        business.0.sdp = sdp::write_gateway_answer(&offer.session, &local);
        let remote = offer.session.remote_transport().unwrap();
        let types = PayloadTypes { opus: 111, dtmf: Some(126) };
        business.0.leg.set_remote(remote, media::transport::DtlsRole::Client, types);
        business.0
    }

    /// Makes the offer of a business's call.
    pub(crate) fn offering() -> Self {
        let (mut business, local) = Self::open();
        business.sdp = sdp::write_gateway_offer(&local);
        business
    }

    /// Takes the answer of the connect webhook.
    pub(crate) fn take_answer(&self, connect: &Value) {
        let answer = connect["calls"][0]["session"]["sdp"].as_str().unwrap();
        let answer = sdp::parse(answer).unwrap().session;
        let remote = answer.remote_transport().unwrap();
        let role = remote.setup.our_role();
        let types = PayloadTypes { opus: answer.opus_pt().unwrap(), dtmf: answer.dtmf_pt() };
        self.leg.set_remote(remote, role, types);
    }

    /// Takes a user's call whose offer has a key in place of ICE.
    pub(crate) fn keyed_answering(connect: &Value) -> Self {
        let offer = connect["calls"][0]["session"]["sdp"].as_str().unwrap();
        let offer = sdp::parse(offer).unwrap().session;
        let (mut business, addr) = Self::open_keyed();
        business.sdp = keyed_sdp(addr, "1", (111, 126), "");
        business.take_key(&offer, (111, 126));
        business
    }

    /// Makes an offer with a key, in the style of a PBX: G.711 in it, its own payload types.
    pub(crate) fn keyed_offering() -> Self {
        let (mut business, addr) = Self::open_keyed();
        business.sdp = keyed_sdp(addr, "7", (107, 101), "0 8 ");
        business
    }

    /// Takes the answer to [`Business::keyed_offering`].
    pub(crate) fn take_keyed_answer(&self, connect: &Value) {
        let answer = connect["calls"][0]["session"]["sdp"].as_str().unwrap();
        self.take_key(&sdp::parse(answer).unwrap().session, (107, 101));
    }

    fn take_key(&self, theirs: &sdp::AudioSession, (opus, dtmf): (u8, u8)) {
        let key = |bytes: &[u8; 30]| {
            MasterKey::from_inline(Profile::Aes128CmSha1_80, bytes.as_slice()).unwrap()
        };
        self.leg.set_keys(engine::SdesKeys {
            remote: theirs.media_addr(),
            send_key: key(&OWN_KEY),
            receive_key: key(&theirs.crypto.as_ref().unwrap().key_and_salt),
            payload_types: PayloadTypes { opus, dtmf: Some(dtmf) },
        });
    }

    fn open_keyed() -> (Self, std::net::SocketAddr) {
        let engine = Engine::start(Config::default()).unwrap();
        let (sink, events) = mpsc::channel(engine::EVENTS_MAX);
        let open =
            engine::OpenSdes { cname: "gw".into(), media_watch: None, beside: None, events: sink };
        let (leg, local) = engine.open_sdes(open).unwrap();
        let (sink, heard) = crossbeam_channel::bounded(1_000);
        leg.listen(Tap { direction: Direction::Received, sink });
        let since = Instant::now();
        let business = Self { sdp: String::new(), leg, events, heard, since, _engine: engine };
        (business, local.addrs[0])
    }

    fn open() -> (Self, media::transport::LocalTransport) {
        let engine = Engine::start(Config::default()).unwrap();
        let (sink, events) = mpsc::channel(engine::EVENTS_MAX);
        let (leg, local) = engine
            .open(OpenLeg {
                socket: Socket::Own,
                ice: IceRole::Full { controlling: true },
                password: Password::Plain,
                cname: "gw".into(),
                media_watch: None,
                beside: None,
                events: sink,
            })
            .unwrap();
        let (sink, heard) = crossbeam_channel::bounded(1_000);
        leg.listen(Tap { direction: Direction::Received, sink });
        let since = Instant::now();
        (Self { sdp: String::new(), leg, events, heard, since, _engine: engine }, local)
    }

    /// Sends a tone from now on.
    pub(crate) fn play(&self, hz: f32) {
        let packets = prompt::encode(&tone::sine(hz, -12.0, 1_000)).unwrap();
        let frames: Arc<[OpusFrame]> =
            packets.into_iter().map(|packet| OpusFrame::new(packet).unwrap()).collect();
        self.leg.play(Source::Packets(frames, Repeat::Forever));
        self.leg.send_gate(true);
    }

    /// Waits until keys are agreed.
    pub(crate) async fn connected(&mut self) {
        let connected = async {
            loop {
                let event = self.events.recv().await.expect("the leg lives");
                assert!(!matches!(event, LegEvent::Failed { .. }), "{event:?}");
                if matches!(event, LegEvent::DtlsConnected { .. }) {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(5), connected)
            .await
            .expect("DTLS in five seconds");
    }

    /// What was heard since it was last asked.
    pub(crate) fn heard(&mut self) -> (usize, Report) {
        let mut playout = Playout::new().unwrap();
        let mut packets = 0;
        while let Ok(packet) = self.heard.try_recv() {
            let at = packet.at.saturating_duration_since(self.since);
            playout.push(packet.sequence, packet.timestamp, at, &packet.payload);
            packets += 1;
        }
        let mut measure = Measure::default();
        measure.push(&playout.finish(self.since.elapsed()));
        self.since = Instant::now();
        (packets, measure.report())
    }

    /// Stops sending.
    pub(crate) fn fall_silent(&self) {
        self.leg.close();
    }
}
