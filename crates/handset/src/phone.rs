//! How does whoever holds a phone use it?

use terms::{CallId, MessageId, WaId};
use tokio::sync::{mpsc, oneshot, watch};
use wire::handset::{ChatEntry, EndedReason, PermissionChoice, PhoneBusiness, PhoneCaller};

use crate::{
    actor::Command,
    fault::{CallError, Gone, NotAnswered},
    heard::{Heard, Recording},
};
use media::{dtmf::Digit, mark::Marks};

/// A connected phone. Dropping it closes the connection, which ends its call.
#[derive(Debug)]
pub struct Handset {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) line: watch::Receiver<LineState>,
    pub(crate) chats: mpsc::Receiver<(WaId, ChatEntry)>,
    pub(crate) businesses: Vec<PhoneBusiness>,
}

/// What goes with a call from a deep link or a button.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payloads {
    /// From the deep link.
    pub deeplink: Option<String>,
    /// From the button.
    pub cta: Option<String>,
    /// The message whose button was pressed.
    pub button: Option<MessageId>,
}

/// Whose marks the packets of a call carry ([`media::mark`]): this phone's, and the far end's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tags {
    /// What this phone says.
    pub says: u32,
    /// What it must hear.
    pub hears: u32,
}

/// How the phone's one line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineState {
    /// No call yet.
    Idle,
    /// This phone calls; the id comes with the first ring.
    Calling {
        /// Which call.
        call_id: Option<CallId>,
    },
    /// A business calls.
    Incoming {
        /// Which call.
        call_id: CallId,
        /// Who calls.
        from: PhoneCaller,
    },
    /// Both sides are on the line.
    Talking {
        /// Which call.
        call_id: CallId,
    },
    /// The last call is over.
    Ended {
        /// Which call; absent when it had no id yet.
        call_id: Option<CallId>,
        /// How.
        ending: Ending,
    },
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Who or what ended it.
    pub reason: EndedReason,
    /// The same for people.
    pub text: String,
    /// Whole seconds; only if it was answered.
    pub duration_s: Option<u64>,
}

impl Handset {
    /// Whom this phone can call, as the platform said when it connected.
    #[must_use]
    pub fn businesses(&self) -> &[PhoneBusiness] {
        &self.businesses
    }

    /// How the line stands.
    #[must_use]
    pub fn line(&self) -> LineState {
        self.line.borrow().clone()
    }

    /// Calls a business; returns when it rings there.
    ///
    /// # Errors
    ///
    /// [`CallError`] says who refused and why.
    pub async fn call(&self, to: WaId, payloads: Payloads) -> Result<CallId, CallError> {
        let (reply, placed) = oneshot::channel();
        self.send(Command::Call { to, payloads, reply }).await?;
        placed.await.map_err(|_| Gone)?
    }

    /// Waits until a business calls.
    ///
    /// # Errors
    ///
    /// [`Gone`] when the connection is lost first.
    pub async fn next_incoming(&self) -> Result<(CallId, PhoneCaller), Gone> {
        self.wait(|state| match state {
            LineState::Incoming { call_id, from } => Some((call_id.clone(), from.clone())),
            LineState::Idle
            | LineState::Calling { .. }
            | LineState::Talking { .. }
            | LineState::Ended { .. } => None,
        })
        .await
    }

    /// Takes the ringing call.
    ///
    /// # Errors
    ///
    /// [`CallError::NotRinging`] when none is, [`CallError::Media`] when the leg did not open.
    pub async fn pick_up(&self) -> Result<CallId, CallError> {
        let (reply, taken) = oneshot::channel();
        self.send(Command::PickUp { reply }).await?;
        taken.await.map_err(|_| Gone)?
    }

    /// Refuses the ringing call.
    ///
    /// # Errors
    ///
    /// [`Gone`] when the connection is lost.
    pub async fn reject(&self) -> Result<(), Gone> {
        self.send(Command::Reject).await
    }

    /// Ends the call, or stops calling. The line is [`LineState::Ended`] when the platform says so.
    ///
    /// # Errors
    ///
    /// [`Gone`] when the connection is lost.
    pub async fn hang_up(&self) -> Result<(), Gone> {
        self.send(Command::HangUp).await
    }

