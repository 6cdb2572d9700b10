//! Which two legs carry a call, and when do they hear each other?
//!
//! Both are ice-lite legs on the one muxed port, but for a business whose keys stand in the SDP: that
//! has a socket of its own. The business's leg opens with the call; the user's
//! when the phone has given its offer: at once if the user calls, at pick-up if the business does.
//! Opus passes between them as it is; to and from G.711 goes by a [`Transcoder`].
//! Nothing leaves either before [`Legs::join`].

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{
    Direction, Engine, FrameQueue, Impairment, LegEvent, LegHandle, LegStats, OpenError, OpenLeg,
    OpenSdes, Password, PayloadTypes, Repeat, SdesKeys, Socket, Source, Transcoder, TranscoderSeat,
};
use media::{
    leg::IceRole,
    sdp::SdesCrypto,
    srtp::{MasterKey, Profile},
    transport::LocalTransport,
};
use terms::Party;
use tokio::sync::mpsc;
use wire::sandbox::MediaFaults;

use super::{
    ears::{Ear, Ears},
    record::Heard,
    recordings::Recording,
};
use crate::{
    capture::Announcement,
    sdp::{self, FarEnd},
};

/// The name of our source, as in WhatsApp's offers.
const CNAME: &str = "WhatsAppAudioStream1";

/// One party's leg.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) handle: LegHandle,
    pub(crate) local: LocalTransport,
    pub(crate) events: mpsc::Receiver<LegEvent>,
    /// Our own key, when keys are in the SDPs.
    pub(crate) crypto: Option<SdesCrypto>,
    /// What was agreed with the far end, once it was.
    pub(crate) types: Option<PayloadTypes>,
}

/// A call's legs.
#[derive(Debug)]
pub(crate) struct Legs {
    pub(crate) business: Leg,
    pub(crate) user: Option<Leg>,
    pub(crate) ears: Option<Listening>,
    /// Held while one side may talk G.711.
    seat: Option<TranscoderSeat>,
    transcoded: Option<Transcoded>,
    zero: Instant,
    is_joined: bool,
}

/// What each side hears of the other, where their codecs differ.
#[derive(Debug)]
struct Transcoded {
    for_user: FrameQueue,
    for_business: FrameQueue,
}

/// The ears of a call.
#[derive(Debug, Clone)]
pub(crate) struct Listening {
    pub(crate) user: Recording,
    pub(crate) business_heard: Ear,
}

/// Opens a leg on the muxed port.
///
/// # Errors
///
/// The engine has no room.
pub(crate) fn open(
    engine: &Engine,
    password: Password,
    beside: Option<&LegHandle>,
) -> Result<Leg, OpenError> {
    let (sink, events) = mpsc::channel(engine::EVENTS_MAX);
    let (handle, local) = engine.open(OpenLeg {
        socket: Socket::Muxed,
        ice: IceRole::Lite,
        password,
        cname: CNAME.to_owned(),
        // Silence is measured by the platform's clock, see `watch`.
        media_watch: None,
        beside: beside.map(LegHandle::id),
        events: sink,
    })?;
    Ok(Leg { handle, local, events, crypto: None, types: None })
}

/// Opens a leg with a socket of its own whose keys stand in the SDPs (fact sheet 6.6).
///
/// # Errors
///
/// The engine has no room.
pub(crate) fn open_sdes(engine: &Engine, tag: u32) -> Result<Leg, OpenError> {
    let (sink, events) = mpsc::channel(engine::EVENTS_MAX);
    let (handle, local) = engine.open_sdes(OpenSdes {
        cname: CNAME.to_owned(),
        media_watch: None,
        beside: None,
        events: sink,
    })?;
    let mut key_and_salt = [0; 30];
    rand::fill(&mut key_and_salt);
    let crypto = Some(SdesCrypto { tag, key_and_salt });
    Ok(Leg { handle, local, events, crypto, types: None })
}

impl Leg {
    /// Tells the leg who the far end is.
    pub(crate) fn meet(&mut self, far_end: FarEnd, types: PayloadTypes) {
        self.types = Some(types);
        match far_end {
            FarEnd::Dtls { remote, role } => self.handle.set_remote(remote, role, types),
            FarEnd::Sdes { addr, crypto } => {
                let key = |crypto: &SdesCrypto| {
                    MasterKey::from_inline(Profile::Aes128CmSha1_80, &crypto.key_and_salt)
                        .expect("thirty bytes are this profile's key and salt")
                };
                // A leg without a key of its own was opened for DTLS, and no SDES is read for it.
                let Some(ours) = &self.crypto else { return };
                self.handle.set_keys(SdesKeys {
                    remote: addr,
                    send_key: key(ours),
                    receive_key: key(&crypto),
                    payload_types: types,
                });
            }
        }
    }
}

impl Leg {
    /// What was agreed, or what the platform offers while it is not.
    pub(crate) fn types(&self) -> PayloadTypes {
        self.types.unwrap_or(sdp::OFFERED_TYPES)
    }
}

impl Legs {
    /// Legs of a call whose business leg is open, with the seat of a call that may have G.711.
    pub(crate) fn new(business: Leg, seat: Option<TranscoderSeat>) -> Self {
        Self {
            business,
            user: None,
            ears: None,
            seat,
            transcoded: None,
            zero: Instant::now(),
            is_joined: false,
        }
    }

