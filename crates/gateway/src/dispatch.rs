//! What does each webhook mean for which call?
//!
//! One task acts on stored webhooks in the order they came, those of a killed gateway first. Each
//! event has a key; one that was acted on is never acted on again. A `connect` that is too old, or
//! whose call is over, starts nothing. A webhook leaves the inbox when what it brought is on disk: a
//! gateway killed before that finds it there again.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use switchboard::call::{EndReason, Status, Termination};
use terms::{CallId, Direction, PhoneNumberId, Timestamp};
use wire::console::Peer;
use wire::trace::TraceParent;
use wire::webhook::{
    Contact, MediaRef,
    account::{AccountEvent, AccountUpdate},
    call::{CallEntry, CallEvent, CallStatus, CallsValue, Progress},
    envelope::{Change, Entry, Envelope},
    message::MessagesValue,
};

use crate::{
    account_health,
    calls::{
        arrival::{self, Arrival},
        begin::Signalling,
        orphans,
        registry::{CallHandle, Figures, Letter, OPAQUE_PREFIX, Receipt},
    },
    cdr::Cdr,
    clock, collector, contacts,
    line::Line,
    office::Office,
    outbox::news,
    store::{Delivery, LineSet, LiveCall, StoreError, Thing},
    telemetry::trace::CallTrace,
    verify,
};

/// Acts on webhooks for ever.
pub(crate) async fn run(office: Arc<Office>) {
    let mut reader = Reader { office: Arc::clone(&office), after: 0, in_hand: Arc::default() };
    loop {
        match reader.catch_up().await {
            Ok(0) => office.inbox.notified().await,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "the inbox cannot be read");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        }
    }
}

/// Keys of events that were acted on, whose effects are not yet on disk.
type InHand = Arc<Mutex<BTreeSet<Key>>>;

/// An event, by its line and its own key.
type Key = (PhoneNumberId, String);

/// Where the task stands in the inbox.
struct Reader {
    office: Arc<Office>,
    /// The last webhook acted on.
    after: i64,
    in_hand: InHand,
}

impl Reader {
    async fn catch_up(&mut self) -> Result<usize, StoreError> {
        let waiting = self.office.store.waiting_webhooks(self.after).await?;
        let count = waiting.len();
        for delivery in waiting {
            self.act(&delivery).await?;
            self.after = delivery.id;
        }
        Ok(count)
    }

    async fn act(&self, delivery: &Delivery) -> Result<(), StoreError> {
        let (receipt, settled) = Receipt::new();
        let mut round = Round {
            office: &self.office,
            received_at: delivery.received_at,
            trace: delivery.trace,
            keys: BTreeSet::new(),
            in_hand: &self.in_hand,
            receipt,
        };
        round.act(delivery).await?;
        let Round { keys, receipt, .. } = round;
        drop(receipt);
        let (store, id) = (self.office.store.clone(), delivery.id);
        if settled.is_settled() {
            return store.finish_webhook(id, keys.into_iter().collect(), clock::now()).await;
        }
        locked(&self.in_hand).extend(keys.iter().cloned());
        let in_hand = Arc::clone(&self.in_hand);
        // As many at a time as calls begin and end.
        tokio::spawn(async move {
            settled.wait().await;
            let finished = keys.iter().cloned().collect();
            match store.finish_webhook(id, finished, clock::now()).await {
                Ok(()) => locked(&in_hand).retain(|key| !keys.contains(key)),
                Err(error) => tracing::error!(%error, "a webhook stays in the inbox"),
            }
        });
        Ok(())
    }
}

/// The field of a change, as a label.
const fn change_field(change: &Change) -> &'static str {
    match change {
        Change::Calls(_) => "calls",
        Change::Messages(_) => "messages",
        Change::SettingsUpdate(_) => "account_settings_update",
        Change::AccountUpdate(_) => "account_update",
        Change::TemplateStatus(_) => "message_template_status_update",
        Change::Other { .. } | Change::Unreadable { .. } => "other",
    }
}