    /// Presses keys, one after the other.
    ///
    /// # Errors
    ///
    /// [`Gone`] when the connection is lost.
    pub async fn send_digits(&self, digits: impl IntoIterator<Item = Digit>) -> Result<(), Gone> {
        self.send(Command::Press(digits.into_iter().collect())).await
    }

    /// Writes to a business.
    ///
    /// # Errors
    ///
    /// [`Gone`] when the connection is lost.
    pub async fn write(&self, to: WaId, text: String) -> Result<(), Gone> {
        self.send(Command::Write { to, text }).await
    }

    /// Decides whether a business may call, from its profile.
    ///
    /// # Errors
    ///
    /// [`Gone`] when the connection is lost.
    pub async fn permit(&self, to: WaId, choice: PermissionChoice) -> Result<(), Gone> {
        self.send(Command::Permit { to, choice }).await
    }

    /// Waits until the call is answered.
    ///
    /// # Errors
    ///
    /// [`NotAnswered`] when it ended first or the connection is lost.
    pub async fn answered(&self) -> Result<CallId, NotAnswered> {
        self.wait(|state| match state {
            LineState::Talking { call_id } => Some(Ok(call_id.clone())),
            // A call may be answered and over before anybody looks.
            LineState::Ended { call_id: Some(id), ending: Ending { duration_s: Some(_), .. } } => {
                Some(Ok(id.clone()))
            }
            LineState::Ended { ending, .. } => Some(Err(NotAnswered::Ended(ending.clone()))),
            LineState::Idle | LineState::Calling { .. } | LineState::Incoming { .. } => None,
        })
        .await?
    }

    /// Waits until the call is over.
    ///
    /// # Errors
    ///
    /// [`Gone`] when the connection is lost first.
    pub async fn ended(&self) -> Result<Ending, Gone> {
        self.wait(|state| match state {
            LineState::Ended { ending, .. } => Some(ending.clone()),
            LineState::Idle
            | LineState::Calling { .. }
            | LineState::Incoming { .. }
            | LineState::Talking { .. } => None,
        })
        .await
    }

    /// What was heard: so far in a call, in all after it.
    ///
    /// # Errors
    ///
    /// [`Gone`] when the connection is lost.
    pub async fn heard(&self) -> Result<Heard, Gone> {
        let (reply, heard) = oneshot::channel();
        self.send(Command::Heard { reply }).await?;
        heard.await.map_err(|_| Gone)
    }

    /// Marks the packets of the calls that are answered from now on. What plays must have room for it.
    ///
    /// # Errors
    ///
    /// [`Gone`] when the connection is lost.
    pub async fn mark(&self, tags: Tags) -> Result<(), Gone> {
        self.send(Command::Mark(tags)).await
    }

    /// What was heard of marks: so far in a call, in all after it; absent when none were asked for.
    ///
    /// # Errors
    ///
    /// [`Gone`] when the connection is lost.
    pub async fn marks(&self) -> Result<Option<Marks>, Gone> {
        let (reply, marks) = oneshot::channel();
        self.send(Command::Marks { reply }).await?;
        marks.await.map_err(|_| Gone)
    }

    /// Both directions of the last call; empty without [`Settings::records`](crate::Settings::records).
    ///
    /// # Errors
    ///
    /// [`Gone`] when the connection is lost.
    pub async fn recording(&self) -> Result<Recording, Gone> {
        let (reply, recording) = oneshot::channel();
        self.send(Command::Recording { reply }).await?;
        recording.await.map_err(|_| Gone)
    }

    /// The next new or changed line of a chat; `None` when the connection is lost.
    pub async fn next_chat(&mut self) -> Option<(WaId, ChatEntry)> {
        self.chats.recv().await
    }

    /// Waits until the connection is lost.
    pub async fn disconnected(&self) {
        self.commands.closed().await;
    }

    async fn send(&self, command: Command) -> Result<(), Gone> {
        self.commands.send(command).await.map_err(|_| Gone)
    }

    async fn wait<T>(&self, mut wanted: impl FnMut(&LineState) -> Option<T>) -> Result<T, Gone> {
        let mut line = self.line.clone();
        loop {
            if let Some(found) = wanted(&line.borrow_and_update()) {
                return Ok(found);
            }
            line.changed().await.map_err(|_| Gone)?;
        }
    }
}
