//! How does an event become webhooks?
//!
//! One row per app that is subscribed to the account and the field, and one for the 360dialog
//! channel's URL if the number has one; each signed with its app's secret. All rows of an event are
//! one commit. Without a callback URL the row is journalled, for reading only.

use std::sync::Arc;

use terms::{AppId, PhoneNumberId};
use tokio::sync::Notify;
use wire::webhook::{envelope::Change, signature};

use super::compose;
use crate::{
    clock::Clock,
    directory::{Directory, Endpoint, Number},
    ids::{Ids, Stream},
    store::{NewWebhook, Store, StoreFault},
};

/// What must arrive in order: the events of one call, or of one chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane(pub(crate) String);

/// Whose endpoint a webhook is for; its text is the row's `target`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// An app's callback URL.
    App(AppId),
    /// A number's channel webhook (360dialog edition).
    Channel(PhoneNumberId),
}

impl Target {
    /// The form kept in the row.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::App(id) => format!("app:{id}"),
            Self::Channel(id) => format!("channel:{id}"),
        }
    }

    /// Reads the form kept in the row.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once(':')?;
        match kind {
            "app" => id.parse().ok().map(Self::App),
            "channel" => id.parse().ok().map(Self::Channel),
            _ => None,
        }
    }

    /// Where it wants its webhooks at this moment.
    pub(crate) fn endpoint(&self, directory: &Directory) -> Option<Endpoint> {
        match self {
            Self::App(id) => {
                let url = directory.app(id)?.callback_url.clone()?;
                Some(Endpoint { url, headers: std::collections::BTreeMap::new() })
            }
            Self::Channel(id) => {
                let channel = directory.number(id)?.channel_webhook.clone()?;
                Some(Endpoint { url: channel.url, headers: channel.headers })
            }
        }
    }
}

/// Writes webhooks; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    directory: Directory,
    store: Store,
    clock: Clock,
    ids: Arc<Ids>,
    wake: Arc<Notify>,
}

impl Outbox {
    /// An outbox whose deliverer listens to `wake`.
    pub(crate) fn new(
        directory: Directory,
        store: Store,
        clock: Clock,
        ids: Arc<Ids>,
        wake: Arc<Notify>,
    ) -> Self {
        Self { directory, store, clock, ids, wake }
    }

    /// Writes the webhooks of one event and returns once they are durable.
    pub(crate) async fn emit(
        &self,
        number: &Number,
        lane: &Lane,
        change: Change,
    ) -> Result<(), StoreFault> {
        let field = change.field().to_owned();
        let body = compose::body(number, change);
        let rows = self.rows(number, &field, lane, &body);
        if rows.is_empty() {
            return Ok(());
        }
        self.store.add_webhooks(rows).await?;
        self.wake.notify_one();
        Ok(())
    }

    /// Lets the deliverer look at the rows now.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    fn rows(&self, number: &Number, field: &str, lane: &Lane, body: &str) -> Vec<NewWebhook> {
        let Some(account) = self.directory.account(&number.account) else { return Vec::new() };
        let mut rows = Vec::new();
        for app in account.apps.iter().filter_map(|id| self.directory.app(id)) {
            if app.fields.iter().any(|known| known == field) {
                let target = Target::App(app.id.clone());
                rows.push(self.row(&target, &app.secret, field, lane, body));
            }
            if number.channel_webhook.is_some() && rows.len() == 1 {
                let target = Target::Channel(number.id.clone());
                rows.push(self.row(&target, &app.secret, field, lane, body));
            }
        }
        rows
    }

    fn row(&self, to: &Target, secret: &str, field: &str, lane: &Lane, body: &str) -> NewWebhook {
        let target = to.to_text();
        NewWebhook {
            id: format!("wh_{}", self.ids.uuid(Stream::Webhook).simple()),
            lane: format!("{target} {}", lane.0),
            target,
            field: field.to_owned(),
            url: to.endpoint(&self.directory).map(|endpoint| endpoint.url),
            body: body.to_owned(),
            signature: signature::sign(secret, body.as_bytes()),
            made_at: self.clock.now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_reads_what_it_writes() {
        for target in [
            Target::App("401234567890123".parse().unwrap()),
            Target::Channel("109876543210987".parse().unwrap()),
        ] {
            assert_eq!(Target::from_text(&target.to_text()), Some(target));
        }
        assert_eq!(Target::from_text("app"), None);
    }
}
