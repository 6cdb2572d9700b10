//! The far end of a phone: speaks the platform's half of the WebSocket, with one leg at a time.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use audio::{measure::Measure, playout::Playout};
use engine::{
    Config, Direction, EVENTS_MAX, Engine, LegEvent, LegHandle, OpenLeg, Password, PayloadTypes,
    Repeat, Socket, Source, Tapped,
};
use futures_util::{SinkExt, StreamExt};
use media::{leg::IceRole, sdp};
use offhook_handset::{Handset, Settings, sound};
use terms::CallId;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};
use wire::{
    handset::{FromPhone, PhoneCaller, PhoneUser, ToPhone},
    sandbox::Behaviour,
};

/// Nothing here takes longer than this.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the far end plays to a caller.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plays {
    Tone(f64),
    Echo,
    Nothing,
}

/// A phone's far end, and what is known of it.
pub(crate) struct FarEnd {
    engine: Engine,
    socket: WebSocketStream<TcpStream>,
    plays: Plays,
    pub(crate) leg: Option<Leg>,
}

/// The far end's leg of the call.
pub(crate) struct Leg {
    handle: LegHandle,
    events: mpsc::Receiver<LegEvent>,
    heard: Tapped,
    since: Instant,
}

pub(crate) fn call_id() -> CallId {
    "wacid.TESTCALL".parse().unwrap()
}

pub(crate) fn business() -> PhoneCaller {
    PhoneCaller { number: "551140000000".parse().unwrap(), name: "Loja Aurora".into() }
}

/// Connects a phone to a far end.
pub(crate) async fn connect(behaviour: Behaviour, plays: Plays) -> (Handset, FarEnd) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let muxed = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let engine = Engine::start(Config { muxed, ..Config::default() }).unwrap();
    let settings = Settings {
        behaviour,
        records: true,
        ..Settings::new(address, "5215550000001".parse().unwrap())
    };
    let phones = Engine::start(Config::default()).unwrap();
    let (phone, socket) = tokio::join!(Handset::connect(&phones, settings), greet(&listener));
    (phone.unwrap(), FarEnd { engine, socket, plays, leg: None })
}

async fn greet(listener: &TcpListener) -> WebSocketStream<TcpStream> {
    let (stream, _) = listener.accept().await.unwrap();
    let asked = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&asked);
    #[expect(clippy::result_large_err, reason = "the library's own type")]
    let note = move |request: &tokio_tungstenite::tungstenite::handshake::server::Request,
                     response| {
        *seen.lock().unwrap() = request.uri().to_string();
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, note).await.unwrap();
    assert_eq!(*asked.lock().unwrap(), "/phone/ws?wa_id=5215550000001");
    let user =
        PhoneUser { wa_id: "5215550000001".parse().unwrap(), name: "Ana".into(), country: None };
    let now = "2026-08-01T12:00:00Z".parse().unwrap();
    let hello = ToPhone::Hello { user, businesses: vec![], chats: vec![], now };
    socket.send(Message::text(serde_json::to_string(&hello).unwrap())).await.unwrap();
    socket
}

