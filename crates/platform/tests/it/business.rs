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
use media::{frame::OpusFrame, leg::IceRole, sdp};
use serde_json::Value;
use tokio::sync::mpsc;

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
