//! A business as a gateway would be: its own leg over a real socket, a tone it plays, an ear.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use audio::{
    g711::{self, Law},
    measure::{Measure, Report},
    playout::Playout,
    prompt, tone,
};
use engine::{
    Config, Direction, Engine, LegEvent, LegHandle, OpenLeg, Password, PayloadTypes, Repeat,
    Socket, Source, Tapped,
};
use media::{
    dtmf::Digit,
    frame::{AudioCodec, AudioFrame},
    leg::IceRole,
    sdp,
    srtp::{MasterKey, Profile},
};
use serde_json::Value;
use tokio::sync::mpsc;

/// The key of a business with SDES; a test's secret need not be one.
pub(crate) const OWN_KEY: [u8; 30] = [0x41; 30];

/// A PBX's SDP with a key: no ICE, no fingerprint. Thirty times `A` is `QUFB…` in base 64.
fn keyed_sdp(addr: std::net::SocketAddr, tag: &str, (opus, dtmf): (u8, u8)) -> String {
    let (ip, port, key) = (addr.ip(), addr.port(), "QUFB".repeat(10));
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/SAVP {opus} {dtmf}\r\na=rtcp-mux\r\na=mid:audio\r\na=sendrecv\r\n\
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

fn law(codec: AudioCodec) -> Option<Law> {
    match codec {
        AudioCodec::Opus => None,
        AudioCodec::G722 => panic!("no number has G.722"),
        AudioCodec::Pcmu => Some(Law::Mu),
        AudioCodec::Pcma => Some(Law::A),
    }
}

/// The business's end of one call.
pub(crate) struct Business {
    pub(crate) sdp: String,
    leg: LegHandle,
    /// What it talks and hears.
    codec: AudioCodec,
    events: mpsc::Receiver<LegEvent>,
    heard: Tapped,
    since: Instant,
    _engine: Engine,
}

impl Business {
    /// Takes a user's call: makes the answer to the offer of its connect webhook.
    pub(crate) fn answering(connect: &Value) -> Self {
        Self::answering_with(connect, "111 126", (111, AudioCodec::Opus))
    }

    /// The same with these formats in the answer, talking this one.
    pub(crate) fn answering_with(
        connect: &Value,
        formats: &str,
        (audio, codec): (u8, AudioCodec),
    ) -> Self {
        let offer = connect["calls"][0]["session"]["sdp"].as_str().unwrap();
        let offer = sdp::parse(offer).unwrap();
        let (mut business, local) = Self::open();
        let answer = sdp::write_gateway_answer(&offer.session, &local);
        business.sdp = answer.replace("SAVPF 111 126", &format!("SAVPF {formats}"));
        business.codec = codec;
        let remote = offer.session.remote_transport().unwrap();
        let types = PayloadTypes { audio, codec, dtmf: Some(126), noise: None };
        business.leg.set_remote(remote, media::transport::DtlsRole::Client, types);
        business
    }

    /// Makes the offer of a business's call.
    pub(crate) fn offering() -> Self {
        let (mut business, local) = Self::open();
        business.sdp = sdp::write_gateway_offer(&local);
        business
    }

    /// The same with these formats in the offer.
    pub(crate) fn offering_with(formats: &str) -> Self {
        let mut business = Self::offering();
        business.sdp = business.sdp.replace("SAVPF 111 126", &format!("SAVPF {formats}"));
        business
    }

    /// Takes the answer of the connect webhook.
    pub(crate) fn take_answer(&mut self, connect: &Value) {
        let answer = connect["calls"][0]["session"]["sdp"].as_str().unwrap();
        let answer = sdp::parse(answer).unwrap().session;
        let remote = answer.remote_transport().unwrap();
        let role = remote.setup.our_role();
        let (audio, codec) = answer.audio(&AudioCodec::G711)[0];
        self.codec = codec;
        let types = PayloadTypes { audio, codec, dtmf: answer.dtmf_pt(), noise: None };
        self.leg.set_remote(remote, role, types);
    }

    /// Takes a user's call whose offer has a key in place of ICE.
    pub(crate) fn keyed_answering(connect: &Value) -> Self {
        let offer = connect["calls"][0]["session"]["sdp"].as_str().unwrap();
        let offer = sdp::parse(offer).unwrap().session;
        let (mut business, addr) = Self::open_keyed();
        business.sdp = keyed_sdp(addr, "1", (111, 126));
        business.take_key(&offer, PayloadTypes::opus(111, Some(126)));
        business
    }

    /// Makes an offer with a key, in the style of a PBX: G.711 in it, its own payload types.
    pub(crate) fn keyed_offering() -> Self {
        Self::keyed_offering_with("107 0 8 101")
    }

    /// The same with these formats.
    pub(crate) fn keyed_offering_with(formats: &str) -> Self {
        let (mut business, addr) = Self::open_keyed();
        let sdp = keyed_sdp(addr, "7", (107, 101));
        business.sdp = sdp.replace("SAVP 107 101", &format!("SAVP {formats}"));
        business
    }

    /// Takes the answer to [`Business::keyed_offering`].
    pub(crate) fn take_keyed_answer(&mut self, connect: &Value) {
        let answer = connect["calls"][0]["session"]["sdp"].as_str().unwrap();
        let answer = sdp::parse(answer).unwrap().session;
        let (audio, codec) = answer.audio(&AudioCodec::G711)[0];
        self.codec = codec;
        self.take_key(&answer, PayloadTypes { audio, codec, dtmf: Some(101), noise: None });
    }

    fn take_key(&self, theirs: &sdp::AudioSession, payload_types: PayloadTypes) {
        let key = |bytes: &[u8; 30]| {
            MasterKey::from_inline(Profile::Aes128CmSha1_80, bytes.as_slice()).unwrap()
        };
        self.leg.set_keys(engine::SdesKeys {
            remote: theirs.media_addr(),
            send_key: key(&OWN_KEY),
            receive_key: key(&theirs.crypto.as_ref().unwrap().key_and_salt),
            payload_types,
        });
    }

    fn open_keyed() -> (Self, std::net::SocketAddr) {
        let engine = Engine::start(Config::default()).unwrap();
        let (sink, events) = mpsc::channel(engine::EVENTS_MAX);
        let open =
            engine::OpenSdes { cname: "gw".into(), media_watch: None, beside: None, events: sink };
        let (leg, local) = engine.open_sdes(open).unwrap();
        let (tap, heard) = engine::tap(Direction::Received, 1_000);
        leg.listen(tap);
        let since = Instant::now();
        let business = Self {
            sdp: String::new(),
            leg,
            codec: AudioCodec::Opus,
            events,
            heard,
            since,
            _engine: engine,
        };
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
        let (tap, heard) = engine::tap(Direction::Received, 1_000);
        leg.listen(tap);
        let since = Instant::now();
        (
            Self {
                sdp: String::new(),
                leg,
                codec: AudioCodec::Opus,
                events,
                heard,
                since,
                _engine: engine,
            },
            local,
        )
    }

    /// Sends a tone from now on.
    pub(crate) fn play(&self, hz: f32) {
        let samples = tone::sine(hz, -12.0, 1_000);
        let packets = match law(self.codec) {
            Some(law) => g711::Encoder::new(law).encode_all(&samples),
            None => prompt::encode(&samples).unwrap(),
        };
        let frames: Arc<[AudioFrame]> =
            packets.into_iter().map(|packet| AudioFrame::new(packet).unwrap()).collect();
        self.leg.play(Source::Packets(frames, Repeat::Forever));
        self.leg.send_gate(true);
    }

    /// Presses a key.
    pub(crate) fn press(&self, sign: char) {
        self.leg.send_digit(Digit::new(sign).unwrap(), 100);
    }

    /// Waits for a key that the user presses.
    pub(crate) async fn pressed(&mut self) -> char {
        let pressed = async {
            loop {
                let event = self.events.recv().await.expect("the leg lives");
                if let LegEvent::Digit(digit) = event {
                    return digit.sign();
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(5), pressed).await.expect("a key in five seconds")
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
        let mut playout =
            law(self.codec).map_or_else(|| Playout::new().unwrap(), Playout::telephone);
        let mut packets = 0;
        while let Ok(packet) = self.heard.try_recv() {
            if self.codec != AudioCodec::Opus && packet.payload.len() != g711::FRAME_BYTES {
                continue;
            }
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
