//! One end of a media path that plays a tone and measures what it hears.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use audio::{
    measure::{Measure, Report},
    playout::Playout,
    tone,
};
use engine::{
    Direction, Engine, LegEvent, LegHandle, OpenLeg, OpenSdes, Password, PayloadTypes, PlainEnd,
    Repeat, SdesKeys, Socket, Source, TapPacket, Tapped,
};
use media::{
    frame::{AudioCodec, AudioFrame},
    leg::IceRole,
    sdp::{self, OurKeys, SdesCrypto, TrunkKeying, TrunkKeys, TrunkMedia},
    srtp::{MasterKey, Profile},
    transport::{DtlsRole, LocalTransport, Setup},
};
use tokio::sync::mpsc;

/// How a telephone without handshakes may be keyed.
const EITHER: [TrunkKeying; 2] = [TrunkKeying::Open, TrunkKeying::Sdes];

pub(crate) struct Voice {
    pub(crate) leg: LegHandle,
    pub(crate) events: mpsc::Receiver<LegEvent>,
    pub(crate) local: LocalTransport,
    taps: Tapped,
    pub(crate) continuous: Continuous,
}

/// Whether packets keep coming, and follow each other.
#[derive(Default)]
pub(crate) struct Continuous {
    watches: bool,
    newest: Option<(Instant, u16)>,
    longest: Duration,
    missing: u32,
}

/// What a machine may add to the 60 ms that hears, speaks and is measured at once; the engine's own
/// test `continuous` has no such addition.
pub(crate) const BUSY_GAP_MAX: Duration = Duration::from_millis(250);

impl Continuous {
    pub(crate) fn start(&mut self) {
        self.watches = true;
    }

    fn note(&mut self, packet: &TapPacket) {
        if !self.watches {
            return;
        }
        if let Some((at, sequence)) = self.newest.replace((packet.at, packet.sequence)) {
            self.longest = self.longest.max(packet.at.saturating_duration_since(at));
            if packet.sequence != sequence.wrapping_add(1) {
                self.missing += 1;
            }
        }
    }

    #[track_caller]
    pub(crate) fn assert(&self, gap_max: Duration) {
        assert!(self.newest.is_some(), "nothing was heard");
        assert!(self.longest <= gap_max, "a gap of {:?}", self.longest);
        assert_eq!(self.missing, 0, "sequence numbers are missing");
    }
}

/// What was heard in the last fifth of a second.
fn decoded(packets: &[TapPacket]) -> Vec<i16> {
    let mut playout = Playout::new().unwrap();
    for packet in packets.iter().filter(|packet| packet.pt == 111) {
        let at = packet.at.saturating_duration_since(packets[0].at);
        playout.push(packet.sequence, packet.timestamp, at, &packet.payload);
    }
    let samples = playout.take();
    samples[samples.len().saturating_sub(9_600)..].to_vec()
}

/// How loud a tone is among others, in dBFS.
fn level(samples: &[i16], hz: f32) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in (0u32..).zip(samples) {
        let turn = f64::from(n) * f64::from(hz) / 48_000.0 * std::f64::consts::TAU;
        re += f64::from(*sample) * turn.cos();
        im += f64::from(*sample) * turn.sin();
    }
    let amplitude = 2.0 * f64::hypot(re, im) / samples.len().max(1) as f64;
    20.0 * (amplitude / 2f64.sqrt() / 32_768.0).max(1e-5).log10()
}

/// For how many milliseconds a tone was heard that was said at this level: a frame in which half of it is
/// counts half.
pub(crate) fn tone_ms(packets: &[TapPacket], hz: f32, dbfs: f32) -> f64 {
    let frames = |samples: &[i16]| -> f64 {
        let level = |frame| 10f64.powf(level(frame, hz) / 20.0);
        samples.chunks_exact(960).map(level).sum()
    };
    let mut playout = Playout::new().unwrap();
    for packet in packets.iter().filter(|packet| packet.pt == 111) {
        let at = packet.at.saturating_duration_since(packets[0].at);
        playout.push(packet.sequence, packet.timestamp, at, &packet.payload);
    }
    let second = frames(&tone::sine(hz, dbfs, 1_000));
    1_000.0 * frames(&playout.take()) / second
}

/// Frames in a row that have a tone before it counts as heard: a voice passes by any tone.
const HELD: usize = 5;

