//! Do ICE, DTLS, SRTP and Opus work with a stack that shares no code with ours?
//!
//! aiortc (OpenSSL, libsrtp, its own ICE) sends one tone, a leg of ours another; each must hear the
//! other's. Both DTLS roles, both ICE roles of ours, every SRTP profile, on a good network and on a
//! bad one.

mod network;
mod peer;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use audio::measure::{Measure, Report};
use audio::playout::Playout;
use engine::{
    Config, Direction, Engine, LegEvent, LegHandle, LegStats, OpenLeg, Password, PayloadTypes,
    Repeat, Socket, Source, Tapped,
};
use media::frame::AudioFrame;
use media::leg::IceRole;
use media::sdp;
use media::srtp::Profile;
use media::transport::{LocalTransport, RemoteTransport, Setup};
use tokio::sync::mpsc;

use self::network::{Network, Quality};
use self::peer::Peer;

/// What our leg sends, and aiortc must hear.
const OUR_HZ: f32 = 440.0;
/// What aiortc sends, and our leg must hear.
const PEER_HZ: f32 = 700.0;

/// Who offers, and what both ends have to agree on.
struct Scenario {
    /// aiortc offers and is the controlling ICE agent; else we do.
    peer_offers: bool,
    /// What we say in SDP about who starts DTLS.
    setup: Setup,
    /// The SRTP profiles aiortc knows, in its own names.
    profiles: &'static str,
    expected: Profile,
    quality: Quality,
    listen_for: Duration,
}

/// What the two ends made of it.
struct Outcome {
    report: peer::Report,
    stats: LegStats,
    heard: Report,
    profile: Profile,
    passed: network::Passed,
}

const GOOD: Scenario = Scenario {
    peer_offers: true,
    setup: Setup::Passive,
    profiles: "gcm256,gcm128,cm",
    expected: Profile::AeadAes256Gcm,
    quality: Quality::Good,
    listen_for: Duration::from_secs(2),
};

/// A browser's call: we are ice-lite and wait for DTLS.
#[test]
fn it_starts_dtls_over_aes_256_gcm() {
    let outcome = call(&GOOD);
    outcome.check_good();
    assert_eq!(outcome.report.dtls_role, "client");
}

#[test]
fn it_starts_dtls_over_aes_128_gcm() {
    let outcome = call(&Scenario { profiles: "gcm128", expected: Profile::AeadAes128Gcm, ..GOOD });
    outcome.check_good();
    assert_eq!(outcome.report.dtls_role, "client");
}

/// A gateway's call: we offer, are the full and controlling ICE agent, and wait for DTLS.
#[test]
fn it_starts_dtls_over_aes_cm_when_we_offer() {
    let outcome = call(&Scenario {
        peer_offers: false,
        setup: Setup::Actpass,
        profiles: "cm",
        expected: Profile::Aes128CmSha1_80,
        ..GOOD
    });
    outcome.check_good();
    assert_eq!(outcome.report.dtls_role, "client");
}

#[test]
fn we_start_dtls_over_aes_cm() {
    let outcome = call(&Scenario {
        setup: Setup::Active,
        profiles: "cm",
        expected: Profile::Aes128CmSha1_80,
        ..GOOD
    });
    outcome.check_good();
    assert_eq!(
        (outcome.report.dtls_role, outcome.report.dtls_version.as_str()),
        ("server".into(), "DTLSv1.2")
    );
}

#[test]
fn we_start_dtls_over_gcm_when_we_offer() {
    let outcome = call(&Scenario { peer_offers: false, setup: Setup::Active, ..GOOD });
    outcome.check_good();
    assert_eq!(outcome.report.dtls_role, "server");
}

#[test]
fn a_bad_network_delays_and_does_not_break_a_call_it_starts() {
    let outcome = call(&Scenario {
        profiles: "cm",
        expected: Profile::Aes128CmSha1_80,
        quality: Quality::Bad { seed: 7 },
        listen_for: Duration::from_secs(5),
        ..GOOD
    });
    outcome.check_bad();
    assert_eq!(outcome.report.dtls_role, "client");
}

#[test]
fn a_bad_network_delays_and_does_not_break_a_call_we_start() {
    let outcome = call(&Scenario {
        peer_offers: false,
        setup: Setup::Active,
        quality: Quality::Bad { seed: 11 },
        listen_for: Duration::from_secs(5),
        ..GOOD
    });
    outcome.check_bad();
    assert_eq!(outcome.report.dtls_role, "server");
}

impl Outcome {
    fn check_good(&self) {
        self.check_heard();
        assert_eq!(self.stats.received.lost, 0, "{:?}", self.stats);
        assert_eq!(self.report.lost, 0, "{:?}", self.report);
        assert_eq!(self.stats.drops.replay, 0, "{:?}", self.stats.drops);
    }

    /// Losses, doublings and swaps really happened, were counted as what they are, and the tones got
    /// through all the same.
    fn check_bad(&self) {
        self.check_heard();
        let passed = &self.passed;
        assert!(passed.lost > 10 && passed.doubled > 10 && passed.delayed > 10, "{passed:?}");
        let received = &self.stats.received;
        let share = received.lost as f64 / (received.packets + received.lost) as f64;
        assert!((0.01..0.12).contains(&share), "{received:?}");
        assert!(received.late > 0, "{received:?}");
        assert!(self.stats.drops.replay > 0, "{:?}", self.stats.drops);
        assert!(self.report.lost > 0, "{:?}", self.report);
    }