fn locked(in_hand: &InHand) -> std::sync::MutexGuard<'_, BTreeSet<Key>> {
    in_hand.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Acting on one delivery.
struct Round<'a> {
    office: &'a Arc<Office>,
    received_at: Timestamp,
    /// The trace its request belongs to.
    trace: Option<TraceParent>,
    /// The events acted on.
    keys: BTreeSet<Key>,
    in_hand: &'a InHand,
    receipt: Receipt,
}

impl Round<'_> {
    async fn act(&mut self, delivery: &Delivery) -> Result<(), StoreError> {
        let Ok(envelope) = Envelope::parse(&delivery.body) else { return Ok(()) };
        for entry in &envelope.entry {
            for change in &entry.changes {
                self.change(entry, change, &delivery.lines).await?;
            }
        }
        Ok(())
    }

    async fn change(
        &mut self,
        entry: &Entry,
        change: &Change,
        proven: &LineSet,
    ) -> Result<(), StoreError> {
        let office = Arc::clone(self.office);
        let lines = verify::proven(&office.lines, verify::about(entry, change), proven);
        match change {
            Change::Calls(_) | Change::Messages(_) if lines.is_empty() => {
                self.office.metrics.event("other_number");
                self.office.metrics.change(change_field(change), "other_number");
                return Ok(());
            }
            Change::Calls(value) => {
                for line in lines {
                    self.calls(line, value).await?;
                }
            }
            Change::Messages(value) => {
                for line in lines {
                    self.messages(line, value).await?;
                }
            }
            Change::AccountUpdate(update) => {
                for line in lines {
                    self.account(line, update).await?;
                }
                self.office.metrics.event("other");
            }
            Change::SettingsUpdate(_) | Change::TemplateStatus(_) | Change::Other { .. } => {
                self.office.metrics.event("other");
            }
            Change::Unreadable { field, why, .. } => {
                self.office.metrics.event("unreadable");
                self.office.metrics.change("other", "unreadable");
                tracing::warn!(field, "a change in a webhook cannot be read");
                // It may quote what stood there.
                tracing::debug!(field, why, "why it cannot");
                return Ok(());
            }
        }
        self.office.metrics.change(change_field(change), "taken");
        Ok(())
    }

    /// What is said against the number is kept, and restrictions are told.
    async fn account(&self, line: &Line, update: &AccountUpdate) -> Result<(), StoreError> {
        let notices = account_health::notices_in(update, line.digits(), line.now());
        self.office.store.keep_notices(line.id().clone(), notices).await?;
        if update.event == AccountEvent::Restriction {
            let news = news::of_restriction(update, line.id(), self.received_at);
            self.office.outbox.keep(news).await?;
        }
        Ok(())
    }

    /// Whether this event is new; it then counts as acted on.
    async fn is_new(&mut self, line: &Line, key: String) -> Result<bool, StoreError> {
        let id = line.id().clone();
        let of_line = (id.clone(), key.clone());
        if self.is_in_hand(&of_line) || self.office.store.was_seen(id, key).await? {
            self.office.metrics.event("duplicate");
            return Ok(false);
        }
        self.keys.insert(of_line);
        Ok(true)
    }

    fn is_in_hand(&self, key: &Key) -> bool {
        self.keys.contains(key) || locked(self.in_hand).contains(key)
    }

    async fn calls(&mut self, line: &Arc<Line>, value: &CallsValue) -> Result<(), StoreError> {
        for call in &value.calls {
            if self.is_new(line, event_key(&call.id, &call.event)).await? {
                self.show(&call.id, call);
                self.call(line, value, call).await?;
            }
        }
        for status in &value.statuses {
            let key = format!("status:{}:{}", status.id, status.status.as_str());
            if self.is_new(line, key).await? {
                self.show(&status.id, status);
                self.status(line, status).await?;
            }
        }
        if value.calls.is_empty() && value.statuses.is_empty() {
            for error in &value.errors {
                tracing::warn!(code = error.code, "the platform reports an error");
                // Its words may name the user.
                let text = error.text().unwrap_or("no text");
                tracing::debug!(code = error.code, text, "in its words");
            }
        }
        Ok(())
    }

    async fn call(
        &self,
        line: &Arc<Line>,
        value: &CallsValue,
        call: &CallEntry,
    ) -> Result<(), StoreError> {
        let business = call.direction() == Some(Direction::BusinessInitiated);
        match call.event {
            CallEvent::Connect if business => self.answer(line, value, call).await,
            CallEvent::Connect => self.connect(line, value, call).await,
            CallEvent::Terminate => self.terminate(line, value, call).await,
            CallEvent::RecordingAvailable => {
                self.kept(line, value, call, (Thing::Recording, call.recording())).await
            }
            CallEvent::TranscriptionAvailable => {
                self.kept(line, value, call, (Thing::Transcript, call.transcript())).await
            }
            CallEvent::CallCreated | CallEvent::Unknown(_) => {
                self.office.metrics.event("other");
                Ok(())
            }
        }
    }

    /// The platform kept something of a call: it is fetched where we asked for it.
    async fn kept(
        &self,
        line: &Line,
        value: &CallsValue,
        call: &CallEntry,
        (thing, file): (Thing, Option<MediaRef>),
    ) -> Result<(), StoreError> {
        let number = &line.config.number.digits;
        if self.office.config.recording.platform_for(number).is_none() {
            self.office.metrics.event("other");
            return Ok(());
        }
        let Some(file) = file else {
            self.office.metrics.event("unreadable");
            tracing::warn!(call = %call.id.loggable(), "what was recorded names no file");
            return Ok(());
        };
        let contact = match call.direction() {
            Some(Direction::BusinessInitiated) => callee(call, &value.contacts),
            Some(Direction::UserInitiated) | None => caller(call, &value.contacts),
        };
        let at = self.received_at;
        collector::told(self.office, line, (call, contact), (thing, file), at).await?;
        self.office.metrics.event("acted_on");
        Ok(())
    }

    /// HOMER sees what the platform told of a call.
    fn show(&self, call_id: &CallId, entry: &impl Serialize) {
        if let Some(hep) = &self.office.hep {
            hep.webhook(call_id, entry, self.received_at);
        }
    }

    /// The trace of a user's call begins with its webhook; what is told of the call carries it.
    fn trace(&self, line: &Line, call_id: &CallId) -> Option<CallTrace> {
        let trace = self.office.telemetry.call(self.trace, self.received_at)?;
        let now = clock::now();
        trace.note("webhook", self.received_at, now);
        self.office.store.note_trace(line.id(), call_id, trace.root(), now);
        Some(trace)
    }

    /// A user calls.
    async fn connect(
        &self,
        line: &Arc<Line>,
        value: &CallsValue,
        call: &CallEntry,
    ) -> Result<(), StoreError> {
        let office = self.office;
        let ended = event_key(&call.id, &CallEvent::Terminate);
        let key = (line.id().clone(), ended.clone());
        let over = || office.store.was_over(line.id().clone(), call.id.clone(), ended);
        if self.is_in_hand(&key) || over().await? {
            office.metrics.event("after_end");
            return Ok(());
        }
        if self.is_stale(line, call.timestamp) {
            office.metrics.event("stale");
            tracing::warn!(call = %call.id.loggable(), "a connect is too old to act on");
            return Ok(());
        }
        let Some(session) = &call.session else {
            office.metrics.event("no_session");
            tracing::warn!(call = %call.id.loggable(), "a connect has no session");
            return Ok(());
        };
        let contact = caller(call, &value.contacts);
        let trace = self.trace(line, &call.id);
        office.metrics.webhook_age(line.now().since(call.timestamp));
        let arrival = Arrival {
            call_id: call.id.clone(),
            contact,
            started_at: call.timestamp,
            offer: session.sdp.clone(),
            deeplink_payload: call.deeplink_payload.clone(),
            cta_payload: call.cta_payload.clone(),
            trace,
            receipt: self.receipt.clone(),
            signalling: Signalling::Graph,
        };
        let taken = arrival::take(office, line, arrival).await?;
        office.metrics.event(if taken { "acted_on" } else { "duplicate" });
        Ok(())
    }

    fn is_stale(&self, line: &Line, timestamp: Timestamp) -> bool {
        let now = clock::now();
        let waited = now.since(self.received_at);
        self.office.config.connect_age_max.is_some_and(|max| line.now().since(timestamp) > max)
            || waited > crate::config::CONNECT_AGE_DEFAULT
    }

    /// The platform's answer to a call of ours.
    async fn answer(
        &self,
        line: &Arc<Line>,
        value: &CallsValue,
        call: &CallEntry,
    ) -> Result<(), StoreError> {
        let opaque = call.biz_opaque_callback_data.as_deref();
        let Some(handle) = self.find(line, &call.id, opaque) else {
            let contact = callee(call, &value.contacts);
            return self.end_if_ours(line, &call.id, opaque, contact, call.timestamp).await;
        };
        if let Some(session) = &call.session {
            let letter = Letter::Answer { call_id: call.id.clone(), sdp: session.sdp.clone() };
            self.acted(handle.deliver(letter, self.receipt.clone()));
        }
        Ok(())
    }

    async fn status(&self, line: &Arc<Line>, status: &CallStatus) -> Result<(), StoreError> {
        let opaque = status.biz_opaque_callback_data.as_deref();
        let word = match status.status {
            Progress::Ringing => Status::Ringing,
            Progress::Accepted => Status::Accepted,
            Progress::Rejected => Status::Rejected,
            Progress::Unknown(_) => return Ok(()),
        };
        let Some(handle) = self.find(line, &status.id, opaque) else {
            let user_id = status.recipient_user_id.as_ref();
            let parent = status.recipient_parent_user_id.as_ref();
            let contact = contacts::peer(status.recipient_id.as_ref(), user_id, parent, &[]);
            return self.end_if_ours(line, &status.id, opaque, contact, status.timestamp).await;
        };
        let letter = Letter::Status { call_id: status.id.clone(), status: word };
        self.acted(handle.deliver(letter, self.receipt.clone()));
        Ok(())
    }

    /// A call's task, if the call is on the line that the webhook names.
    fn find(&self, line: &Line, call_id: &CallId, opaque: Option<&str>) -> Option<CallHandle> {
        self.office.registry.find(&LineSet::one(line.id()), call_id, opaque)
    }

    fn acted(&self, taken: bool) {
        self.office.metrics.event(if taken { "acted_on" } else { "after_end" });
    }

    /// A call to a user that no task of ours owns: ended when a gateway of ours placed it and died.
    async fn end_if_ours(
        &self,
        line: &Arc<Line>,
        call_id: &CallId,
        opaque: Option<&str>,
        contact: Peer,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let ours = opaque.is_some_and(|opaque| opaque.starts_with(OPAQUE_PREFIX));
        let mine = LineSet::one(line.id());
        if !ours || self.office.store.cdr(mine, call_id.clone()).await?.is_some() {
            self.office.metrics.event("after_end");
            return Ok(());
        }
        let call = LiveCall {
            call_id: call_id.clone(),
            phone_number_id: line.id().clone(),
            direction: Direction::BusinessInitiated,
            contact,
            started_at: at,
            answered_at: None,
            deeplink_payload: None,
            cta_payload: None,
        };
        orphans::end(self.office, line, call).await
    }

    async fn terminate(
        &self,
        line: &Arc<Line>,
        value: &CallsValue,
        call: &CallEntry,
    ) -> Result<(), StoreError> {
        let error = value.errors_of(call).next();
        let error =
            error.map(|error| (error.code, error.text().unwrap_or("no reason given").to_owned()));
        let figures = Figures {
            termination: Termination { picked_up: call.start_time.is_some(), error },
            status: call.status.clone(),
            at: call.end_time.unwrap_or(call.timestamp),
            start: call.start_time,
            duration_s: call.duration,
        };
        let opaque = call.biz_opaque_callback_data.as_deref();
        if let Some(handle) = self.find(line, &call.id, opaque) {
            let letter =
                Letter::Terminated { call_id: call.id.clone(), figures: Box::new(figures.clone()) };
            if handle.deliver(letter, self.receipt.clone()) {
                self.acted(true);
                return Ok(());
            }
        }
        if let Some(cdr) = self.office.store.cdr(LineSet::one(line.id()), call.id.clone()).await? {
            return orphans::amend(self.office, line, cdr, &figures).await;
        }
        self.record_unseen(line, value, call, &figures).await
    }

    /// A call that was over before we knew of it gets its record, too.
    async fn record_unseen(
        &self,
        line: &Line,
        value: &CallsValue,
        call: &CallEntry,
        figures: &Figures,
    ) -> Result<(), StoreError> {
        let direction = call.direction().unwrap_or(Direction::UserInitiated);
        let opaque = call.biz_opaque_callback_data.as_deref();
        let ours = opaque.is_some_and(|opaque| opaque.starts_with(OPAQUE_PREFIX));
        if direction == Direction::BusinessInitiated && !ours {
            self.office.metrics.event("other");
            return Ok(());
        }
        let (contact, silent) = match direction {
            Direction::UserInitiated => (caller(call, &value.contacts), EndReason::CallerGaveUp),
            Direction::BusinessInitiated => {
                (callee(call, &value.contacts), EndReason::UserDidNotAnswer)
            }
        };
        let reason = match &figures.termination.error {
            Some((code, text)) => EndReason::PlatformReported { code: *code, text: text.clone() },
            None if figures.termination.picked_up => EndReason::GatewayDied,
            None => silent,
        };
        let started_at = call.start_time.unwrap_or(call.timestamp);
        let (number, id, end) = (line.id().clone(), call.id.clone(), figures.at);
        let mut cdr = Cdr::new(number, id, direction, contact, started_at, end, &reason);
        cdr.organisation_id = Some(line.organisation.id.clone());
        cdr.signalling = line.signalling();
        cdr.platform_status = figures.status_word();
        if let (Some(start), Some(seconds)) = (figures.start, figures.duration_s) {
            let duration = std::time::Duration::from_secs(seconds);
            cdr.talked(start, duration);
        }
        let number = line.digits().to_owned();
        let end = move |cdr: &Cdr| news::of_end(cdr, &number);
        let cdr = self.office.store.save_cdr(cdr, line.tariff(), end).await?;
        self.office.metrics.cost(&cdr);
        contacts::note_call(self.office, line, &cdr).await;
        self.office.metrics.event("acted_on");
        Ok(())
    }

    async fn messages(&mut self, line: &Line, value: &MessagesValue) -> Result<(), StoreError> {
        for message in &value.messages {
            if !self.is_new(line, format!("message:{}", message.id)).await? {
                continue;
            }
            let contact = contacts::peer(
                message.from.as_ref(),
                message.from_user_id.as_ref(),
                message.from_parent_user_id.as_ref(),
                &value.contacts,
            );
            contacts::note_message(self.office, line, &contact, message).await?;
            self.office.metrics.event("acted_on");
        }
        Ok(())
    }
}

/// The user who called.
fn caller(call: &CallEntry, contacts: &[Contact]) -> Peer {
    let (user_id, parent) = (call.from_user_id.as_ref(), call.from_parent_user_id.as_ref());
    contacts::peer(call.from.as_ref(), user_id, parent, contacts)
}

/// The user whom we called.
fn callee(call: &CallEntry, contacts: &[Contact]) -> Peer {
    let (user_id, parent) = (call.to_user_id.as_ref(), call.to_parent_user_id.as_ref());
    contacts::peer(call.to.as_ref(), user_id, parent, contacts)
}

fn event_key(call_id: &CallId, event: &CallEvent) -> String {
    format!("call:{call_id}:{}", event.as_str())
}
