//! Runs media: pinned threads, sockets, a wheel of timers; drives [`media`].
//!
//! An [`Engine`] owns the sockets and the threads. A *leg* is one party's end: the engine opens it,
//! hands out what SDP must say about it, and from then on moves its packets alone. Whoever steers a
//! call holds a [`LegHandle`] and a channel of [`LegEvent`]s; both are cheap to use from async code,
//! because a method is one push on a bounded queue.
//!
//! ```no_run
//! # extern crate offhook_engine as engine;
//! use engine::{Config, Engine, LegEvent, OpenLeg, Password, PayloadTypes, Socket, Source};
//! use media::leg::IceRole;
//! # async fn example(remote: media::transport::RemoteTransport) -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::start(Config::default())?;
//!
//! let (events, mut heard) = tokio::sync::mpsc::channel(engine::EVENTS_MAX);
//! let (leg, local) = engine.open(OpenLeg {
//!     socket: Socket::Own,
//!     ice: IceRole::Full { controlling: true },
//!     password: Password::Plain,
//!     cname: "gw".into(),
//!     media_watch: None,
//!     beside: None,
//!     events,
//! })?;
//! // `local` goes into the SDP we send; `remote` comes out of the SDP we got.
//! let role = remote.setup.our_role();
//! leg.set_remote(remote, role, PayloadTypes::opus(111, Some(126)));
//! while let Some(event) = heard.recv().await {
//!     if let LegEvent::DtlsConnected { .. } = event {
//!         break;
//!     }
//! }
//! leg.play(Source::Echo);
//! leg.send_gate(true);
//! # let _ = local; Ok(())
//! # }
//! ```
//!
//! Two legs of one call hear each other by `a.play(Source::Bridge(b.clone()))` and the reverse; they
//! must have been opened [beside](OpenLeg::beside) each other. Legs of different codecs hear each other
//! through a worker, the [`Transcoder`], by [`Source::Transcoded`]; a leg that hears several gets a
//! [`Mix`]. A leg sends with one SSRC and one run of sequence numbers and timestamps for its whole life,
//! whatever its source; nothing but STUN, DTLS and RTCP leaves it before [`LegHandle::send_gate`] opens.
//!
//! The packets travel by `io_uring` where the kernel has what we need of it, else by epoll
//! ([`Backend`]); both drive the same code.

mod arrival;
mod bot;
mod coding;
mod config;
mod credentials;
mod effort;
mod epoll;
mod event;
mod handle;
mod handshakes;
mod impair;
mod in_band;
mod io;
mod made_up;
mod mix;
mod occupancy;
mod open;
mod order;
mod ports;
mod pressure;
pub mod rehearsal;
mod source;
mod stats;
mod tap;
mod thread;
mod transcoder;
mod turns;
mod uring;
mod workers;
pub mod yardstick;

mod engine;

pub use bot::{BotFormats, BotLine, BotNews, BotNotice, BotOrder, BotSeat, Bots};
pub use coding::coding;
pub use config::{Backend, Config, StartError};
pub use engine::Engine;
pub use event::{EVENTS_MAX, LegEvent};
pub use handle::LegHandle;
pub use impair::Impairment;
pub use in_band::InBandKeys;
pub use mix::{Listener, Mix, Mixer, Voice};
pub use open::{
    DtlsEnd, MediaWatch, OpenError, OpenKeyed, OpenLeg, OpenSdes, Password, PayloadTypes, PlainEnd,
    SdesKeys, Socket,
};
pub use pressure::BusyLimits;
pub use source::{FrameQueue, FrameSink, Repeat, Source, frame_queue};
pub use stats::{Added, Alive, Drops, LegStats, Received, Sent, SetUp, Strays, ThreadLoad};
pub use tap::{Direction, PAYLOAD_MAX, Payload, Tap, TapHead, TapPacket, Tapped, tap};
pub use transcoder::{Transcoder, TranscoderSeat};
