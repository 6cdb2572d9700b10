//! What does the engine alone cost when a call of Opus has a telephone of PCMU on its other side?
//!
//! Each call has two legs, opened and joined as `crates/gateway/src/calls/trunk.rs` does: WhatsApp's keyed by
//! DTLS over ICE on a socket of its own, the telephone's plain RTP; between them the transcoder, one voice each
//! way. Neither SIP nor webhooks are in it, so that the figures are the media's. `cargo xtask bench sip` runs it.
//!
//! An order is a line of JSON on standard input, its answer a line on standard output:
//!
//! | Order | Answer |
//! |---|---|
//! | `{"call": 3, "whatsapp": SDP}`, an offer | `{"whatsapp": SDP, "telephone": SDP}`, an answer and an offer |
//! | `{"talk": 3, "telephone": SDP}`, the answer to that offer | `{}` |
//! | `{"end": 3}` | `{}` |
//!
//! The first argument is the address legs are bound to, the second the effort of the Opus encoders. What goes
//! wrong is answered with `{"error": …}`.

#![expect(clippy::print_stdout, reason = "the answers to orders")]

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::net::{IpAddr, Ipv4Addr};

use audio::opus::Complexity;
use media::frame::AudioCodec;
use media::leg::IceRole;
use media::sdp::{self, AudioSession, OurKeys, TrunkKeying, TrunkMedia, TrunkVoice};
use media::transport::{DtlsRole, LocalTransport};
use offhook_engine::{
    Config, EVENTS_MAX, Engine, LegEvent, LegHandle, MediaWatch, OpenLeg, OpenSdes, Password,
    PayloadTypes, PlainEnd, Socket, Source, Transcoder, TranscoderSeat,
};
use serde_json::{Value, json};
use terms::LegId;
use tokio::sync::mpsc;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What telephones talk.
const CODECS: [AudioCodec; 1] = [AudioCodec::Pcmu];

fn main() -> Outcome<()> {
    let bind_ip = match std::env::args().nth(1) {
        Some(ip) => ip.parse()?,
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let effort = match std::env::args().nth(2) {
        Some(effort) => Complexity::new(effort.parse()?).ok_or("effort is 0 to 10")?,
        None => Complexity::default(),
    };
    let engine = Engine::start(Config { bind_ip, ..Config::default() })?;
    let mut house =
        House { engine, transcoder: Transcoder::start()?.effort(effort), calls: BTreeMap::new() };
    println!("{}", json!({ "ready": true, "backend": format!("{:?}", house.engine.backend()) }));
    for line in std::io::stdin().lock().lines() {
        let order = serde_json::from_str(&line?)?;
        let answer =
            house.obey(&order).unwrap_or_else(|error| json!({ "error": error.to_string() }));
        // In one piece: printed as it is written, it is many small ones.
        let line = answer.to_string();
        println!("{line}");
    }

    Ok(())
}

struct House {
    engine: Engine,
    transcoder: Transcoder,
    calls: BTreeMap<u64, Call>,
}

/// A call's two legs; both close when it is dropped.
struct Call {
    whatsapp: Party,
    types: PayloadTypes,
    telephone: Party,
    seat: TranscoderSeat,
}

/// A leg, and the channel its events go to.
struct Party {
    handle: LegHandle,
    _events: mpsc::Receiver<LegEvent>,
}

impl House {
    fn obey(&mut self, order: &Value) -> Outcome<Value> {
        if let Some(id) = order["end"].as_u64() {
            self.calls.remove(&id).ok_or("no such call")?;
            return Ok(json!({}));
        }
        if let Some(id) = order["talk"].as_u64() {
            let call = self.calls.get(&id).ok_or("no such call")?;
            call.talk(&self.transcoder, &read(&order["telephone"])?)?;
            return Ok(json!({}));
        }
        let id = order["call"].as_u64().ok_or("neither a call, nor a talk, nor an end")?;
        let (call, answer, offer) = self.open(&read(&order["whatsapp"])?)?;
        self.calls.insert(id, call);

        Ok(json!({ "whatsapp": answer, "telephone": offer }))
    }

    fn open(&self, offer: &AudioSession) -> Outcome<(Call, String, String)> {
        let seat = self.transcoder.seat(CODECS.to_vec()).ok_or("the transcoder is full")?;
        let (whatsapp, local) = self.open_whatsapp()?;
        let opus = offer.opus_pt().ok_or("the offer has no opus/48000/2")?;
        let types = PayloadTypes::opus(opus, offer.dtmf_pt());
        whatsapp.handle.set_remote(offer.remote_transport()?, DtlsRole::Client, types);
        whatsapp.handle.send_gate(true);
        whatsapp.handle.watch_from_now();
        whatsapp.handle.fill(true);
        let answer = sdp::write_gateway_answer(offer, &local);
        let (telephone, local) = self.open_telephone(whatsapp.handle.id())?;
        let voice = TrunkVoice { local: &local, version: 1, keys: OurKeys::Open };
        let to_telephone = sdp::write_trunk_offer(voice, &CODECS);

        Ok((Call { whatsapp, types, telephone, seat }, answer, to_telephone))
    }

    fn open_whatsapp(&self) -> Outcome<(Party, LocalTransport)> {
        let (events, heard) = mpsc::channel(EVENTS_MAX);
        let (handle, local) = self.engine.open(OpenLeg {
            socket: Socket::Own,
            ice: IceRole::Full { controlling: true },
            password: Password::Plain,
            cname: "gw".into(),
            media_watch: Some(MediaWatch::default()),
            beside: None,
            events,
        })?;

        Ok((Party { handle, _events: heard }, local))
    }

    fn open_telephone(&self, beside: LegId) -> Outcome<(Party, LocalTransport)> {
        let (events, heard) = mpsc::channel(EVENTS_MAX);
        let media_watch = Some(MediaWatch::default());
        let open = OpenSdes { cname: "trunk".into(), media_watch, beside: Some(beside), events };
        let (handle, local) = self.engine.open_sdes(open)?;

        Ok((Party { handle, _events: heard }, local))
    }
}

impl Call {
    /// The telephone has answered: each hears the other.
    fn talk(&self, transcoder: &Transcoder, answer: &AudioSession) -> Outcome<()> {
        let agreed = TrunkMedia::of(answer, &CODECS, &[TrunkKeying::Open])?;
        let theirs = PayloadTypes {
            audio: agreed.audio,
            codec: agreed.codec,
            dtmf: agreed.dtmf,
            noise: agreed.noise,
        };
        let (user, house) = (&self.whatsapp.handle, &self.telephone.handle);
        house.set_plain(PlainEnd { remote: agreed.remote, payload_types: theirs });
        house.send_gate(true);
        house.fill(true);
        house.watch_from_now();
        let carry = |from, types, to| transcoder.carry(&self.seat, from, types, to);
        let said = carry(house, theirs, AudioCodec::Opus).ok_or("nothing to transcode")?;
        let told = carry(user, self.types, agreed.codec).ok_or("nothing to transcode")?;
        house.play(Source::Transcoded { of: user.clone(), frames: told });
        user.play(Source::Transcoded { of: house.clone(), frames: said });

        Ok(())
    }
}

fn read(text: &Value) -> Outcome<AudioSession> {
    Ok(sdp::parse(text.as_str().ok_or("an SDP is missing")?)?.session)
}
