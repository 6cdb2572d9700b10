//! How is one leg steered?

use std::sync::{Arc, Weak};
use std::time::Instant;

use media::dtmf::Digit;
use media::mark::Marks;
use media::transport::{DtlsRole, RemoteTransport};
use terms::LegId;
use tokio::sync::oneshot;

use crate::order::{Command, Feed, Order, ThreadPort, thread_of};
use crate::tap::TapUse;
use crate::{DtlsEnd, Impairment, LegStats, PayloadTypes, PlainEnd, SdesKeys, Source, Tap};

/// Steers one leg. Clones steer the same leg; dropping the last one closes it.
///
/// Every method is one push on the media thread's queue and takes effect within a few milliseconds,
/// in the order of the calls. Orders to a closed leg are ignored.
#[derive(Clone, Debug)]
pub struct LegHandle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: LegId,
    port: ThreadPort,
}

/// Tells a leg what was found in what it heard, and keeps it open for nobody.
#[derive(Debug)]
pub(crate) struct LegTold(Weak<Inner>);

impl LegTold {
    /// The far end pressed a key that could be heard.
    pub(crate) fn heard_key(&self, digit: Digit) {
        if let Some(inner) = self.0.upgrade() {
            LegHandle(inner).order(Order::HeardKey(digit));
        }
    }
}

impl LegHandle {
    pub(crate) fn new(id: LegId, port: ThreadPort) -> Self {
        Self(Arc::new(Inner { id, port }))
    }

    /// Which leg this steers.
    #[must_use]
    pub fn id(&self) -> LegId {
        self.0.id
    }

    /// Names the far end and starts ICE. Only the first call counts.
    pub fn set_remote(&self, remote: RemoteTransport, role: DtlsRole, types: PayloadTypes) {
        self.order(Order::SetRemote(Box::new(remote), role, types));
    }

    /// Gives a leg of [`crate::Engine::open_sdes`] its keys. Only the first call counts.
    pub fn set_keys(&self, keys: SdesKeys) {
        self.order(Order::SetKeys(Box::new(keys)));
    }

    /// Says that nothing is protected on a leg of [`crate::Engine::open_sdes`] that has no keys; later,
    /// that the far end has moved.
    pub fn set_plain(&self, end: PlainEnd) {
        self.order(Order::SetPlain(end));
    }

    /// Names a far end without ICE to a leg of [`crate::Engine::open`] with a socket of its own, and begins
    /// the handshake. Only the first call of this and of [`LegHandle::set_remote`] counts.
    pub fn set_dtls(&self, end: DtlsEnd) {
        self.order(Order::SetDtls(Box::new(end)));
    }

    /// Lets RTP leave, or not; closed at first. STUN, DTLS and RTCP carry no audio and are free.
    pub fn send_gate(&self, open: bool) {
        self.order(Order::SendGate(open));
    }

    /// Lets the stream have no gap: whenever nothing else has left for 45 ms, frames of digital silence
    /// leave every 20 ms until something does. So a far end that waits for the first packet, or takes
    /// a silent stream for a dead one, has nothing to wait for.
    pub fn fill(&self, on: bool) {
        self.order(Order::Fill(on));
    }

    /// Sets what the leg sends, in place of what it sent before.
    ///
    /// A [`Source::Bridge`] or [`Source::Transcoded`] of a leg that was not opened beside this one is
    /// silence.
    pub fn play(&self, source: Source) {
        let feed = match source {
            Source::Silence => Feed::Silence,
            Source::Echo => Feed::Echo,
            Source::Mix(frames) => Feed::Mix(frames),
            Source::Packets(frames, repeat) => Feed::Packets(frames, repeat),
            Source::Bridge(other) if self.is_beside(&other) => Feed::Bridge(other.id()),
            Source::Transcoded { of, frames } if self.is_beside(&of) => {
                Feed::Transcoded(of.id(), frames)
            }
            Source::Bridge(other) | Source::Transcoded { of: other, .. } => {
                tracing::error!(leg = %self.id(), other = %other.id(), "cannot bridge across threads");
                Feed::Silence
            }
        };
        self.order(Order::Play(feed));
    }

    fn is_beside(&self, other: &Self) -> bool {
        thread_of(other.id()) == thread_of(self.id())
    }

    /// Sends one key press as telephone-events, after those already waiting. Audio pauses for it.
    pub fn send_digit(&self, digit: Digit, duration_ms: u32) {
        self.order(Order::SendDigit(digit, duration_ms));
    }

    /// Adds a tap. It ends when its receiver is dropped. While the thread is busier than
    /// [`crate::BusyLimits::taps`] it gets nothing.
    pub fn listen(&self, tap: Tap) {
        self.order(Order::Listen(tap, TapUse::Listens));
    }

    /// Adds a tap whose packets another leg sends in some other form: it gets all of them, as what is
    /// forwarded.
    pub fn carry(&self, tap: Tap) {
        self.order(Order::Listen(tap, TapUse::Carries));
    }

    /// Drops the audio this leg hears, before bridges and taps. Digits still pass.
    pub fn mute(&self, on: bool) {
        self.order(Order::Mute(on));
    }

    /// Starts the watch of [`crate::OpenLeg::media_watch`].
    pub fn watch_from_now(&self) {
        // The moment it is asked, not the one the thread comes to it: a clock may be moved in between.
        self.order(Order::WatchFrom(Instant::now()));
    }

    /// Puts the leg behind a bad network, on purpose; one that does nothing ends it.
    pub fn impair(&self, how: Impairment) {
        self.order(Order::Impair(how));
    }

    /// Asks for the figures; `.await` the answer, or `blocking_recv()` it outside of async code. The
    /// answer is an error when the leg is closed.
    #[must_use]
    pub fn stats(&self) -> oneshot::Receiver<LegStats> {
        let (answer, asked) = oneshot::channel();
        self.order(Order::Stats(answer));

        asked
    }

    /// From now on every packet of a [`Source::Packets`] that has room for it leaves with a mark of
    /// this tag, and the marks of what is heard are counted, `expects` being the far end's tag.
    pub fn mark(&self, tag: u32, expects: u32) {
        self.order(Order::Mark { tag, expects });
    }

    /// Asks what was heard of marks. The answer is an error when the leg is closed, or not marked.
    #[must_use]
    pub fn marks(&self) -> oneshot::Receiver<Marks> {
        let (answer, asked) = oneshot::channel();
        self.order(Order::Marks(answer));

        asked
    }

    pub(crate) fn told(&self) -> LegTold {
        LegTold(Arc::downgrade(&self.0))
    }

    /// Closes the leg: its port is free again and [`crate::LegEvent::Closed`] is its last event.
    pub fn close(&self) {
        self.order(Order::Close);
    }

    /// What the leg sends leaves by this socket from now on.
    pub(crate) fn rebind(&self, socket: std::net::UdpSocket) {
        self.order(Order::Rebind(socket));
    }

    fn order(&self, order: Order) {
        if !self.0.port.send(Command::Leg(self.0.id, order)) {
            tracing::debug!(leg = %self.0.id, "the media thread is gone");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.port.send(Command::Leg(self.id, Order::Close));
    }
}
