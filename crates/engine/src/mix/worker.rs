//! What does the mixing thread do every 20 ms?
//!
//! It takes what the taps have, 20 ms of each voice, and gives each listener a frame: a mix, or silence
//! where nobody speaks, so that no listener's stream has a gap. A thread that was held up leaves out
//! what it missed; the jitter buffers and the queues of frames do so too. Frames that always wait for a
//! leg that was held up are given back as in a jitter buffer. A voice that sends nothing while it is silent
//! may be the noise of its room.

use audio::{
    FRAME_SAMPLES,
    catch_up::CatchUp,
    comfort::Comfort,
    encoder::Encoder,
    jitter::{Frame, JitterBuffer},
    mix::Limiter,
    opus::{CodecError, Complexity, Settings},
};
use crossbeam_channel::{Receiver, TryRecvError};
use media::frame::{AudioCodec, AudioFrame};
use terms::LegId;

use crate::{FrameSink, Tapped, coding, effort::Effort, turns, workers::Inbox};

/// Half the effort of a prompt's encoder, hardly to be heard at this rate.
const EFFORT: Complexity = Complexity::new(3).expect("it is one");

/// Frames that may always wait for a leg: it takes one while the next is made.
const KEPT: usize = 1;

/// Who is in a mix from now on.
#[derive(Debug, Default)]
pub(super) struct Arrangement {
    pub(super) new_voices: Vec<NewVoice>,
    pub(super) new_listeners: Vec<NewListener>,
    pub(super) lines: Vec<Line>,
}

/// Whom a listener hears.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) leg: LegId,
    pub(super) hears: Vec<LegId>,
}

/// A leg that was not heard before.
#[derive(Debug)]
pub(super) struct NewVoice {
    pub(super) leg: LegId,
    pub(super) audio: u8,
    pub(super) codec: AudioCodec,
    pub(super) noise: Option<u8>,
    pub(super) packets: Tapped,
}

/// A leg that did not hear the mix before.
#[derive(Debug)]
pub(super) struct NewListener {
    pub(super) leg: LegId,
    pub(super) codec: AudioCodec,
    pub(super) sink: FrameSink,
}

/// One mix.
#[derive(Debug)]
pub(super) struct Room {
    changes: Receiver<Arrangement>,
    comfort_noise: bool,
    voices: Vec<Voice>,
    ears: Vec<Ear>,
}

#[derive(Debug)]
struct Voice {
    leg: LegId,
    audio: u8,
    noise: Option<u8>,
    packets: Tapped,
    buffer: JitterBuffer,
    comfort: Option<Comfort>,
    /// Whether the last turn was made up, in parts.
    made_up: bool,
    /// What is heard of it in this turn; none while it is silent.
    now: Option<Box<Frame>>,
}

#[derive(Debug)]
struct Ear {
    leg: LegId,
    hears: Vec<LegId>,
    sink: FrameSink,
    catch_up: CatchUp,
    limiter: Limiter,
    codec: AudioCodec,
    encoder: Encoder,
    effort: Effort,
}

/// Serves mixes until none can come any more.
pub(super) fn serve(inbox: &Inbox<Room>) {
    turns::serve(inbox, turns::FRAME, Room::turn, |_| ());
}

impl Room {
    pub(super) const fn new(changes: Receiver<Arrangement>, comfort_noise: bool) -> Self {
        Self { changes, comfort_noise, voices: Vec::new(), ears: Vec::new() }
    }