/// When a tone began that is held: the arrival of the first packet that has it.
fn held_since(packets: &[TapPacket], hz: f32) -> Option<Instant> {
    let mut decoder = audio::opus::Decoder::new().unwrap();
    let has_it: Vec<bool> = packets
        .iter()
        .map(|packet| level(decoder.decode(&packet.payload).unwrap(), hz) > -24.0)
        .collect();
    let first = has_it.windows(HELD).position(|held| held.iter().all(|has_it| *has_it))?;
    Some(packets[first].at)
}

fn frames(hz: f32) -> Arc<[AudioFrame]> {
    let packets = audio::prompt::encode(&tone::sine(hz, -15.0, 1_000)).unwrap();
    packets.into_iter().map(|packet| AudioFrame::new(packet).unwrap()).collect()
}

/// A prompt file with this tone.
pub(crate) fn tone_file(hz: f32, ms: usize) -> Vec<u8> {
    audio::wav::write_stereo(&tone::sine(hz, -15.0, ms), &[]).unwrap()
}

fn master_key(crypto: &SdesCrypto) -> MasterKey {
    MasterKey::from_inline(Profile::Aes128CmSha1_80, &crypto.key_and_salt).unwrap()
}

fn our_key(tag: u32) -> SdesCrypto {
    SdesCrypto { tag, key_and_salt: [9; 30] }
}

impl Voice {
    /// An end of a path that is looked for, or of one that the SDPs name.
    pub(crate) fn open(engine: &Engine, ice: IceRole) -> Self {
        let (sender, events) = mpsc::channel(engine::EVENTS_MAX);
        let open = OpenLeg {
            socket: Socket::Own,
            ice,
            password: Password::Plain,
            cname: "test".into(),
            media_watch: None,
            beside: None,
            events: sender,
        };
        let (leg, local) = engine.open(open).unwrap();
        let (tap, taps) = engine::tap(Direction::Received, 1_024);
        leg.listen(tap);
        Self { leg, events, local, taps, continuous: Continuous::default() }
    }

    /// The platform's end: ice-lite.
    pub(crate) fn of_platform(engine: &Engine) -> Self {
        Self::open(engine, IceRole::Lite)
    }

    /// The end of a telephone that has no keys before the SDP brings some.
    pub(crate) fn of_telephone(engine: &Engine) -> Self {
        let (sender, events) = mpsc::channel(engine::EVENTS_MAX);
        let open =
            OpenSdes { cname: "phone".into(), media_watch: None, beside: None, events: sender };
        let (leg, local) = engine.open_sdes(open).unwrap();
        let (tap, taps) = engine::tap(Direction::Received, 1_024);
        leg.listen(tap);
        Self { leg, events, local, taps, continuous: Continuous::default() }
    }

    /// The telephone answers the INVITE's offer, which must have Opus, with keys where it brings some.
    pub(crate) fn telephone_answer(&self, invite: &str) -> String {
        self.telephone_answers(invite, AudioCodec::Opus, |_| {})
    }

    /// The same in another codec, and otherwise changed.
    pub(crate) fn telephone_answers(
        &self,
        invite: &str,
        codec: AudioCodec,
        change: impl FnOnce(&mut TrunkMedia),
    ) -> String {
        let (_, offer) = invite.split_once("\r\n\r\n").unwrap();
        let offer = sdp::parse(offer).unwrap().session;
        let mut media = TrunkMedia::of(&offer, &[codec], &EITHER).unwrap();
        change(&mut media);
        let payload_types =
            PayloadTypes { audio: media.audio, codec: media.codec, dtmf: media.dtmf, noise: None };
        let ours = match &media.keys {
            TrunkKeys::Sdes(theirs) => Some(SdesCrypto { tag: theirs.tag, key_and_salt: [7; 30] }),
            TrunkKeys::Open | TrunkKeys::Dtls(_) => None,
        };
        self.meet(&media, payload_types, ours.as_ref());
        let keys = ours.as_ref().map_or(OurKeys::Open, OurKeys::Sdes);
        let voice = sdp::TrunkVoice { local: &self.local, version: 1, keys };
        sdp::write_trunk_answer(voice, &media)
    }

    /// The telephone's offer, when it is who calls, with keys or without.
    pub(crate) fn telephone_offer(&self, codec: AudioCodec, keys: bool) -> String {
        let ours = keys.then_some(SdesCrypto { tag: 3, key_and_salt: [7; 30] });
        let keys = ours.as_ref().map_or(OurKeys::Open, OurKeys::Sdes);
        let voice = sdp::TrunkVoice { local: &self.local, version: 1, keys };
        sdp::write_trunk_offer(voice, &[codec])
    }

