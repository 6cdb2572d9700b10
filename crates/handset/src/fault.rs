//! What can keep a phone from calling?

use crate::{phone::Ending, sound::SoundError};

/// Why a phone is not connected.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The platform's address is not `http://…` or `https://…`.
    #[error("the platform's address {address} is not an http or https address")]
    Address {
        /// What was given.
        address: String,
    },
    /// What it should play cannot be played.
    #[error("cannot prepare what the phone plays")]
    Sound(#[source] SoundError),
    /// The platform does not know this user, or not this path.
    #[error("the platform refused the phone with status {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// Nobody listens there, or the connection broke.
    #[error("cannot connect to the platform")]
    Connect(#[source] Box<tokio_tungstenite::tungstenite::Error>),
    /// The platform did not greet the phone in time.
    #[error("the platform did not greet the phone")]
    NoHello,
}

/// Why a call was not placed or not taken.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The platform says no.
    #[error("refused ({code}): {text}")]
    Refused {
        /// The rule.
        code: String,
        /// The API's error code, where it has one for it.
        error_code: Option<u32>,
        /// The same for people.
        text: String,
    },
    /// A phone has one line.
    #[error("the phone is already in a call")]
    InUse,
    /// There is no call of that kind to take.
    #[error("no call is ringing")]
    NotRinging,
    /// The phone's own media leg did not open.
    #[error("cannot open the phone's media")]
    Media(#[source] engine::OpenError),
    /// The connection is gone.
    #[error(transparent)]
    Gone(#[from] Gone),
}

/// The connection to the platform is gone, and with it the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the phone is no longer connected")]
pub struct Gone;

/// Why a call was never answered.
#[derive(Debug, thiserror::Error)]
pub enum NotAnswered {
    /// It ended first.
    #[error("the call ended before it was answered: {}", .0.text)]
    Ended(Ending),
    /// The connection is gone.
    #[error(transparent)]
    Gone(#[from] Gone),
}
