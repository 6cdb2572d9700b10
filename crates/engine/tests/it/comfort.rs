//! What a user hears of a telephone that sends nothing while nobody speaks there: its room.

use std::sync::Arc;
use std::time::{Duration, Instant};

use audio::comfort::Comfort;
use audio::g711::{self, Law};
use audio::measure::Measure;
use audio::opus::Decoder;
use engine::{
    Backend, Direction, Engine, Listener, Mix, Mixer, PayloadTypes, Repeat, Source, Transcoder,
    TranscoderSeat, Voice,
};
use media::frame::{AudioCodec, AudioFrame};
use media::transport::{DtlsRole, Setup};

use crate::support::{Party, TYPES, business, connect, for_each_backend, platform, take};

for_each_backend!(
    a_transcoded_voice_that_stops_is_its_room,
    a_mixed_voice_that_stops_is_its_room,
    comfort_noise_of_rfc_3389_is_heard_as_loud_as_it_says,
);

const TELEPHONE: PayloadTypes =
    PayloadTypes { audio: 0, codec: AudioCodec::Pcmu, dtmf: None, noise: Some(13) };

/// A telephone that sends nothing else than comfort noise, in the place of audio.
const NOISE: PayloadTypes =
    PayloadTypes { audio: 13, codec: AudioCodec::Pcmu, dtmf: None, noise: None };

/// How loud the telephone's room is, below 0 dBov.
const ROOM: u8 = 55;

struct Call {
    user: Party,
    user_leg: Party,
    telephone_leg: Party,
    telephone: Party,
    _engines: [Engine; 3],
}

impl Call {
    fn new(backend: Backend, sends: PayloadTypes) -> Self {
        let engines = [business(backend), platform(backend), business(backend)];
        let mut user = Party::full(&engines[0]);
        let mut user_leg = Party::lite(&engines[1], None);
        let mut telephone_leg = Party::lite(&engines[1], Some(&user_leg));
        let mut telephone = Party::full(&engines[2]);
        connect(&mut user, &mut user_leg);
        let (there, here) = (telephone.said(Setup::Active), telephone_leg.said(Setup::Passive));
        telephone_leg.leg.set_remote(there, DtlsRole::Server, TELEPHONE);
        telephone.leg.set_remote(here, DtlsRole::Client, sends);
        telephone.connected();
        telephone_leg.connected();
        telephone.leg.send_gate(true);

        Self { user, user_leg, telephone_leg, telephone, _engines: engines }
    }

    fn transcoded(&self, seat: &TranscoderSeat, transcoder: &Transcoder) {
        let of = self.telephone_leg.leg.clone();
        let frames = transcoder.carry(seat, &of, TELEPHONE, AudioCodec::Opus).unwrap();
        self.user_leg.leg.play(Source::Transcoded { of, frames });
    }

    fn mixed(&self, mix: &mut Mix) {
        let PayloadTypes { audio, codec, noise, dtmf: _ } = TELEPHONE;
        let voice = Voice { leg: self.telephone_leg.leg.clone(), audio, codec, noise };
        let leg = self.user_leg.leg.clone();
        mix.arrange(&[Listener { leg, codec: AudioCodec::Opus, hears: vec![voice] }]);
    }

    /// The room for three seconds, and then not a packet more.
    fn falls_silent(&self) {
        let mut room = Comfort::default();
        room.told(&[ROOM]);
        // It begins slowly.
        room.frame();
        let frames = g711::Encoder::new(Law::Mu).encode_all(&room.fill(3 * 48_000));
        let frames = frames.into_iter().map(|frame| AudioFrame::new(frame).unwrap()).collect();
        self.telephone.leg.play(Source::Packets(frames, Repeat::Once));
        std::thread::sleep(Duration::from_millis(3_700));
    }

    /// How loud it is for the user in the next second.
    fn level(&self) -> f32 {
        let mut heard = self.user.tap(Direction::Received);
        let began = Instant::now();
        let packets = take(&mut heard, 50);
        assert!(began.elapsed() < Duration::from_millis(1_500), "a stream without a hole");
        let (mut decoder, mut measure) = (Decoder::new().unwrap(), Measure::default());
        for packet in &packets {
            assert_eq!(packet.pt, TYPES.audio);
            measure.push(decoder.decode(&packet.payload).unwrap());
        }
        measure.report().dbfs.unwrap()
    }
}

fn assert_near(level: f32, below: u8) {
    assert!((level + f32::from(below)).abs() < 4.0, "{level} dBov, not -{below}");
}

fn a_transcoded_voice_that_stops_is_its_room(backend: Backend) {
    let transcoder = Transcoder::start().unwrap().comfort_noise(true);
    let seat = transcoder.seat(vec![AudioCodec::Pcmu]).unwrap();
    let call = Call::new(backend, PayloadTypes { noise: None, ..TELEPHONE });
    call.transcoded(&seat, &transcoder);
    call.falls_silent();
    assert_near(call.level(), ROOM);
}

fn a_mixed_voice_that_stops_is_its_room(backend: Backend) {
    let mixer = Mixer::start().unwrap().comfort_noise(true);
    let mut mix = mixer.open().unwrap();
    let call = Call::new(backend, PayloadTypes { noise: None, ..TELEPHONE });
    call.mixed(&mut mix);
    call.falls_silent();
    assert_near(call.level(), ROOM);
}

fn comfort_noise_of_rfc_3389_is_heard_as_loud_as_it_says(backend: Backend) {
    let transcoder = Transcoder::start().unwrap().comfort_noise(true);
    let mixer = Mixer::start().unwrap().comfort_noise(true);
    let seat = transcoder.seat(vec![AudioCodec::Pcmu]).unwrap();
    let call = Call::new(backend, NOISE);
    call.transcoded(&seat, &transcoder);
    let say = |below: u8| -> Arc<[AudioFrame]> { [AudioFrame::new(vec![below]).unwrap()].into() };
    call.telephone.leg.play(Source::Packets(say(50), Repeat::Forever));
    std::thread::sleep(Duration::from_millis(400));
    assert_near(call.level(), 50);
    let mut mix = mixer.open().unwrap();
    call.mixed(&mut mix);
    call.telephone.leg.play(Source::Packets(say(60), Repeat::Forever));
    std::thread::sleep(Duration::from_millis(400));
    assert_near(call.level(), 60);
    assert_eq!(call.telephone_leg.stats().drops, engine::Drops::default());
}