    /// One turn; false once the mix is over.
    fn turn(&mut self, hurried: bool) -> bool {
        loop {
            match self.changes.try_recv() {
                Ok(arrangement) => {
                    if let Err(fault) = self.arrange(arrangement) {
                        tracing::error!(%fault, "somebody is missing in a mix");
                    }
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        for voice in &mut self.voices {
            voice.listen();
        }
        for ear in &mut self.ears {
            ear.hear(&self.voices, hurried);
        }

        true
    }

    /// Keeps who was there, takes in who is new and forgets the rest.
    fn arrange(&mut self, arrangement: Arrangement) -> Result<(), CodecError> {
        let Arrangement { new_voices, new_listeners, lines } = arrangement;
        let is_heard = |leg: LegId| lines.iter().any(|line| line.hears.contains(&leg));
        self.voices.retain(|voice| is_heard(voice.leg));
        self.ears.retain(|ear| lines.iter().any(|line| line.leg == ear.leg));
        for NewVoice { leg, audio, codec, noise, packets } in new_voices {
            let buffer = match coding(codec) {
                Some(coding) => JitterBuffer::telephone(coding),
                None => JitterBuffer::new()?,
            };
            let comfort = self.comfort_noise.then(Comfort::default);
            let (made_up, now) = (false, None);
            self.voices.push(Voice { leg, audio, noise, packets, buffer, comfort, made_up, now });
        }
        for NewListener { leg, codec, sink } in new_listeners {
            let encoder = match coding(codec) {
                Some(coding) => Encoder::telephone(coding),
                None => {
                    Encoder::opus(Settings { complexity: EFFORT.get(), ..Settings::default() })?
                }
            };
            let (catch_up, limiter) = (CatchUp::new(KEPT), Limiter::default());
            let hears = Vec::new();
            let effort = Effort::new(EFFORT);
            self.ears.push(Ear { leg, hears, sink, catch_up, limiter, codec, encoder, effort });
        }
        for line in lines {
            if let Some(ear) = self.ears.iter_mut().find(|ear| ear.leg == line.leg) {
                ear.hears = line.hears;
            }
        }

        Ok(())
    }
}

impl Voice {
    /// Takes what came; a leg that is closed is silent from then on.
    fn listen(&mut self) {
        let _may_come = self.packets.each(|head, payload| {
            // Key presses are for the switchboard.
            if head.pt == self.audio {
                self.buffer.push(head.sequence, payload);
            } else if Some(head.pt) == self.noise
                && let Some(comfort) = &mut self.comfort
            {
                comfort.told(payload);
            }
        });
        let before = self.buffer.figures().concealed;
        let frame = self.buffer.pull();
        let concealed = self.buffer.figures().concealed;
        self.packets.tell_made_up(concealed);
        let made_up = concealed > before;
        let was_made_up = std::mem::replace(&mut self.made_up, made_up);
        self.now = match (frame, &mut self.comfort) {
            (Some(frame), Some(comfort)) if !made_up && !was_made_up => {
                comfort.hear(&frame);
                Some(Box::new(frame))
            }
            (Some(frame), _) => Some(Box::new(frame)),
            (None, comfort) => comfort.as_mut().and_then(Comfort::frame).map(Box::new),
        };
    }
}

impl Ear {
    /// Gives the listener its frame.
    fn hear(&mut self, voices: &[Voice], hurried: bool) {
        if let Some(Err(fault)) =
            self.effort.turn(hurried).map(|it| self.encoder.set_complexity(it))
        {
            tracing::error!(%fault, "a mix is made with the effort it had");
        }
        let waiting = self.sink.waiting();
        self.catch_up.look(waiting * FRAME_SAMPLES);
        let heard = voices.iter().filter(|voice| self.hears.contains(&voice.leg));
        let mut heard = heard.filter_map(|voice| voice.now.as_deref()).peekable();
        let packets = if heard.peek().is_some() {
            let mut samples = self.limiter.mix(heard).to_vec();
            self.catch_up.shorten(&mut samples);
            self.encoder.push(&samples)
        } else {
            self.silence(waiting)
        };
        match packets {
            Ok(packets) => packets.into_iter().for_each(|packet| self.give(packet)),
            Err(fault) => tracing::error!(%fault, "a frame of a mix is lost"),
        }
    }

    /// The rest of what was said, then silence; it makes nobody later.
    fn silence(&mut self, waiting: usize) -> Result<Vec<Box<[u8]>>, CodecError> {
        if let Some(rest) = self.encoder.finish()? {
            return Ok(vec![rest]);
        }
        if waiting > KEPT {
            return Ok(Vec::new());
        }
        let silence = self.encoder.silence();
        Ok(vec![silence.unwrap_or_else(|| self.codec.silence_20_ms().into())])
    }

    fn give(&self, packet: Box<[u8]>) {
        if let Ok(frame) = AudioFrame::new(packet) {
            self.sink.push(frame);
        }
    }
}
