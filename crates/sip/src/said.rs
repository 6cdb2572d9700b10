//! What did the far end say in a call, and what of it is answered at once?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rsipstack::dialog::dialog::{DialogState, TerminatedReason, TransactionHandle};
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::HasHeaders;
use rsipstack::sip::{Header, Method, Request, Response};

use crate::attempt::Seen;
use crate::life::Input;
use crate::refer::{Refer, respond};
use crate::reoffer::{Ours, Reoffer, late_answer, number};
use crate::wish::Key;
use crate::{Wish, headers};

/// What must be known of a call to read what is said in it.
pub(crate) struct Talk<'a> {
    pub(crate) dialog: &'a InviteDialog,
    pub(crate) ours: &'a Ours,
    /// Whether an offer of ours waits for its answer.
    pub(crate) asks: &'a AtomicBool,
}

pub(crate) fn said(state: DialogState, talk: &Talk<'_>) -> Seen {
    match state {
        DialogState::Trying(_) => Seen::Input(Input::Heard),
        DialogState::Early(_, response) => Seen::Input(provisional(&response)),
        DialogState::Terminated(_, TerminatedReason::Timeout) => Seen::Input(Input::Unacknowledged),
        DialogState::Terminated(..) => Seen::Input(Input::TheyLeft),
        DialogState::Updated(_, request, handle) => updated(&request, handle, talk),
        DialogState::Options(_, _, handle) | DialogState::Notify(_, _, handle) => {
            answer(handle, 200)
        }
        DialogState::Info(_, request, handle) => pressed(&request, handle),
        DialogState::Refer(_, request, handle) => {
            match Refer::read(&request, talk.dialog.clone(), handle) {
                Ok(refer) => Seen::Wish(Wish::Refer(refer)),
                Err(handle) => answer(handle, 400),
            }
        }
        DialogState::Publish(_, _, handle) | DialogState::Message(_, _, handle) => {
            answer(handle, 405)
        }
        DialogState::Confirmed(..) => {
            let answer = late_answer(talk.dialog, talk.ours);
            answer.map_or(Seen::Nothing, |answer| Seen::Wish(Wish::LateAnswer(answer)))
        }
        DialogState::Calling(_) | DialogState::WaitAck(..) => Seen::Nothing,
    }
}

fn provisional(response: &Response) -> Input {
    let early = sdp(response);
    if early.is_some() || response.status_code.code() == 180 {
        Input::Rings { early }
    } else {
        Input::Heard
    }
}

/// An UPDATE without SDP only says that the far end is still there (RFC 4028, 7.4). An offer that meets
/// ours has its time after it (RFC 3261, 14.2).
fn updated(request: &Request, handle: TransactionHandle, talk: &Talk<'_>) -> Seen {
    let offer = sdp(request);
    let session = value(request, "Session-Expires").or_else(|| value(request, "x"));
    if offer.is_none() && request.method == Method::Update {
        let headers = session.map(|session| vec![Header::SessionExpires(session.into())]);
        respond(handle, 200.into(), headers);
        return Seen::Input(Input::Lives);
    }
    if talk.asks.load(Ordering::Relaxed) {
        return answer(handle, 491);
    }
    let said = (session, number(request));
    Seen::Wish(Wish::Reoffer(Reoffer::new(offer, handle, said, Arc::clone(talk.ours))))
}

/// An INFO is a key, or nothing we know.
fn pressed(request: &Request, handle: TransactionHandle) -> Seen {
    let Some(key) = Key::of(request) else { return answer(handle, 415) };
    respond(handle, 200.into(), None);
    Seen::Wish(Wish::Key(key))
}

fn answer(handle: TransactionHandle, status: u16) -> Seen {
    respond(handle, status.into(), None);
    Seen::Nothing
}

/// What the header of this name says.
pub(crate) fn value(message: &impl HasHeaders, name: &str) -> Option<String> {
    let mut headers = message.headers().iter();
    let header = headers.find(|header| header.name().eq_ignore_ascii_case(name))?;
    Some(headers::one_line(header.value().trim()))
}

/// The SDP a message carries.
pub(crate) fn sdp(message: &impl Carries) -> Option<String> {
    let typed = message.headers().iter().any(|header| {
        matches!(header, Header::ContentType(value)
            if value.to_string().to_ascii_lowercase().contains("application/sdp"))
    });
    let body = std::str::from_utf8(message.bytes()).ok()?;
    (typed && !body.is_empty()).then(|| body.to_owned())
}

/// What requests and responses have in common here.
pub(crate) trait Carries: HasHeaders {
    fn bytes(&self) -> &[u8];
}

impl Carries for Request {
    fn bytes(&self) -> &[u8] {
        &self.body
    }
}

impl Carries for Response {
    fn bytes(&self) -> &[u8] {
        &self.body
    }
}
