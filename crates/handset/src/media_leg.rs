//! How does a call sound, from the side of whoever offers it: a phone, or an agent's console?
//!
//! A full ICE agent on a socket of its own, which offers; the far end answers, ice-lite. The gate
//! opens with the answer to the call, and from then on the ears listen.

use std::{sync::Arc, time::Instant};

use engine::{
    Direction, Engine, LegEvent, LegHandle, LegStats, OpenError, OpenLeg, Password, PayloadTypes,
    Repeat, Socket, Source,
};
use media::{
    frame::AudioFrame,
    leg::{IceRole, LegFailure},
    mark::Marks,
    sdp::{self, PlatformVoice, SdpRefusal},
    transport::LocalTransport,
};
use terms::Timestamp;
use tokio::sync::mpsc;

use crate::{
    ear::Ear,
    heard::{Heard, Recording, SetUp},
    phone::Tags,
};

/// The name of the phone's source in SDP and RTCP.
const CNAME: &str = "handset";

/// The media of one call.
#[derive(Debug)]
pub struct MediaLeg {
    leg: LegHandle,
    events: mpsc::Receiver<LegEvent>,
    types: Option<PayloadTypes>,
    listening: Option<Listening>,
    tags: Option<Tags>,
    answered: Option<Instant>,
    first_media: Option<Instant>,
}

/// What an end does with what it hears.
#[derive(Debug, Clone, Copy)]
pub struct Ears {
    /// Decodes and measures it.
    pub decode: bool,
    /// Keeps the samples of both directions.
    pub record: bool,
}

/// What is left of a call's media.
#[derive(Debug)]
pub struct Closed {
    /// What was heard in all.
    pub heard: Heard,
    /// Both directions, if they were kept.
    pub recording: Recording,
    /// The marks heard, if there were to be some.
    pub marks: Option<Marks>,
}

#[derive(Debug)]
struct Listening {
    heard: Ear,
    said: Option<Ear>,
}

impl MediaLeg {
    /// Opens a leg; returns it with the offer for it.
    ///
    /// # Errors
    ///
    /// No leg can be opened.
    pub fn open(engine: &Engine) -> Result<(Self, String), OpenError> {
        let ice = IceRole::Full { controlling: true };
        let (media, local) = Self::open_as(engine, ice, Password::Plain)?;
        Ok((media, sdp::write_handset_offer(&local)))
    }

    /// Opens a leg as WhatsApp's relay has it, ice-lite; returns it with its offer of this time.
    ///
    /// # Errors
    ///
    /// No leg can be opened.
    pub fn open_lite(engine: &Engine, created: Timestamp) -> Result<(Self, String), OpenError> {
        let (media, local) = Self::open_as(engine, IceRole::Lite, Password::Padded)?;
        let voice = PlatformVoice { local: &local, created, stream: &local.cname, extra: &[] };
        let offer = sdp::write_platform_offer(voice);
        Ok((media, offer))
    }

    fn open_as(
        engine: &Engine,
        ice: IceRole,
        password: Password,
    ) -> Result<(Self, LocalTransport), OpenError> {
        let (sink, events) = mpsc::channel(engine::EVENTS_MAX);
        let (leg, local) = engine.open(OpenLeg {
            socket: Socket::Own,
            ice,
            password,
            cname: CNAME.to_owned(),
            media_watch: None,
            beside: None,
            events: sink,
        })?;
        let media = Self {
            leg,
            events,
            types: None,
            listening: None,
            tags: None,
            answered: None,
            first_media: None,
        };
        Ok((media, local))
    }

    /// Takes the platform's answer.
    ///
    /// # Errors
    ///
    /// The answer is of no use.
    pub fn set_answer(&mut self, answer: &str) -> Result<(), AnswerFault> {
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
    pub fn start(
        &mut self,
        frames: &Arc<[AudioFrame]>,
        ears: Ears,
        tags: Option<Tags>,
        now: Instant,
    ) {
        if let Some(Tags { says, hears }) = tags {
            self.leg.mark(says, hears);
        }
        (self.tags, self.answered) = (tags, Some(now));
        self.leg.play(Source::Packets(Arc::clone(frames), Repeat::Forever));
        self.leg.send_gate(true);
        let Some(types) = self.types.filter(|_| ears.decode || ears.record) else { return };
        let listen = |direction, keeps| {
            Ear::listen(&self.leg, direction, types.audio, now, keeps)
                .inspect_err(|fault| tracing::warn!(%fault, "a phone cannot listen"))
                .ok()
        };
        let Some(heard) = listen(Direction::Received, ears.record) else { return };
        let said = if ears.record { listen(Direction::Sent, true) } else { None };
        self.listening = Some(Listening { heard, said });
    }

    /// Whether the platform's answer is there.
    #[must_use]
    pub fn has_answer(&self) -> bool {
        self.types.is_some()
    }

    /// Whether the ears listen.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.listening.is_some()
    }

    /// Presses a key.
    pub fn press(&self, digit: media::dtmf::Digit) {
        /// How long a finger stays on a key.
        const PRESS_MS: u32 = 120;
        self.leg.send_digit(digit, PRESS_MS);
    }

    /// Lets the ears take what came.
    pub fn drain(&mut self) {
        if let Some(listening) = &mut self.listening {
            listening.heard.drain();
            if let Some(said) = &mut listening.said {
                said.drain();
            }
        }
    }

    /// Waits until the leg is of no more use; for ever, if there is none. What happens to it before is
    /// taken note of.
    pub async fn lost(media: Option<&mut Self>) -> Lost {
        let Some(media) = media else { return std::future::pending().await };
        loop {
            match media.events.recv().await {
                Some(LegEvent::FirstMedia) => {
                    media.first_media.get_or_insert_with(Instant::now);
                }
                Some(LegEvent::Failed { reason }) => return Lost::Failed(reason),
                None | Some(LegEvent::Closed(_)) => return Lost::Closed,
                Some(
                    LegEvent::IceConnected { .. }
                    | LegEvent::DtlsConnected { .. }
                    | LegEvent::Digit(_)
                    | LegEvent::PlaybackDone
                    | LegEvent::MediaStopped { .. }
                    | LegEvent::MediaResumed,
                ) => {}
            }
        }
    }

    /// What was heard so far.
    pub async fn heard(&mut self) -> Heard {
        self.drain();
        let stats = self.leg.stats().await.unwrap_or_default();
        self.report(&stats)
    }

    /// What was heard of marks, if this leg has some.
    pub async fn marks(&mut self) -> Option<Marks> {
        self.tags?;
        self.leg.marks().await.ok()
    }

    /// Stops the media; returns what was heard and recorded in all.
    pub async fn close(mut self) -> Closed {
        let now = Instant::now();
        let marks = self.marks().await;
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
        Closed { heard, recording, marks }
    }

    fn report(&self, stats: &LegStats) -> Heard {
        let received = &stats.received;
        let any = received.packets > 0;
        let first_media_ms =
            self.first_media.zip(self.answered).map(|(first, since)| millis(first, since));
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

/// Why a leg is of no more use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// It found no path, no keys, or lost what it had found.
    #[error(transparent)]
    Failed(LegFailure),
    /// Its engine has let it go.
    #[error("the leg closed")]
    Closed,
}

/// Why the platform's answer is of no use.
#[derive(Debug, thiserror::Error)]
pub enum AnswerFault {
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
