//! How does a call speak into its SIP dialog, and how does it hear of it?
//!
//! The dialog has a task of its own; the call gives it orders and gets inputs.

use rules::{
    call::{Ending, Input},
    sip::{Answer, Parting, parting},
};
use terms::{CallId, Direction};
use tokio::sync::mpsc;

use crate::calls::{Command, Finding};

/// Orders that may wait for one dialog: more than one call has.
const ORDERS_MAX: usize = 8;

/// What a call wants of its dialog.
#[derive(Debug)]
pub(crate) enum Order {
    /// The user's phone rings.
    Ring,
    /// The user picked up: our SDP.
    Answer(String),
    /// The call is over.
    Leave(Parting),
}

/// A call's end of its dialog.
#[derive(Debug)]
pub(crate) struct Line(mpsc::Sender<Order>);

impl Line {
    /// A line, and the orders that will come by it.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Order>) {
        let (sink, orders) = mpsc::channel(ORDERS_MAX);
        (Self(sink), orders)
    }

    /// Gives an order; a dialog that is over hears none.
    pub(crate) fn order(&self, order: Order) {
        if self.0.try_send(order).is_err() {
            tracing::debug!("the SIP dialog is over");
        }
    }

    /// Leaves as the rules say.
    pub(crate) fn leave(&self, ending: &Ending, direction: Direction) {
        self.order(Order::Leave(parting(ending, direction)));
    }
}

/// What a dialog tells its call.
#[derive(Debug)]
pub(crate) struct Ear(mpsc::Sender<Command>);

impl Ear {
    pub(super) fn new(inbox: mpsc::Sender<Command>) -> Self {
        Self(inbox)
    }

    /// Something happened, and perhaps why.
    pub(super) async fn tell(&self, finding: Option<Finding>, inputs: Vec<Input>) {
        if self.0.send(Command::FromLine { finding, inputs }).await.is_err() {
            tracing::debug!("the call of a SIP dialog is over");
        }
    }
}

/// The headers of a BYE (fact sheet 6.3).
pub(super) fn bye(id: &CallId, duration_s: i64, reason: Option<&str>) -> Vec<(String, String)> {
    let mut headers = vec![
        ("x-wa-meta-wacid".to_owned(), id.as_str().to_owned()),
        ("x-wa-meta-call-duration".to_owned(), duration_s.to_string()),
    ];
    headers.extend(reason.map(|reason| ("Reason".to_owned(), reason.to_owned())));
    headers
}

/// A "no" in the words of the agent; `domain` is who warns.
pub(super) fn refusal(answer: Answer, domain: &str) -> sip::Refusal {
    let warning = format!("399 {domain} \"{}\"", answer.text);
    let warning = answer.warns.then(|| ("Warning".to_owned(), warning));
    sip::Refusal {
        status: answer.status,
        phrase: Some(answer.text),
        headers: warning.into_iter().collect(),
    }
}
