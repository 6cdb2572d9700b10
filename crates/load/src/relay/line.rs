//! What is a user whose phone the gateway cannot tell from WhatsApp's relay?
//!
//! One task owns the line and its one call: the offer goes out in a webhook, the answer comes back by
//! the API, and the media leg is ice-lite, as WhatsApp's is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use engine::Engine;
use handset::{Closed, Ears, Heard, Lost, MediaLeg, Tags};
use media::{frame::AudioFrame, mark::Marks};
use terms::{CallId, Timestamp, WaId};
use tokio::sync::{mpsc, oneshot, watch};
use wire::graph::call::CallRequest;

use super::exchange::{Exchange, Trunk, now};

/// How often the ears are drained; their channel holds five seconds.
const DRAIN_EVERY: Duration = Duration::from_millis(40);

/// Commands that may wait; a seat has one call at a time.
const COMMANDS_MAX: usize = 16;

/// Whose line this is and what it says.
#[derive(Debug, Clone)]
pub(crate) struct LineSettings {
    pub(crate) exchange: Exchange,
    pub(crate) trunk: Trunk,
    pub(crate) user: WaId,
    pub(crate) sound: Arc<[AudioFrame]>,
    pub(crate) decodes: bool,
}

/// How the line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Idle,
    Calling,
    Talking,
    Ended(String),
}

#[derive(Debug)]
enum Command {
    Mark(Tags),
    Call { reply: oneshot::Sender<Result<(), String>> },
    HangUp,
    Look { reply: oneshot::Sender<(Heard, Option<Marks>)> },
}

/// Holds a line.
#[derive(Debug)]
pub(crate) struct Line {
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<State>,
}

impl Line {
    /// A line without a call.
    pub(crate) fn open(engine: &Engine, settings: LineSettings) -> Self {
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (teller, state) = watch::channel(State::Idle);
        let owner = Owner {
            engine: engine.clone(),
            settings,
            inbox,
            state: teller,
            tags: None,
            call: None,
            last: (Heard::default(), None),
        };
        tokio::spawn(owner.run());
        Self { commands, state }
    }

    /// Marks the packets of the calls that are answered from now on.
    pub(crate) async fn mark(&self, tags: Tags) {
        self.send(Command::Mark(tags)).await;
    }

    /// Calls; returns when the gateway has taken the webhook.
    pub(crate) async fn call(&self) -> Result<(), String> {
        let (reply, placed) = oneshot::channel();
        self.send(Command::Call { reply }).await;
        placed.await.unwrap_or_else(|_| Err("the line is gone".to_owned()))
    }

    /// Waits until the call is answered.
    pub(crate) async fn answered(&self) -> Result<(), String> {
        self.wait(|state| match state {
            State::Talking => Some(Ok(())),
            State::Ended(why) => Some(Err(why.clone())),
            State::Idle | State::Calling => None,
        })
        .await
    }

    /// Waits until it is over; says why.
    pub(crate) async fn ended(&self) -> String {
        let ended = self.wait(|state| match state {
            State::Ended(why) => Some(Ok(why.clone())),
            State::Idle | State::Calling | State::Talking => None,
        });
        ended.await.unwrap_or_else(|why| why)
    }

    /// Ends it.
    pub(crate) async fn hang_up(&self) {
        self.send(Command::HangUp).await;
    }

    /// Whether there is a call.
    pub(crate) fn is_in_call(&self) -> bool {
        matches!(*self.state.borrow(), State::Calling | State::Talking)
    }

    /// What was heard, so far or in all.
    pub(crate) async fn look(&self) -> Option<(Heard, Option<Marks>)> {
        let (reply, seen) = oneshot::channel();
        self.send(Command::Look { reply }).await;
        seen.await.ok()
    }

    async fn send(&self, command: Command) {
        // A line that is gone says so where an answer is awaited.
        drop(self.commands.send(command).await);
    }

    async fn wait<T>(
        &self,
        mut wanted: impl FnMut(&State) -> Option<Result<T, String>>,
    ) -> Result<T, String> {
        let mut state = self.state.clone();
        loop {
            if let Some(found) = wanted(&state.borrow_and_update()) {
                return found;
            }
            state.changed().await.map_err(|_| "the line is gone".to_owned())?;
        }
    }
}

/// The task of a line.
struct Owner {
    engine: Engine,
    settings: LineSettings,
    inbox: mpsc::Receiver<Command>,
    state: watch::Sender<State>,
    tags: Option<Tags>,
    call: Option<Call>,
    last: (Heard, Option<Marks>),
}