    /// Takes the user's leg; joins it if the call is already answered.
    pub(crate) fn add_user(&mut self, leg: Leg) {
        self.user = Some(leg);
        if self.is_joined {
            self.join();
        }
    }

    /// Lets ears listen to both legs.
    pub(crate) fn listen(&mut self, ears: &Ears) {
        let Some(user) = &self.user else { return };
        let listen =
            |leg: &Leg, direction| ears.listen(&leg.handle, direction, leg.types(), self.zero);
        self.ears = Some(Listening {
            user: Recording {
                heard: listen(user, Direction::Sent),
                said: listen(user, Direction::Received),
            },
            business_heard: listen(&self.business, Direction::Sent),
        });
    }

    /// Lets the transcoder stand between the legs if both have agreed on their codecs and these
    /// differ. Only the first time counts: nothing is agreed twice.
    pub(crate) fn transcode(&mut self, transcoder: &Transcoder) {
        let Some(user) = &self.user else { return };
        let (Some(from_user), Some(from_business)) = (user.types, self.business.types) else {
            return;
        };
        if let Some(ears) = &self.ears {
            ears.business_heard.retune(from_business);
        }
        if from_user.codec == from_business.codec {
            self.seat = None;
        }
        let Some(seat) = self.seat.as_ref().filter(|_| self.transcoded.is_none()) else { return };
        let carry = |leg: &Leg, types, to| transcoder.carry(seat, &leg.handle, types, to);
        self.transcoded = carry(&self.business, from_business, from_user.codec)
            .zip(carry(user, from_user, from_business.codec))
            .map(|(for_user, for_business)| Transcoded { for_user, for_business });
        if self.is_joined {
            self.join();
        }
    }

    /// From here on the parties hear each other.
    pub(crate) fn join(&mut self) {
        self.is_joined = true;
        let Some(user) = &self.user else { return };
        let (of_business, of_user) = (self.business.handle.clone(), user.handle.clone());
        let (to_user, to_business) = match &self.transcoded {
            None => (Source::Bridge(of_business), Source::Bridge(of_user)),
            Some(Transcoded { for_user, for_business }) => (
                Source::Transcoded { of: of_business, frames: for_user.clone() },
                Source::Transcoded { of: of_user, frames: for_business.clone() },
            ),
        };
        user.handle.play(to_user);
        self.business.handle.play(to_business);
        user.handle.send_gate(true);
        self.business.handle.send_gate(true);
    }

    /// Plays an announcement once to these parties, in place of what they hear; false if one of
    /// them has no leg.
    pub(crate) fn announce(&self, to: &[Party], announcement: &Announcement) -> bool {
        let play = |leg: &Leg, frames: &_| {
            leg.handle.play(Source::Packets(Arc::clone(frames), Repeat::Once));
            leg.handle.send_gate(true);
        };
        for party in to {
            match (party, &self.user) {
                (Party::User, Some(user)) => play(user, &announcement.for_user),
                (Party::Business, _) => play(&self.business, &announcement.for_business),
                (Party::User | Party::Platform, _) => return false,
            }
        }
        true
    }

    /// Starts the watch for silence on both.
    pub(crate) fn watch(&self) {
        self.business.handle.watch_from_now();
        if let Some(user) = &self.user {
            user.handle.watch_from_now();
        }
    }

    /// Puts the business's leg behind the network a test asked for.
    pub(crate) fn spoil(&self, faults: &MediaFaults, seed: u64) {
        self.business.handle.impair(impairment(faults, seed));
    }

    /// Closes both; their final figures come as events.
    pub(crate) fn close(&self) {
        self.business.handle.close();
        if let Some(user) = &self.user {
            user.handle.close();
        }
    }

    /// What each party heard: how it sounded from the ears, how it arrived from the other leg.
    pub(crate) fn heard(
        &self,
        user: Option<&LegStats>,
        business: &LegStats,
    ) -> (Option<Heard>, Option<Heard>) {
        let Some(ears) = &self.ears else { return (None, None) };
        let user_heard = heard(&ears.user.heard, Some(business));
        let business_heard = heard(&ears.business_heard, user);
        (Some(user_heard), Some(business_heard))
    }
}

/// What a test's faults of media mean to a leg. A share outside 0 to 1 was refused before.
#[expect(clippy::cast_possible_truncation, reason = "a share of packets")]
fn impairment(faults: &MediaFaults, seed: u64) -> Impairment {
    Impairment {
        loss: faults.loss as f32,
        jitter: Duration::from_millis(faults.jitter_ms),
        silence: faults.silence,
        no_dtls: faults.no_dtls,
        seed,
    }
}

fn heard(ear: &Ear, source: Option<&LegStats>) -> Heard {
    let report = ear.report();
    Heard {
        dbfs: report.and_then(|report| report.dbfs),
        tone_hz: report.and_then(|report| report.tone_hz),
        loud_ms: report.map(|report| report.loud_ms),
        packets: ear.packets(),
        lost: source.map_or(0, |stats| stats.received.lost),
        jitter_ms: source.map_or(0.0, |stats| stats.received.jitter_ms),
        mos: source.and_then(|stats| stats.received.mos),
    }
}
