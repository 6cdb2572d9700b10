//! How does a business learn what happened?
//!
//! [`outbox`] turns an event into one signed row per subscribed app, durable before the event counts
//! as told; [`compose`] writes what they say; [`spoil`] does to them what a test asked for;
//! [`deliver`] sends the rows, each lane in order, slow endpoints apart from the others; [`target`]
//! says where to and [`clients`] as whom; [`handshake`] asks a URL whether it wants them.

mod clients;
pub(crate) mod compose;
mod deliver;
mod handshake;
mod outbox;
mod spoil;
mod target;

pub(crate) use clients::Clients;
pub(crate) use deliver::Deliverer;
pub use handshake::HandshakeFault;
pub(crate) use handshake::{check_url, verify};
pub(crate) use outbox::{Lane, Origin, Outbox};
pub(crate) use target::Target;
