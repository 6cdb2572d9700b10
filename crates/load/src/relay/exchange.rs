//! How does WhatsApp's side hear the gateway, and how is it told of calls?

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use terms::{CallId, Direction, PhoneNumberId, Timestamp, WaId, WabaId};
use tokio::{net::TcpListener, sync::mpsc};
use wire::{
    SdpText,
    graph::call::{CallRequest, Session},
    webhook::{
        Contact, Metadata,
        call::{CallEntry, CallEvent, CallsValue, EndStatus},
        envelope::{Change, Envelope},
        signature,
    },
};

/// Requests about one call that may wait for its line: it has four at most.
const REQUESTS_MAX: usize = 8;

/// How long the gateway may take to take a webhook.
const WEBHOOK_MAX: Duration = Duration::from_secs(20);

/// Why there is no exchange.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// No port.
    #[error("cannot listen for the gateway")]
    Listen(#[source] std::io::Error),
    /// The HTTP client.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// WhatsApp's side, as far as a gateway sees it. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Exchange(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    address: std::net::SocketAddr,
    http: reqwest::Client,
    lines: Mutex<BTreeMap<CallId, mpsc::Sender<CallRequest>>>,
    made: AtomicU64,
}

/// Which gateway is told, and of which number.
#[derive(Debug, Clone)]
pub(crate) struct Trunk {
    pub(crate) webhook: String,
    pub(crate) secret: String,
    pub(crate) account: WabaId,
    pub(crate) number: PhoneNumberId,
    pub(crate) business: WaId,
}

impl Exchange {
    /// Listens on a free port of the loopback address.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub async fn start() -> Result<Self, ExchangeError> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(ExchangeError::Listen)?;
        let address = listener.local_addr().map_err(ExchangeError::Listen)?;
        let http = reqwest::Client::builder().timeout(WEBHOOK_MAX).build();
        let http = http.map_err(ExchangeError::Client)?;
        let (lines, made) = (Mutex::default(), AtomicU64::new(1));
        let exchange = Self(Arc::new(Inner { address, http, lines, made }));
        let router = Router::new().fallback(answer).with_state(exchange.clone());
        tokio::spawn(async move {
            if let Err(fault) = axum::serve(listener, router).await {
                tracing::error!(%fault, "the exchange no longer listens");
            }
        });
        Ok(exchange)
    }

    /// The base URL of the API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// A call that is new, and what the gateway will ask about it.
    pub(crate) fn enter(&self) -> (CallId, mpsc::Receiver<CallRequest>) {
        let number = self.0.made.fetch_add(1, Ordering::Relaxed);
        let id: CallId = format!("wacid.LOAD{number:012}").parse().expect("a word is an id");
        let (sink, requests) = mpsc::channel(REQUESTS_MAX);
        self.lines().insert(id.clone(), sink);
        (id, requests)
    }

    /// A call that is over.
    pub(crate) fn leave(&self, id: &CallId) {
        self.lines().remove(id);
    }

    /// Tells the gateway that a user calls.
    pub(crate) async fn connect(
        &self,
        trunk: &Trunk,
        id: &CallId,
        user: &WaId,
        offer: SdpText,
    ) -> Result<(), String> {
        let mut entry = entry(trunk, id, user, CallEvent::Connect);
        entry.session = Some(Session::offer(offer));
        self.tell(trunk, user, entry).await
    }

    /// Tells the gateway that a call is over.
    pub(crate) async fn terminate(
        &self,
        trunk: &Trunk,
        id: &CallId,
        user: &WaId,
        answered: Option<Timestamp>,
    ) -> Result<(), String> {
        let mut entry = entry(trunk, id, user, CallEvent::Terminate);
        entry.status = Some(EndStatus::Completed);
        if let Some(answered) = answered {
            let seconds = entry.timestamp.since(answered).as_secs();
            entry.start_time = Some(answered);
            entry.end_time = Some(entry.timestamp);
            entry.duration = Some(seconds);
        }
        self.tell(trunk, user, entry).await
    }

    async fn tell(&self, trunk: &Trunk, user: &WaId, entry: CallEntry) -> Result<(), String> {
        let mut value = CallsValue::new(Metadata {
            display_phone_number: trunk.business.as_str().to_owned(),
            phone_number_id: trunk.number.clone(),
        });
        value.contacts.push(Contact { wa_id: Some(user.clone()), ..Contact::default() });
        value.calls.push(entry);
        let envelope = Envelope::of(trunk.account.clone(), Change::Calls(Box::new(value)));
        let body = serde_json::to_vec(&envelope).map_err(|fault| fault.to_string())?;
        let signed = signature::sign(&trunk.secret, &body);
        let request = self.0.http.post(&trunk.webhook).header(signature::HEADER, signed);
        let answer = request.header("content-type", "application/json").body(body).send().await;
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("the gateway answers a webhook with {}", answer.status())),
            Err(fault) => Err(format!("the gateway takes no webhook: {fault}")),
        }
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, BTreeMap<CallId, mpsc::Sender<CallRequest>>> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry(trunk: &Trunk, id: &CallId, user: &WaId, event: CallEvent) -> CallEntry {
    let mut entry = CallEntry::new(id.clone(), event, Direction::UserInitiated, now());
    entry.from = Some(user.clone());
    entry.to = Some(trunk.business.clone());
    entry
}

/// Answers whatever the gateway asks: yes, for a call that is there.
async fn answer(State(exchange): State<Exchange>, body: Bytes) -> Response {
    let Ok(request) = CallRequest::parse(&body) else {
        let error = json!({ "error": { "message": "not here", "code": 100 } });
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    };
    let line = request.call_id().and_then(|id| exchange.lines().get(id).cloned());
    let taken = line.is_some_and(|line| line.try_send(request).is_ok());
    if taken {
        return Json(json!({ "messaging_product": "whatsapp", "success": true })).into_response();
    }
    let error = json!({ "error": { "message": "(#138007) no such call", "code": 138_007 } });
    (StatusCode::BAD_REQUEST, Json(error)).into_response()
}

/// Whole seconds of the wall clock, as webhooks have them.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
