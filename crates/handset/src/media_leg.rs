//! How does a call sound, from the phone's side of the wire?
//!
//! A full ICE agent on a socket of its own, which offers; the platform answers, ice-lite. The gate
//! opens with the answer to the call, and from then on the ears listen.

use std::{sync::Arc, time::Instant};

use engine::{
    Direction, Engine, LegEvent, LegHandle, LegStats, OpenError, OpenLeg, Password, PayloadTypes,
    Repeat, Socket, Source,
};
use media::{
    frame::AudioFrame,
    leg::IceRole,
    sdp::{self, SdpRefusal},
};
use tokio::sync::mpsc;

use crate::{
    ear::Ear,
    heard::{Heard, Recording, SetUp},
};

/// The name of the phone's source in SDP and RTCP.
const CNAME: &str = "handset";

/// The media of one call.
#[derive(Debug)]
pub(crate) struct MediaLeg {
    leg: LegHandle,
    pub(crate) events: mpsc::Receiver<LegEvent>,
    types: Option<PayloadTypes>,
    listening: Option<Listening>,
    first_media: Option<Instant>,
}

#[derive(Debug)]
struct Listening {
    since: Instant,
    heard: Ear,
    said: Option<Ear>,
}

impl MediaLeg {
    /// Opens a leg; returns it with the offer for it.
    pub(crate) fn open(engine: &Engine) -> Result<(Self, String), OpenError> {
        let (sink, events) = mpsc::channel(engine::EVENTS_MAX);
        let (leg, local) = engine.open(OpenLeg {
            socket: Socket::Own,
            ice: IceRole::Full { controlling: true },
            password: Password::Plain,
            cname: CNAME.to_owned(),
            media_watch: None,
            beside: None,
            events: sink,
        })?;
        let media = Self { leg, events, types: None, listening: None, first_media: None };
        Ok((media, sdp::write_handset_offer(&local)))
    }

    /// Takes the platform's answer.
    pub(crate) fn set_answer(&mut self, answer: &str) -> Result<(), AnswerFault> {
        let session = sdp::parse(answer)?.session;
        let opus = session.opus_pt().ok_or(AnswerFault::NoOpus)?;
        let types = PayloadTypes::opus(opus, session.dtmf_pt());
        let remote = session.remote_transport()?;
        let role = remote.setup.our_role();
        self.leg.set_remote(remote, role, types);
        self.types = Some(types);
        Ok(())
    }

    /// Plays and listens from `now` on: the call is answered.
    pub(crate) fn start(&mut self, frames: &Arc<[AudioFrame]>, records: bool, now: Instant) {
        self.leg.play(Source::Packets(Arc::clone(frames), Repeat::Forever));
        self.leg.send_gate(true);
        let Some(types) = self.types else { return };
        let listen = |direction, keeps| {
            Ear::listen(&self.leg, direction, types.audio, now, keeps)
                .inspect_err(|fault| tracing::warn!(%fault, "a phone cannot listen"))
                .ok()
        };
        let Some(heard) = listen(Direction::Received, records) else { return };
        let said = if records { listen(Direction::Sent, true) } else { None };
        self.listening = Some(Listening { since: now, heard, said });
    }

    /// Whether the platform's answer is there.
    pub(crate) fn has_answer(&self) -> bool {
        self.types.is_some()
    }

    /// Whether the ears listen.
    pub(crate) fn is_listening(&self) -> bool {
        self.listening.is_some()
    }

    /// The first audio came.
    pub(crate) fn note_first_media(&mut self, now: Instant) {
        self.first_media.get_or_insert(now);
    }

    /// Presses a key.
    pub(crate) fn press(&self, digit: media::dtmf::Digit) {
        /// How long a finger stays on a key.
        const PRESS_MS: u32 = 120;
        self.leg.send_digit(digit, PRESS_MS);
    }

    /// Lets the ears take what came.
    pub(crate) fn drain(&mut self) {
        if let Some(listening) = &mut self.listening {
            listening.heard.drain();
            if let Some(said) = &mut listening.said {
                said.drain();
            }
        }
    }

    /// What was heard so far.
    pub(crate) async fn heard(&mut self) -> Heard {
        self.drain();
        let stats = self.leg.stats().await.unwrap_or_default();
        self.report(&stats)
    }

    /// Stops the media; returns what was heard and recorded in all.
    pub(crate) async fn close(mut self) -> (Heard, Recording) {
        let now = Instant::now();
        let stats = self.leg.stats().await.unwrap_or_default();
        self.leg.close();
        if let Some(listening) = &mut self.listening {
            listening.heard.finish(now);
            if let Some(said) = &mut listening.said {
                said.finish(now);
            }
        }
        let heard = self.report(&stats);
        let recording = self.listening.map_or_else(Recording::default, |listening| Recording {
            heard: listening.heard.into_samples(),
            said: listening.said.map(Ear::into_samples).unwrap_or_default(),
        });
        (heard, recording)
    }

    fn report(&self, stats: &LegStats) -> Heard {
        let received = &stats.received;
        let any = received.packets > 0;
        let since = self.listening.as_ref().map(|listening| listening.since);
        let first_media_ms = self.first_media.zip(since).map(|(first, since)| millis(first, since));
        Heard {
            sound: self.listening.as_ref().and_then(|listening| listening.heard.report()),
            packets: received.packets,
            lost: received.lost,
            sent: stats.sent.packets,
            jitter_ms: any.then_some(received.jitter_ms),
            rtt_ms: received.rtt_ms,
            mos: received.mos,
            set_up: SetUp {
                first_media_ms,
                ice_ms: stats.set_up.ice_ms,
                dtls_ms: stats.set_up.dtls_ms,
                ..SetUp::default()
            },
        }
    }
}

/// Why the platform's answer is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerFault {
    /// It cannot be read, or lacks something.
    #[error(transparent)]
    Sdp(#[from] SdpRefusal),
    /// It took none of the codecs offered.
    #[error("the answer has no Opus")]
    NoOpus,
}

/// Whole milliseconds between two moments.
pub(crate) fn millis(later: Instant, earlier: Instant) -> u64 {
    u64::try_from(later.saturating_duration_since(earlier).as_millis()).unwrap_or(u64::MAX)
}
