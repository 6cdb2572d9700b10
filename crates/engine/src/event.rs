//! What may a leg tell whoever steers its call?

use media::dtmf::Digit;
use media::leg::LegFailure;
use media::srtp::Profile;

use crate::LegStats;

/// How deep a leg's event channel should be; a whole call rarely fills a tenth.
pub const EVENTS_MAX: usize = 256;

/// Something happened to a leg.
#[derive(Clone, Debug)]
pub enum LegEvent {
    /// ICE found a path. Not told by a leg that was opened with its keys.
    IceConnected {
        /// Since [`crate::LegHandle::set_remote`].
        at_ms: u64,
    },
    /// Keys are agreed and the far end's certificate is the one its SDP named.
    DtlsConnected {
        /// Since [`crate::LegHandle::set_remote`].
        at_ms: u64,
        /// How packets are protected from now on.
        profile: Profile,
    },
    /// The first audio arrived and was authentic.
    FirstMedia,
    /// The far end pressed a key; told once, though it may come as telephone-events and as sound
    /// ([`crate::InBandKeys`]).
    Digit(Digit),
    /// A [`crate::Source::Packets`] that plays once has played.
    PlaybackDone,
    /// Nothing was heard for as long as [`crate::MediaWatch`] allows; told once until media resumes.
    MediaStopped {
        /// How long.
        for_ms: u64,
        /// Nothing was heard since the watch began.
        from_start: bool,
    },
    /// Media came back after [`LegEvent::MediaStopped`].
    MediaResumed,
    /// The leg is of no more use. It stays open, silent, until closed.
    Failed {
        /// Why.
        reason: LegFailure,
    },
    /// The last event of a leg, with its final figures.
    Closed(Box<LegStats>),
}