impl FarEnd {
    /// The next frame of the phone; `None` when its connection closed.
    pub(crate) async fn next(&mut self) -> Option<FromPhone> {
        loop {
            let frame =
                timeout(PATIENCE, self.socket.next()).await.expect("the phone says nothing");
            match frame? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    pub(crate) async fn say(&mut self, frame: &ToPhone) {
        let text = serde_json::to_string(frame).unwrap();
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Takes the phone's call, as the platform does when the business accepts.
    pub(crate) async fn take_call(&mut self) {
        let Some(FromPhone::Call { sdp, .. }) = self.next().await else {
            panic!("the phone did not call")
        };
        self.say(&ToPhone::Calling { call_id: call_id() }).await;
        let sdp = self.answer(sdp.as_str());
        self.say(&ToPhone::Answer { call_id: call_id(), sdp: sdp.into() }).await;
        let at = "2026-08-01T12:00:01Z".parse().unwrap();
        self.say(&ToPhone::Accepted { call_id: call_id(), at }).await;
    }

    /// Calls the phone and waits for it to pick up.
    pub(crate) async fn place_call(&mut self) {
        self.say(&ToPhone::Incoming { call_id: call_id(), from: business() }).await;
        let Some(FromPhone::PickUp { sdp, .. }) = self.next().await else {
            panic!("the phone did not pick up")
        };
        let sdp = self.answer(sdp.as_str());
        self.say(&ToPhone::Answer { call_id: call_id(), sdp: sdp.into() }).await;
    }

    /// Waits until the phone hangs up and confirms it.
    pub(crate) async fn confirm_hang_up(&mut self) {
        assert_eq!(self.next().await, Some(FromPhone::HangUp { call_id: call_id() }));
        self.end().await;
    }

    pub(crate) async fn end(&mut self) {
        let reason = wire::handset::EndedReason::UserHungUp;
        let ended =
            ToPhone::Ended { call_id: call_id(), reason, text: "over".into(), duration_s: Some(1) };
        self.say(&ended).await;
    }

    fn answer(&mut self, offer: &str) -> String {
        let offer = sdp::parse(offer).unwrap().session;
        let (sink, events) = mpsc::channel(EVENTS_MAX);
        let open = OpenLeg {
            socket: Socket::Muxed,
            ice: IceRole::Lite,
            password: Password::Plain,
            cname: "far".into(),
            media_watch: None,
            beside: None,
            events: sink,
        };
        let (handle, local) = self.engine.open(open).unwrap();
        let answer = sdp::write_browser_answer(&offer, &local);
        let role = sdp::parse(&answer).unwrap().session.setup.unwrap();
        let role = match role {
            media::transport::Setup::Passive => media::transport::DtlsRole::Server,
            media::transport::Setup::Active | media::transport::Setup::Actpass => {
                media::transport::DtlsRole::Client
            }
        };
        let types = PayloadTypes::opus(offer.opus_pt().unwrap(), offer.dtmf_pt());
        handle.set_remote(offer.remote_transport().unwrap(), role, types);
        handle.play(match self.plays {
            Plays::Tone(hz) => Source::Packets(sound::tone(hz).unwrap(), Repeat::Forever),
            Plays::Echo => Source::Echo,
            Plays::Nothing => Source::Silence,
        });
        handle.send_gate(true);
        let (tap, heard) = engine::tap(Direction::Received, 2_000);
        handle.listen(tap);
        self.leg = Some(Leg { handle, events, heard, since: Instant::now() });
        answer
    }
}

impl Leg {
    /// What the phone sent, up to now.
    pub(crate) fn measure(&mut self) -> Measure {
        let mut playout = Playout::new().unwrap();
        let mut measure = Measure::default();
        for packet in self.heard.try_iter().filter(|packet| packet.pt == 111) {
            let at = packet.at.saturating_duration_since(self.since);
            playout.push(packet.sequence, packet.timestamp, at, &packet.payload);
            measure.push(&playout.take());
        }
        measure.push(&playout.finish(Duration::ZERO));
        measure
    }

    /// How many packets waited to be heard; they are gone after this.
    pub(crate) fn packets(&mut self) -> usize {
        self.heard.try_iter().count()
    }

    /// The keys the phone pressed, up to now.
    pub(crate) fn digits(&mut self) -> String {
        let mut digits = String::new();
        while let Ok(event) = self.events.try_recv() {
            if let LegEvent::Digit(digit) = event {
                digits.push(digit.sign());
            }
        }
        digits
    }

    /// Whether the leg is still open, for a phone that should have left it alone.
    pub(crate) async fn is_open(&self) -> bool {
        self.handle.stats().await.is_ok()
    }
}
