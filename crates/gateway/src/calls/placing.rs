//! How does a program place a call, and what does it hear?
//!
//! It names the user; the flow speaks once the user picks up. What it hears comes with the platform's
//! answer to `connect`, or with the first webhook of the call, whichever is sooner.

use std::sync::Arc;

use terms::{CallId, WaId};
use tokio::sync::oneshot;

use super::{
    actor::{self, PlaceError},
    advice,
};
use crate::{events::ConsoleId, office::Office};

/// Who waits to hear that a call was placed.
#[derive(Debug)]
pub(super) enum Placer {
    /// An agent's console.
    Console(ConsoleId),
    /// An agent's console, and the program that made it ring.
    Both {
        /// The console.
        console: ConsoleId,
        /// The program.
        program: oneshot::Sender<Result<CallId, NotPlaced>>,
    },
    /// A program.
    Program(oneshot::Sender<Result<CallId, NotPlaced>>),
}

/// Why a call was not placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotPlaced {
    /// The platform said no.
    #[error("{}", advice(*code, text))]
    Refused {
        /// Its code.
        code: i64,
        /// Its text.
        text: String,
    },
    /// It did not answer: nobody knows whether it has the call. Should it show, it is ended.
    #[error("WhatsApp's platform does not answer ({why}). Try again in a moment.")]
    Unreachable {
        /// What we saw.
        why: String,
    },
    /// Nothing was sent: the gateway stops, or the agent's browser cannot have a leg.
    #[error("{text}")]
    NotTried {
        /// A stable word.
        reason: &'static str,
        /// The same for people.
        text: String,
    },
    /// It was over before the platform had it.
    #[error("{text}")]
    Ended {
        /// A stable word.
        reason: &'static str,
        /// The same for people.
        text: String,
    },
}

impl NotPlaced {
    /// The platform's code, or a word of ours.
    pub(super) fn code(&self) -> String {
        match self {
            Self::Refused { code, text: _ } => code.to_string(),
            Self::Unreachable { why: _ } => "unreachable".into(),
            Self::NotTried { reason, text: _ } | Self::Ended { reason, text: _ } => {
                (*reason).into()
            }
        }
    }
}

impl From<PlaceError> for NotPlaced {
    fn from(error: PlaceError) -> Self {
        let reason = match error {
            PlaceError::Leg(_) => "offer",
            PlaceError::Stopping => "gateway_stopped",
        };
        Self::NotTried { reason, text: error.to_string() }
    }
}

/// Waits until the platform has the call.
pub(super) async fn until_placed(
    placed: oneshot::Receiver<Result<CallId, NotPlaced>>,
) -> Result<CallId, NotPlaced> {
    placed.await.unwrap_or_else(|_| {
        let text = PlaceError::Stopping.to_string();
        Err(NotPlaced::Ended { reason: "gateway_stopped", text })
    })
}

/// Calls a user for the flow and waits until the platform has the call. It is asked once.
///
/// # Errors
///
/// Why the call was not placed.
pub(crate) async fn by_flow(
    office: &Arc<Office>,
    to: WaId,
    name: Option<String>,
) -> Result<CallId, NotPlaced> {
    let (placer, placed) = oneshot::channel();
    actor::place_flow(office, to, name, Placer::Program(placer))?;
    until_placed(placed).await
}