struct Call {
    id: CallId,
    media: MediaLeg,
    requests: mpsc::Receiver<CallRequest>,
    answered: Option<Timestamp>,
}

enum Wake {
    Command(Option<Command>),
    Request(Option<CallRequest>),
    Lost(Lost),
    Drain,
}

impl Owner {
    async fn run(mut self) {
        loop {
            match self.wake().await {
                Wake::Command(Some(command)) => self.obey(command).await,
                Wake::Command(None) => break,
                Wake::Request(Some(request)) => self.answer(request).await,
                Wake::Request(None) => self.end("the exchange forgot the call").await,
                Wake::Lost(lost) => self.end(&lost.to_string()).await,
                Wake::Drain => {
                    if let Some(call) = &mut self.call {
                        call.media.drain();
                    }
                }
            }
        }
        self.end("the line is closed").await;
    }

    async fn wake(&mut self) -> Wake {
        let drains = self.call.as_ref().is_some_and(|call| call.media.is_listening());
        let (request, media) = match &mut self.call {
            Some(Call { requests, media, .. }) => (Some(requests), Some(media)),
            None => (None, None),
        };
        tokio::select! {
            command = self.inbox.recv() => Wake::Command(command),
            request = next_request(request) => Wake::Request(request),
            lost = MediaLeg::lost(media) => Wake::Lost(lost),
            () = tokio::time::sleep(DRAIN_EVERY), if drains => Wake::Drain,
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Mark(tags) => self.tags = Some(tags),
            Command::Call { reply } => {
                let placed = self.place().await;
                if let Err(why) = &placed {
                    self.end(why).await;
                }
                drop(reply.send(placed));
            }
            Command::HangUp => self.end("the user hung up").await,
            Command::Look { reply } => {
                let seen = match &mut self.call {
                    Some(Call { media, .. }) => (media.heard().await, media.marks().await),
                    None => self.last.clone(),
                };
                drop(reply.send(seen));
            }
        }
    }

    async fn place(&mut self) -> Result<(), String> {
        self.end("another call").await;
        let created = now();
        let opened = MediaLeg::open_lite(&self.engine, created);
        let (media, offer) = opened.map_err(|fault| fault.to_string())?;
        let LineSettings { exchange, trunk, user, .. } = &self.settings;
        let (id, requests) = exchange.enter();
        self.state.send_replace(State::Calling);
        self.call = Some(Call { id: id.clone(), media, requests, answered: None });
        exchange.connect(trunk, &id, user, offer.into()).await
    }

    async fn answer(&mut self, request: CallRequest) {
        let Some(call) = &mut self.call else { return };
        match request {
            CallRequest::PreAccept { sdp, .. } => {
                if let Err(fault) = call.media.set_answer(sdp.as_str()) {
                    self.end(&fault.to_string()).await;
                }
            }
            CallRequest::Accept(accept) => {
                if !call.media.has_answer()
                    && let Err(fault) = call.media.set_answer(accept.sdp.as_str())
                {
                    return self.end(&fault.to_string()).await;
                }
                let ears = Ears { decode: self.settings.decodes, record: false };
                call.media.start(&self.settings.sound, ears, self.tags, Instant::now());
                call.answered = Some(now());
                self.state.send_replace(State::Talking);
            }
            CallRequest::Reject { .. } => self.end("the business declined").await,
            CallRequest::Terminate { .. } => self.end("the business hung up").await,
            CallRequest::Connect(_) => {}
        }
    }

    /// Ends the call, if there is one, and tells the gateway.
    async fn end(&mut self, why: &str) {
        let Some(Call { id, media, answered, .. }) = self.call.take() else { return };
        let Closed { heard, marks, .. } = media.close().await;
        self.last = (heard, marks);
        let LineSettings { exchange, trunk, user, .. } = &self.settings;
        let told = exchange.terminate(trunk, &id, user, answered).await;
        exchange.leave(&id);
        if let Err(fault) = told {
            tracing::info!(fault, "the gateway was not told of an end");
        }
        self.state.send_replace(State::Ended(why.to_owned()));
    }
}

async fn next_request(requests: Option<&mut mpsc::Receiver<CallRequest>>) -> Option<CallRequest> {
    match requests {
        Some(requests) => requests.recv().await,
        None => std::future::pending().await,
    }
}
