//! How does an event become webhooks?
//!
//! One row per app that is subscribed to the account and the field, and one for the 360dialog
//! channel's URL if the number has one; each signed with its app's secret. All rows of an event are
//! one commit. Without a callback URL the row is journalled, for reading only.

use std::sync::Arc;

use rules::delivery::{self, Standing};
use terms::CallId;
use tokio::sync::Notify;
use wire::webhook::{envelope::Change, signature};

use super::{compose, spoil, target::Target};
use crate::{
    books::Books,
    clock::Clock,
    directory::{Directory, Number},
    faults::Faults,
    ids::{Ids, Stream},
    store::{NewWebhook, Store, StoreFault},
};

/// What must arrive in order: the events of one call, or of one chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane(pub(crate) String);

/// What stands behind a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It happened.
    Event,
    /// A test wanted to see the webhook alone.
    Trigger,
}

/// Writes webhooks; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    directory: Directory,
    store: Store,
    clock: Clock,
    faults: Arc<Faults>,
    ids: Arc<Ids>,
    books: Arc<Books>,
    wake: Arc<Notify>,
}

/// What all rows of one event have in common.
struct Event<'a> {
    lane: &'a Lane,
    field: String,
    call_id: Option<CallId>,
    body: String,
    origin: Origin,
    /// It waits for the earlier ones of its lane.
    in_order: bool,
}

impl Outbox {
    /// An outbox whose deliverer listens to `wake`.
    pub(crate) fn new(
        directory: Directory,
        store: Store,
        clock: Clock,
        faults: Arc<Faults>,
        ids: Arc<Ids>,
        books: Arc<Books>,
        wake: Arc<Notify>,
    ) -> Self {
        Self { directory, store, clock, faults, ids, books, wake }
    }

    /// Writes the webhooks of one event and returns once they are durable.
    pub(crate) async fn emit(
        &self,
        number: &Number,
        lane: &Lane,
        change: Change,
    ) -> Result<(), StoreFault> {
        self.emit_as(Origin::Event, number, lane, change).await.map(drop)
    }

    /// Writes the webhooks of one change and answers with their ids.
    pub(crate) async fn emit_as(
        &self,
        origin: Origin,
        number: &Number,
        lane: &Lane,
        change: Change,
    ) -> Result<Vec<String>, StoreFault> {
        let rows = self.compose(origin, number, lane, change);
        let ids = rows.iter().map(|row| row.id.clone()).collect();
        if !rows.is_empty() {
            self.store.add_webhooks(rows).await?;
            self.wake.notify_one();
        }
        Ok(ids)
    }

    /// The webhooks of one change, for a caller who writes them together with what they tell of, and
    /// then wakes the deliverer.
    pub(crate) fn compose(
        &self,
        origin: Origin,
        number: &Number,
        lane: &Lane,
        change: Change,
    ) -> Vec<NewWebhook> {
        let field = change.field().to_owned();
        let call_id = spoil::call_of(&change);
        let body = compose::body(number, change, self.clock.now());
        let in_order = self.keeps_order(number);
        self.rows(number, &Event { lane, field, call_id, body, origin, in_order })
    }

    /// Whether a webhook waits while an earlier one of its lane is fresh.
    fn keeps_order(&self, number: &Number) -> bool {
        let account = self.directory.account(&number.account);
        let book = account.map_or_else(|| self.books.base(), |account| self.books.of(&account));
        !delivery::may_start([Standing::Fresh], &book)
    }

    /// Lets the deliverer look at the rows now.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    fn rows(&self, number: &Number, event: &Event<'_>) -> Vec<NewWebhook> {
        let Some(account) = self.directory.account(&number.account) else { return Vec::new() };
        let mut rows = Vec::new();
        for app in account.subscribers().filter_map(|id| self.directory.app(id)) {
            if app.fields.contains(&event.field) {
                let target = Target::App(app.id.clone(), number.id.clone());
                rows.push(self.row(&target, &app.secret, event));
            }
        }
        // The channel is not an app: it gets everything, signed by the account's first app or, where
        // there is none, with the channel's own key.
        if number.channel_webhook.is_some() {
            let first = account.apps.iter().find_map(|id| self.directory.app(id));
            let secret = first.as_ref().map(|app| app.secret.as_str());
            let secret = secret.or(number.d360_key.as_deref()).unwrap_or_default();
            rows.push(self.row(&Target::Channel(number.id.clone()), secret, event));
        }
        let (faults, scope) = self.faults.webhook(event.call_id.as_ref());
        rows.into_iter().flat_map(|row| spoil::spoil(row, faults, scope, &self.ids)).collect()
    }

    fn row(&self, to: &Target, secret: &str, event: &Event<'_>) -> NewWebhook {
        let (target, now) = (to.to_text(), self.clock.now());
        let id = new_id(&self.ids);
        // A lane of its own waits for nobody.
        let lane = if event.in_order { &event.lane.0 } else { &id };
        NewWebhook {
            lane: format!("{target} {lane}"),
            id,
            target,
            field: event.field.clone(),
            call_id: event.call_id.clone(),
            url: to.endpoint(&self.directory).map(|endpoint| endpoint.url),
            body: event.body.clone(),
            signature: signature::sign(secret, event.body.as_bytes()),
            made_at: now,
            due_at: now,
            yields_until: None,
            dropped: false,
            faults: Vec::new(),
            synthetic: event.origin == Origin::Trigger,
        }
    }
}

/// The id of a row that is not there yet.
pub(super) fn new_id(ids: &Ids) -> String {
    format!("wh_{}", ids.uuid(Stream::Webhook).simple())
}
