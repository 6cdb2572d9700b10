//! Which user is at a seat: one with a phone at the platform, or one whose line we are ourselves?

use handset::{Handset, Heard, LineState, NotAnswered, Payloads, Tags};
use media::mark::Marks;
use terms::WaId;

use crate::relay::Line;

/// A user.
#[derive(Debug)]
pub(crate) enum Caller {
    /// At a platform.
    Phone(Box<Handset>),
    /// Straight at a gateway.
    Line(Line),
}

impl Caller {
    /// Marks the packets of the next call.
    pub(crate) async fn mark(&self, tags: Tags) -> Result<(), String> {
        match self {
            Self::Phone(phone) => phone.mark(tags).await.map_err(|gone| gone.to_string()),
            Self::Line(line) => {
                line.mark(tags).await;
                Ok(())
            }
        }
    }

    /// Calls the business; returns when it rings.
    pub(crate) async fn call(&self, to: &WaId) -> Result<(), String> {
        match self {
            Self::Phone(phone) => {
                let placed = phone.call(to.clone(), Payloads::default()).await;
                placed.map(drop).map_err(|refused| refused.to_string())
            }
            Self::Line(line) => line.call().await,
        }
    }

    /// Waits until the call is answered.
    pub(crate) async fn answered(&self) -> Result<(), String> {
        match self {
            Self::Phone(phone) => {
                phone.answered().await.map(drop).map_err(|why: NotAnswered| why.to_string())
            }
            Self::Line(line) => line.answered().await,
        }
    }

    /// Waits until a business calls.
    pub(crate) async fn rung(&self) -> Result<(), String> {
        match self {
            Self::Phone(phone) => {
                phone.next_incoming().await.map(drop).map_err(|gone| gone.to_string())
            }
            Self::Line(_) => Err("a line without a platform is not called".to_owned()),
        }
    }

    /// Takes the call that rings.
    pub(crate) async fn pick_up(&self) -> Result<(), String> {
        match self {
            Self::Phone(phone) => phone.pick_up().await.map(drop).map_err(|why| why.to_string()),
            Self::Line(_) => Err("a line without a platform is not called".to_owned()),
        }
    }

    /// Whether there is a call to hang up.
    pub(crate) fn is_in_call(&self) -> bool {
        match self {
            Self::Phone(phone) => {
                !matches!(phone.line(), LineState::Idle | LineState::Ended { .. })
            }
            Self::Line(line) => line.is_in_call(),
        }
    }

    /// Hangs up.
    pub(crate) async fn hang_up(&self) {
        match self {
            // A phone that is gone has hung up.
            Self::Phone(phone) => drop(phone.hang_up().await),
            Self::Line(line) => line.hang_up().await,
        }
    }

    /// Waits until the call is over; says why.
    pub(crate) async fn ended(&self) -> String {
        match self {
            Self::Phone(phone) => match phone.ended().await {
                Ok(ending) => ending.text,
                Err(gone) => gone.to_string(),
            },
            Self::Line(line) => line.ended().await,
        }
    }

    /// What was heard, so far or in all.
    pub(crate) async fn look(&self) -> Option<(Heard, Option<Marks>)> {
        match self {
            Self::Phone(phone) => Some((phone.heard().await.ok()?, phone.marks().await.ok()?)),
            Self::Line(line) => line.look().await,
        }
    }
}