    fn check_heard(&self) {
        let Self { report, stats, heard, .. } = self;
        assert!(heard.is_tone(PEER_HZ), "we heard {heard:?}, {stats:?}");
        let tone = report.tone_hz.unwrap_or_default();
        assert!((tone - OUR_HZ).abs() <= 20.0, "aiortc heard {report:?}, we sent {:?}", stats.sent);
        assert_eq!(stats.drops.auth, 0, "{:?}", stats.drops);
        assert_eq!(stats.drops.malformed, 0, "{:?}", stats.drops);
        assert_eq!(report.profile, openssl_name(self.profile));
        assert!(stats.received.packets > 50, "{stats:?}");
        assert!(report.received > 50, "{report:?}");
        assert_eq!(stats.ssrc_changes, 0);
    }
}

const fn openssl_name(profile: Profile) -> &'static str {
    match profile {
        Profile::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
        Profile::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
        Profile::Aes128CmSha1_80 => "SRTP_AES128_CM_SHA1_80",
    }
}

/// Plays a whole call and says what came of it.
fn call(scenario: &Scenario) -> Outcome {
    let mut peer = Peer::start(scenario.profiles, PEER_HZ);
    let engine = Engine::start(Config::default()).unwrap();
    let (events, mut heard_events) = mpsc::channel(engine::EVENTS_MAX);
    let ice =
        if scenario.peer_offers { IceRole::Lite } else { IceRole::Full { controlling: true } };
    let (leg, local) = engine
        .open(OpenLeg {
            socket: Socket::Own,
            ice,
            password: Password::Plain,
            cname: "offhook".into(),
            media_watch: None,
            beside: None,
            events,
        })
        .unwrap();
    let network = Network::start(local.addrs[0], scenario.quality);

    connect(scenario, &mut peer, &leg, &local, &network);
    let profile = wait_for_keys(&mut heard_events);
    assert_eq!(profile, scenario.expected);
    let (tap, mut tapped) = engine::tap(Direction::Received, 1_000);
    leg.listen(tap);
    leg.play(Source::Packets(tone(OUR_HZ), Repeat::Forever));
    leg.send_gate(true);
    std::thread::sleep(scenario.listen_for);

    let report = peer.report();
    let stats = leg.stats().blocking_recv().unwrap();
    leg.close();
    peer.close();

    Outcome { report, stats, heard: measure(&mut tapped), profile, passed: network.stop() }
}

/// Exchanges SDP; each end is told the network's address for the other.
fn connect(
    scenario: &Scenario,
    peer: &mut Peer,
    leg: &LegHandle,
    local: &LocalTransport,
    network: &Network,
) {
    let told = LocalTransport { addrs: vec![network.for_peer()], ..local.clone() };
    let theirs = if scenario.peer_offers {
        let offer = peer.offer();
        let parsed = sdp::parse(&offer).unwrap();
        peer.answer(&with_setup(
            &sdp::write_browser_answer(&parsed.session, &told),
            scenario.setup,
        ));
        offer
    } else {
        peer.take(&with_setup(&sdp::write_gateway_offer(&told), scenario.setup))
    };
    let session = sdp::parse(&theirs).unwrap();
    let remote = session.session.remote_transport().unwrap();
    network.lead_to(remote.candidates[0]);
    let role = match scenario.setup {
        Setup::Active => media::transport::DtlsRole::Client,
        Setup::Passive | Setup::Actpass => media::transport::DtlsRole::Server,
    };
    let types = PayloadTypes::opus(session.session.opus_pt().unwrap(), None);
    let remote = RemoteTransport { candidates: vec![network.for_leg()], ..remote };
    leg.set_remote(remote, role, types);
}

/// The layouts fix who starts DTLS; here both ends must be seen doing it.
fn with_setup(text: &str, setup: Setup) -> String {
    let lines = text.lines().map(|line| match line.split_once(':') {
        Some(("a=setup", _)) => format!("a=setup:{}\r\n", setup.as_str()),
        _ => format!("{line}\r\n"),
    });

    lines.collect()
}

fn wait_for_keys(events: &mut mpsc::Receiver<LegEvent>) -> Profile {
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        assert!(Instant::now() < deadline, "no keys within 15 s");
        match events.try_recv() {
            Ok(LegEvent::DtlsConnected { profile, .. }) => return profile,
            Ok(LegEvent::Failed { reason }) => panic!("the leg failed: {reason}"),
            Ok(_) => {}
            Err(mpsc::error::TryRecvError::Empty) => std::thread::sleep(Duration::from_millis(5)),
            Err(mpsc::error::TryRecvError::Disconnected) => panic!("the leg is gone"),
        }
    }
}

fn tone(hz: f32) -> Arc<[AudioFrame]> {
    let packets = audio::prompt::encode(&audio::tone::sine_loop(hz, -20.0)).unwrap();

    packets.into_iter().map(|bytes| AudioFrame::new(bytes).unwrap()).collect()
}

fn measure(tapped: &mut Tapped) -> Report {
    let mut playout = Playout::new().unwrap();
    let mut measure = Measure::default();
    let mut start = None;
    for packet in tapped.try_iter() {
        let at = packet.at - *start.get_or_insert(packet.at);
        playout.push(packet.sequence, packet.timestamp, at, &packet.payload);
        measure.push(&playout.take());
    }

    measure.report()
}

/// Where everything here lives.
fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}
