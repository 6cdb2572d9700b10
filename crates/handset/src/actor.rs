//! Who owns the connection and the call? One task, and this is it.
//!
//! ```text
//!   commands (whoever holds the phone) ─┐
//!   frames   (the platform)            ─┼─▶ Actor ─▶ frames, orders to the leg, the line's state
//!   events   (the leg), steps (time)   ─┘
//! ```

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use engine::Engine;
use futures_util::{SinkExt, StreamExt};
use media::{dtmf::Digit, frame::AudioFrame, mark::Marks};
use terms::{CallId, WaId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_tungstenite::tungstenite::{Error, Message};
use wire::{
    handset::{
        Chat, ChatEntry, ChatEntryState, ChatKind, EndedReason, FromPhone, PermissionChoice,
        PhoneCaller, ToPhone,
    },
    sandbox::{Behaviour, PermissionHabit},
};

use crate::{
    connect::Socket,
    fault::CallError,
    heard::{Heard, Recording},
    line::{Line, Phase, Step},
    media_leg::{Closed, Ears, Lost, MediaLeg},
    phone::{Ending, LineState, Payloads, Tags},
};

/// How often the ears are drained; their channel holds five seconds.
const DRAIN_EVERY: Duration = Duration::from_millis(40);

/// How long the platform may take to confirm that a call is over.
const CONFIRM_WAIT: Duration = Duration::from_secs(5);

/// What the phone's holder asks for.
#[derive(Debug)]
pub(crate) enum Command {
    Call { to: WaId, payloads: Payloads, reply: oneshot::Sender<Result<CallId, CallError>> },
    PickUp { reply: oneshot::Sender<Result<CallId, CallError>> },
    Reject,
    HangUp,
    Press(Vec<Digit>),
    Write { to: WaId, text: String },
    Permit { to: WaId, choice: PermissionChoice },
    Mark(Tags),
    Marks { reply: oneshot::Sender<Option<Marks>> },
    Heard { reply: oneshot::Sender<Heard> },
    Recording { reply: oneshot::Sender<Recording> },
}

/// What connects the actor to the world.
pub(crate) struct Parts {
    pub(crate) engine: Engine,
    pub(crate) socket: Socket,
    pub(crate) inbox: mpsc::Receiver<Command>,
    pub(crate) state: watch::Sender<LineState>,
    pub(crate) chats: mpsc::Sender<(WaId, ChatEntry)>,
    pub(crate) frames: Arc<[AudioFrame]>,
}

/// The phone itself.
pub(crate) struct Actor {
    parts: Parts,
    behaviour: Behaviour,
    ears: Ears,
    tags: Option<Tags>,
    line: Option<Line>,
    heard: Heard,
    recording: Recording,
    marks: Option<Marks>,
}

/// What woke the actor.
enum Wake {
    Command(Option<Command>),
    Frame(Option<Result<Message, Error>>),
    Lost(Lost),
    Step,
    Drain,
}

impl Actor {
    pub(crate) fn new(parts: Parts, behaviour: Behaviour, ears: Ears) -> Self {
        let (heard, recording) = (Heard::default(), Recording::default());
        let (tags, marks) = (None, None);
        Self { parts, behaviour, ears, tags, line: None, heard, recording, marks }
    }

    /// Runs until the holder is gone or the connection breaks.
    pub(crate) async fn run(mut self, chats: Vec<Chat>) {
        if let Err(fault) = self.serve(chats).await {
            tracing::debug!(%fault, "a phone lost its connection");
        }
        drop(self.parts.socket.close(None).await);
        let text = "the phone lost its connection".to_owned();
        self.end(Ending { reason: EndedReason::Failed, text, duration_s: None }).await;
    }

    async fn serve(&mut self, chats: Vec<Chat>) -> Result<(), Error> {
        for Chat { business, entries } in chats {
            for entry in entries {
                self.read_chat(&business, &entry).await?;
            }
        }
        loop {
            match self.wake().await {
                Wake::Command(Some(command)) => self.obey(command).await?,
                Wake::Frame(Some(Ok(Message::Text(text)))) => self.take_frame(&text).await?,
                Wake::Frame(Some(Err(fault))) => return Err(fault),
                Wake::Frame(Some(Ok(
                    Message::Binary(_)
                    | Message::Ping(_)
                    | Message::Pong(_)
                    | Message::Close(_)
                    | Message::Frame(_),
                ))) => {}
                Wake::Command(None) | Wake::Frame(None) => return Ok(()),
                Wake::Lost(lost) => self.give_up(lost).await?,
                Wake::Step => self.take_step().await?,
                Wake::Drain => {
                    if let Some(media) = self.line.as_mut().and_then(|line| line.media.as_mut()) {
                        media.drain();
                    }
                }
            }
        }
    }

    async fn wake(&mut self) -> Wake {
        let media = self.line.as_ref().and_then(|line| line.media.as_ref());
        let drains = media.is_some_and(MediaLeg::is_listening);
        let step = self.line.as_ref().and_then(Line::next_step);
        let media = self.line.as_mut().and_then(|line| line.media.as_mut());
        tokio::select! {
            command = self.parts.inbox.recv() => Wake::Command(command),
            frame = self.parts.socket.next() => Wake::Frame(frame),
            lost = MediaLeg::lost(media) => Wake::Lost(lost),
            () = until(step) => Wake::Step,
            () = tokio::time::sleep(DRAIN_EVERY), if drains => Wake::Drain,
        }
    }

    async fn obey(&mut self, command: Command) -> Result<(), Error> {
        match command {
            Command::Call { to, payloads, reply } => self.dial(to, payloads, reply).await?,
            Command::PickUp { reply } => {
                let taken = self.pick_up().await?;
                drop(reply.send(taken));
            }
            Command::Reject => self.refuse(|call_id| FromPhone::Reject { call_id }).await?,
            Command::HangUp => self.hang_up().await?,
            Command::Press(digits) => {
                if let Some(media) = self.line.as_ref().and_then(|line| line.media.as_ref()) {
                    digits.into_iter().for_each(|digit| media.press(digit));
                }
            }
            Command::Write { to, text } => {
                self.say(&FromPhone::Message { to, text, reply_to: None }).await?
            }
            Command::Permit { to, choice } => {
                self.say(&FromPhone::Permission { to, request_id: None, choice }).await?;
            }
            Command::Mark(tags) => self.tags = Some(tags),
            Command::Marks { reply } => drop(reply.send(self.marks_so_far().await)),
            Command::Heard { reply } => drop(reply.send(self.heard_so_far().await)),
            Command::Recording { reply } => drop(reply.send(self.recording.clone())),
        }
        Ok(())
    }

    async fn dial(
        &mut self,
        to: WaId,
        payloads: Payloads,
        reply: oneshot::Sender<Result<CallId, CallError>>,
    ) -> Result<(), Error> {
        if self.line.is_some() {
            drop(reply.send(Err(CallError::InUse)));
            return Ok(());
        }
        let (media, offer) = match MediaLeg::open(&self.parts.engine) {
            Ok(opened) => opened,
            Err(fault) => {
                drop(reply.send(Err(CallError::Media(fault))));
                return Ok(());
            }
        };
        self.line = Some(Line::dialling(reply, media, Instant::now()));
        self.show(LineState::Calling { call_id: None });
        let Payloads { deeplink: deeplink_payload, cta: cta_payload, button } = payloads;
        let sdp = offer.into();
        self.say(&FromPhone::Call { to, sdp, deeplink_payload, cta_payload, button }).await
    }

    async fn pick_up(&mut self) -> Result<Result<CallId, CallError>, Error> {
        let Some(line) = &mut self.line else {
            return Ok(Err(CallError::NotRinging));
        };
        let Phase::Incoming(id) = &line.phase else {
            return Ok(Err(CallError::NotRinging));
        };
        let id = id.clone();
        let (media, offer) = match MediaLeg::open(&self.parts.engine) {
            Ok(opened) => opened,
            Err(fault) => return Ok(Err(CallError::Media(fault))),
        };
        line.media = Some(media);
        line.clear_plan();
        line.phase = Phase::PickedUp(id.clone());
        self.say(&FromPhone::PickUp { call_id: id.clone(), sdp: offer.into() }).await?;
        Ok(Ok(id))
    }

    async fn refuse(&mut self, word: impl Fn(CallId) -> FromPhone) -> Result<(), Error> {
        let Some(line) = &mut self.line else { return Ok(()) };
        let Phase::Incoming(id) = &line.phase else { return Ok(()) };
        let id = id.clone();
        leave(line, id.clone());
        self.say(&word(id)).await
    }

    async fn hang_up(&mut self) -> Result<(), Error> {
        let Some(line) = &mut self.line else { return Ok(()) };
        let id = match &mut line.phase {
            Phase::Dialling { hang_up, .. } => {
                *hang_up = true;
                line.clear_plan();
                line.plan(Step::GiveUp, Instant::now() + CONFIRM_WAIT);
                return Ok(());
            }
            Phase::Leaving(_) => return Ok(()),
            Phase::Incoming(id) => {
                let call_id = id.clone();
                leave(line, call_id.clone());
                return self.say(&FromPhone::Reject { call_id }).await;
            }
            Phase::Calling(id) | Phase::PickedUp(id) | Phase::Talking(id) => id.clone(),
        };
        leave(line, id.clone());
        // The audio stops with the key press, not with the platform's word for it.
        self.close_media().await;
        self.say(&FromPhone::HangUp { call_id: id }).await
    }

    async fn take_frame(&mut self, text: &str) -> Result<(), Error> {
        let frame = match serde_json::from_str(text) {
            Ok(frame) => frame,
            Err(fault) => {
                tracing::warn!(%fault, "a phone cannot read a frame of its platform");
                return Ok(());
            }
        };
        match frame {
            ToPhone::Hello { .. } | ToPhone::Business { .. } => {}
            ToPhone::Calling { call_id } => self.ring(call_id).await?,
            ToPhone::Answer { call_id, sdp } => self.take_answer(&call_id, sdp.as_str()).await?,
            ToPhone::Accepted { call_id, .. } | ToPhone::Voicemail { call_id, .. } => {
                self.answered(&call_id);
            }
            ToPhone::Incoming { call_id, from } => self.take_incoming(call_id, from).await?,
            ToPhone::Ended { call_id, reason, text, duration_s } => {
                if self.is_ours(&call_id) {
                    self.end(Ending { reason, text, duration_s }).await;
                }
            }
            ToPhone::Refused { what, code, error_code, text, .. } => {
                self.take_refusal(&what, (code, error_code), text).await;
            }
            ToPhone::Chat { business, entry } => self.read_chat(&business, &entry).await?,
            ToPhone::Error { text } => tracing::warn!(%text, "the platform cannot read a frame"),
        }
        Ok(())
    }

    async fn ring(&mut self, call_id: CallId) -> Result<(), Error> {
        let Some(line) = &mut self.line else { return Ok(()) };
        if !matches!(line.phase, Phase::Dialling { .. }) {
            return Ok(());
        }
        line.ring(Instant::now());
        let dialled = std::mem::replace(&mut line.phase, Phase::Calling(call_id.clone()));
        self.show(LineState::Calling { call_id: Some(call_id.clone()) });
        if let Phase::Dialling { reply, hang_up } = dialled {
            drop(reply.send(Ok(call_id)));
            if hang_up {
                return self.hang_up().await;
            }
        }
        Ok(())
    }

    async fn take_answer(&mut self, call_id: &CallId, answer: &str) -> Result<(), Error> {
        if !self.is_ours(call_id) {
            return Ok(());
        }
        let Some(line) = &mut self.line else { return Ok(()) };
        let Some(media) = &mut line.media else { return Ok(()) };
        if let Err(fault) = media.set_answer(answer) {
            tracing::warn!(%fault, "a phone cannot use the platform's answer");
            return self.hang_up().await;
        }
        // For a call to the user, picking up is the answer to the call.
        if matches!(line.phase, Phase::PickedUp(_)) {
            self.answered(call_id);
        }
        Ok(())
    }

    fn answered(&mut self, call_id: &CallId) {
        if !self.is_ours(call_id) {
            return;
        }
        let Some(line) = &mut self.line else { return };
        let Some(media) = line.media.as_mut().filter(|media| media.has_answer()) else { return };
        if !matches!(line.phase, Phase::Calling(_) | Phase::PickedUp(_)) {
            return;
        }
        let now = Instant::now();
        media.start(&self.parts.frames, self.ears, self.tags, now);
        line.answer(&self.behaviour, now);
        line.phase = Phase::Talking(call_id.clone());
        self.show(LineState::Talking { call_id: call_id.clone() });
    }

    async fn take_incoming(&mut self, call_id: CallId, from: PhoneCaller) -> Result<(), Error> {
        if self.line.is_some() {
            return self.say(&FromPhone::Busy { call_id }).await;
        }
        let now = Instant::now();
        self.line = Some(Line::incoming(call_id.clone(), &self.behaviour, now));
        self.show(LineState::Incoming { call_id, from });
        Ok(())
    }

    async fn take_refusal(
        &mut self,
        what: &str,
        (code, error_code): (String, Option<u32>),
        text: String,
    ) {
        match self.line.take() {
            Some(Line { phase: Phase::Dialling { reply, .. }, .. }) if what == "call" => {
                drop(reply.send(Err(CallError::Refused { code, error_code, text })));
                self.show(LineState::Idle);
            }
            line @ Some(Line { phase: Phase::PickedUp(_), .. }) if what == "pick_up" => {
                self.line = line;
                self.end(Ending { reason: EndedReason::Failed, text, duration_s: None }).await;
            }
            line => {
                self.line = line;
                tracing::info!(what, code, "the platform refused a phone's wish");
            }
        }
    }

    async fn read_chat(&mut self, business: &WaId, entry: &ChatEntry) -> Result<(), Error> {
        let is_open_request =
            entry.kind == ChatKind::PermissionRequest && entry.state == Some(ChatEntryState::Open);
        // A full channel means that nobody reads chats; the platform keeps them.
        drop(self.parts.chats.try_send((business.clone(), entry.clone())));
        let choice = match self.behaviour.permission {
            PermissionHabit::Temporary => PermissionChoice::Temporary,
            PermissionHabit::Permanent => PermissionChoice::Permanent,
            PermissionHabit::Reject => PermissionChoice::Reject,
            PermissionHabit::Ignore => return Ok(()),
        };
        if !is_open_request {
            return Ok(());
        }
        let (to, request_id) = (business.clone(), Some(entry.id.clone()));
        self.say(&FromPhone::Permission { to, request_id, choice }).await
    }

    async fn give_up(&mut self, lost: Lost) -> Result<(), Error> {
        tracing::info!(%lost, "a phone's media is gone");
        if lost == Lost::Closed {
            // It would say so again and again.
            self.close_media().await;
        }
        self.hang_up().await
    }

    async fn take_step(&mut self) -> Result<(), Error> {
        let Some(step) = self.line.as_mut().and_then(|line| line.take_step(Instant::now())) else {
            return Ok(());
        };
        match step {
            Step::PickUp => {
                if let Err(fault) = self.pick_up().await? {
                    tracing::warn!(%fault, "a phone could not pick up");
                }
            }
            Step::Reject => self.refuse(|call_id| FromPhone::Reject { call_id }).await?,
            Step::Busy => self.refuse(|call_id| FromPhone::Busy { call_id }).await?,
            Step::Press(digit) => {
                if let Some(media) = self.line.as_ref().and_then(|line| line.media.as_ref()) {
                    media.press(digit);
                }
            }
            Step::HangUp => self.hang_up().await?,
            Step::GiveUp => {
                let text = "the platform did not confirm the end".to_owned();
                self.end(Ending { reason: EndedReason::Failed, text, duration_s: None }).await;
            }
        }
        Ok(())
    }

    /// Ends the call on this side.
    async fn end(&mut self, ending: Ending) {
        self.close_media().await;
        let Some(line) = self.line.take() else { return };
        let call_id = line.call_id().cloned();
        if let Phase::Dialling { reply, .. } = line.phase {
            let text = ending.text.clone();
            let (code, error_code) = ("ended".to_owned(), None);
            drop(reply.send(Err(CallError::Refused { code, error_code, text })));
        }
        self.show(LineState::Ended { call_id, ending });
    }

    async fn close_media(&mut self) {
        let Some(line) = &mut self.line else { return };
        let Some(media) = line.media.take() else { return };
        let Closed { heard, recording, marks } = media.close().await;
        self.heard = Heard { set_up: line.set_up(heard.set_up), ..heard };
        (self.recording, self.marks) = (recording, marks);
    }

    async fn heard_so_far(&mut self) -> Heard {
        let Some(line) = &mut self.line else { return self.heard };
        let Some(media) = &mut line.media else { return self.heard };
        let heard = media.heard().await;
        Heard { set_up: line.set_up(heard.set_up), ..heard }
    }

    async fn marks_so_far(&mut self) -> Option<Marks> {
        match self.line.as_mut().and_then(|line| line.media.as_mut()) {
            Some(media) => media.marks().await,
            None => self.marks.clone(),
        }
    }

    fn is_ours(&self, call_id: &CallId) -> bool {
        self.line.as_ref().and_then(Line::call_id) == Some(call_id)
    }

    fn show(&self, state: LineState) {
        self.parts.state.send_replace(state);
    }

    async fn say(&mut self, frame: &FromPhone) -> Result<(), Error> {
        match serde_json::to_string(frame) {
            Ok(text) => self.parts.socket.send(Message::text(text)).await,
            Err(fault) => {
                tracing::error!(%fault, "a frame cannot be written as JSON");
                Ok(())
            }
        }
    }
}

/// From here on only the platform's confirmation is awaited.
fn leave(line: &mut Line, id: CallId) {
    line.phase = Phase::Leaving(id);
    line.clear_plan();
    line.plan(Step::GiveUp, Instant::now() + CONFIRM_WAIT);
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