    /// The telephone takes the answer to its offer.
    pub(crate) fn take_telephone_answer(&self, answer: &str, codec: AudioCodec) {
        let answer = sdp::parse(answer).unwrap().session;
        let media = TrunkMedia::of(&answer, &[codec], &EITHER).unwrap();
        let payload_types =
            PayloadTypes { audio: media.audio, codec: media.codec, dtmf: media.dtmf, noise: None };
        if let TrunkKeys::Sdes(theirs) = &media.keys {
            assert_eq!(theirs.tag, 3, "the line of ours that was taken");
        }
        let ours = SdesCrypto { tag: 3, key_and_salt: [7; 30] };
        self.meet(&media, payload_types, Some(&ours));
    }

    fn meet(&self, media: &TrunkMedia, payload_types: PayloadTypes, ours: Option<&SdesCrypto>) {
        let remote = media.remote;
        match (&media.keys, ours) {
            (TrunkKeys::Sdes(theirs), Some(ours)) => {
                let [send_key, receive_key] = [ours, theirs].map(master_key);
                self.leg.set_keys(SdesKeys { remote, send_key, receive_key, payload_types });
            }
            (TrunkKeys::Open, _) => self.leg.set_plain(PlainEnd { remote, payload_types }),
            (TrunkKeys::Sdes(_) | TrunkKeys::Dtls(_), _) => panic!("no telephone of these keys"),
        }
        self.leg.send_gate(true);
    }

    /// A browser's end.
    pub(crate) fn of_browser(engine: &Engine) -> Self {
        Self::open(engine, IceRole::Full { controlling: true })
    }

    /// The platform's offer of a user's call.
    pub(crate) fn platform_offer(&self) -> String {
        sdp::write_platform_offer(self.platform_voice())
    }

