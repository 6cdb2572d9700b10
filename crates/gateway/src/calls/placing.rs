//! How does a program place a call, and what does it hear?
//!
//! It names the user; the flow speaks once the user picks up. What it hears comes with the platform's
//! answer to `connect`, or with the first webhook of the call, whichever is sooner.

use std::sync::Arc;

use terms::{CallId, UserRef};
use tokio::sync::oneshot;
use wire::trace::TraceParent;

use super::{
    advice,
    begin::{self, PlaceError},
    clearance::{self, Cleared, Held},
};
use crate::{events::ConsoleId, line::Line, office::Office};

/// The word for a browser that cannot have a leg.
pub(crate) const NO_LEG: &str = "no_leg";

/// The word for a gateway that stops.
pub(crate) const STOPPED: &str = "gateway_stopped";

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
    /// A rule of ours said no.
    #[error(transparent)]
    Held(#[from] Held),
    /// It did not answer: nobody knows whether it has the call. Should it show, it is ended.
    #[error("WhatsApp's platform does not answer ({why}). Try again in a moment.")]
    Unreachable {
        /// What we saw.
        why: String,
    },
    /// The gateway drains or stops: nothing was asked of the platform.
    #[error("The gateway is being stopped and places no more calls.")]
    Stopping,
    /// The agent's browser cannot have a leg: nothing was asked of the platform.
    #[error("{0}")]
    NoLeg(String),
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
            Self::Held(held) => held.rule.into(),
            Self::Stopping => STOPPED.into(),
            Self::NoLeg(_) => NO_LEG.into(),
            Self::Ended { reason, text: _ } => (*reason).into(),
        }
    }
}

impl From<PlaceError> for NotPlaced {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Stopping => Self::Stopping,
            PlaceError::Leg(_) => Self::NoLeg(error.to_string()),
        }
    }
}

/// Calls a user for the flow, as a part of the trace of whoever asks, and waits until the platform has
/// the call. It is asked once.
///
/// # Errors
///
/// Why the call was not placed.
pub(crate) async fn by_flow(
    office: &Arc<Office>,
    line: &Arc<Line>,
    to: UserRef,
    name: Option<String>,
    parent: Option<TraceParent>,
) -> Result<CallId, NotPlaced> {
    let cleared = clear(office, line, &to).await?;
    let (placer, placed) = oneshot::channel();
    begin::place_flow(office, line, cleared, name, Placer::Program(placer), parent)?;
    until_placed(placed).await
}

/// Whether our own rules let this user be called.
///
/// # Errors
///
/// Which one does not, or that it is not known.
pub(crate) async fn clear(
    office: &Office,
    line: &Line,
    to: &UserRef,
) -> Result<Cleared, NotPlaced> {
    let cleared = clearance::ask(office, line, to).await.map_err(|error| {
        tracing::error!(%error, "whether a call may be placed is not known");
        let text = "The gateway's database failed.".into();
        NotPlaced::Ended { reason: "store", text }
    })?;
    Ok(cleared?)
}

/// Waits until the platform has the call.
pub(super) async fn until_placed(
    placed: oneshot::Receiver<Result<CallId, NotPlaced>>,
) -> Result<CallId, NotPlaced> {
    placed.await.unwrap_or_else(|_| {
        // Its task died: whether the platform was asked is not known.
        let text = "The gateway stopped while it placed the call.".into();
        Err(NotPlaced::Ended { reason: STOPPED, text })
    })
}
