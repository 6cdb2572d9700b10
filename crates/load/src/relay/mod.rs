//! What does the gateway do alone?
//!
//! Here the load is WhatsApp too: [`exchange`] answers the gateway's requests and sends its webhooks,
//! and each user's [`line`] is the far end of the gateway's leg, without a platform between. What is
//! measured is then the gateway's.

mod exchange;
mod line;

pub(crate) use exchange::Trunk;
pub use exchange::{Exchange, ExchangeError};
pub(crate) use line::{Line, LineSettings};