    fn platform_voice(&self) -> sdp::PlatformVoice<'_> {
        sdp::PlatformVoice {
            extra: &[],
            local: &self.local,
            created: terms::Timestamp::from_unix(1_783_000_000),
            stream: "11111111-2222-4333-8444-555555555555",
        }
    }

    /// The platform takes the business's answer to its offer.
    pub(crate) fn take_answer(&self, answer: &str) {
        let answer = sdp::parse(answer).unwrap().session;
        assert_eq!(answer.setup, Some(Setup::Active), "the gateway starts DTLS");
        self.set_remote(&answer, DtlsRole::Server);
    }

    /// The platform answers the business's offer.
    pub(crate) fn platform_answer(&self, offer: &str, setup: Setup) -> String {
        let offer = sdp::parse(offer).unwrap().session;
        assert_eq!(offer.setup, Some(Setup::Actpass));
        let role = if setup == Setup::Active { DtlsRole::Client } else { DtlsRole::Server };
        self.set_remote(&offer, role);
        sdp::write_platform_answer(self.platform_voice(), &offer, setup)
    }

    /// The platform's offer of a user's call with a key in it.
    pub(crate) fn keyed_offer(&self) -> String {
        sdp::write_platform_sdes_offer(self.platform_voice(), &our_key(1))
    }

    /// The platform takes the business's answer to it.
    pub(crate) fn take_keyed_answer(&self, answer: &str) {
        self.set_keys(&sdp::parse(answer).unwrap().session);
    }

    /// The platform answers the business's offer with a key in it.
    pub(crate) fn keyed_answer(&self, offer: &str) -> String {
        let offer = sdp::parse(offer).unwrap().session;
        assert!(offer.fingerprint.is_none(), "keys stand in the SDP");
        let key = our_key(offer.crypto.as_ref().unwrap().tag);
        self.set_keys(&offer);
        sdp::write_platform_sdes_answer(self.platform_voice(), &offer, &key)
    }

    fn set_keys(&self, far: &sdp::AudioSession) {
        let theirs = far.crypto.as_ref().expect("a key in the SDP");
        let [send_key, receive_key] = [&our_key(theirs.tag), theirs].map(master_key);
        let payload_types = PayloadTypes::opus(far.opus_pt().unwrap(), far.dtmf_pt());
        let remote = far.media_addr();
        self.leg.set_keys(SdesKeys { remote, send_key, receive_key, payload_types });
        self.leg.send_gate(true);
    }

    /// A browser's offer.
    pub(crate) fn browser_offer(&self) -> String {
        sdp::write_handset_offer(&self.local)
    }

    /// The browser takes the gateway's answer.
    pub(crate) fn take_browser_answer(&self, answer: &str) {
        let answer = sdp::parse(answer).unwrap().session;
        assert!(answer.ice_lite, "the gateway is ice-lite towards browsers");
        let role = answer.setup.unwrap().our_role();
        self.set_remote(&answer, role);
    }

    fn set_remote(&self, far: &sdp::AudioSession, role: DtlsRole) {
        let types = PayloadTypes::opus(far.opus_pt().unwrap(), far.dtmf_pt());
        self.leg.set_remote(far.remote_transport().unwrap(), role, types);
        self.leg.send_gate(true);
    }

    /// Plays a tone until told otherwise.
    pub(crate) fn play(&self, hz: f32) {
        self.leg.play(Source::Packets(frames(hz), Repeat::Forever));
    }

    /// Plays a prompt's file, and is silent afterwards.
    pub(crate) fn speak(&self, file: &[u8]) {
        let packets = audio::prompt::load(file).unwrap();
        let frames = packets.into_iter().map(|packet| AudioFrame::new(packet).unwrap()).collect();
        self.leg.play(Source::Packets(frames, Repeat::Once));
    }

    pub(crate) async fn connected(&mut self) {
        let connected = async {
            while let Some(event) = self.events.recv().await {
                if let LegEvent::Failed { reason } = &event {
                    panic!("the media path failed: {reason}");
                }
                if let LegEvent::DtlsConnected { .. } = event {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(5), connected).await.expect("a media path");
    }

    /// How many packets came since the last look.
    pub(crate) fn packets(&mut self) -> usize {
        self.take().len()
    }

    /// What came since the last look.
    pub(crate) fn take(&mut self) -> Vec<TapPacket> {
        let packets: Vec<_> = self.taps.try_iter().collect();
        packets.iter().for_each(|packet| self.continuous.note(packet));
        packets
    }

    /// Listens until a tone is held: when it began.
    #[track_caller]
    pub(crate) fn tone_began(
        &mut self,
        hz: f32,
        within: Duration,
    ) -> impl Future<Output = Instant> {
        let caller = std::panic::Location::caller();
        async move {
            let until = Instant::now() + within;
            let mut packets = Vec::new();
            while Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(100)).await;
                packets.extend(self.take().into_iter().filter(|packet| packet.pt == 111));
                if let Some(began) = held_since(&packets, hz) {
                    return began;
                }
                packets.drain(..packets.len().saturating_sub(50));
            }
            panic!("no {hz} Hz at {caller}");
        }
    }

    /// What is heard from now on for so long.
    pub(crate) async fn hear(&mut self, ms: u64) -> (Report, Vec<TapPacket>) {
        self.packets();
        tokio::time::sleep(Duration::from_millis(ms)).await;
        let packets = self.take();
        let mut playout = Playout::new().unwrap();
        let mut measure = Measure::default();
        if let Some(zero) = packets.first().map(|packet| packet.at) {
            for packet in packets.iter().filter(|packet| packet.pt == 111) {
                let at = packet.at.saturating_duration_since(zero);
                playout.push(packet.sequence, packet.timestamp, at, &packet.payload);
                measure.push(&playout.take());
            }
        }
        (measure.report(), packets)
    }

    /// Listens until all of these tones are heard and none of those.
    #[track_caller]
    pub(crate) fn expect_tones(&mut self, hear: &[f32], not: &[f32]) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let mut last = (Vec::new(), Vec::new());
            for _ in 0..12 {
                let (_, packets) = self.hear(350).await;
                let samples = decoded(&packets);
                let levels = |hz: &[f32]| hz.iter().map(|hz| level(&samples, *hz)).collect();
                last = (levels(hear), levels(not));
                let (heard, others): (&Vec<f64>, &Vec<f64>) = (&last.0, &last.1);
                if heard.iter().all(|it| *it > -24.0) && others.iter().all(|it| *it < -36.0) {
                    return;
                }
            }
            panic!("{hear:?} and not {not:?} at {caller}: {last:?} dBFS");
        }
    }

    /// Listens until this tone is heard.
    #[track_caller]
    pub(crate) fn expect_tone(&mut self, hz: f32) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let mut last = None;
            for _ in 0..12 {
                let (report, _) = self.hear(400).await;
                if report.is_tone(hz) {
                    return;
                }
                last = Some(report);
            }
            panic!("no {hz} Hz at {caller}: {last:?}");
        }
    }
}
