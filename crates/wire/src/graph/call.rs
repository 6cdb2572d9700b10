//! The five actions of `POST /{PNID}/calls` (fact sheet 3.1, 3.5, 4.7).
//!
//! [`CallRequest::parse`] reads the raw body; which fields an action needs is checked here, whether
//! the call is in a state for it is the rules' question. Fields of other actions are ignored, as
//! Meta does (`to` in an `accept`).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use terms::{CallId, ReachedBy, UserId, UserRef, WaId};

use crate::{
    RequestFault, SdpText,
    read::{self, Fields},
};

/// The field whose length a rulebook bounds.
const OPAQUE: &str = "biz_opaque_callback_data";

const ACTIONS: &[&str] = &["connect", "pre_accept", "accept", "reject", "terminate"];

/// One action on a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallRequest {
    /// Call a user.
    Connect(Box<Connect>),
    /// Prepare the media of a user's call.
    PreAccept {
        /// Which call.
        call_id: CallId,
        /// Our answer's SDP.
        sdp: SdpText,
    },
    /// Take a user's call.
    Accept(Box<Accept>),
    /// Refuse a user's call.
    Reject {
        /// Which call.
        call_id: CallId,
    },
    /// End a call.
    Terminate {
        /// Which call.
        call_id: CallId,
    },
}

/// Whom a request is for. When both are given, `wa_id` wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The `to`, without a leading `+`.
    pub wa_id: Option<WaId>,
    /// The `recipient`, a business-scoped user id.
    pub user_id: Option<UserId>,
}

impl From<WaId> for Recipient {
    fn from(wa_id: WaId) -> Self {
        Self { wa_id: Some(wa_id), user_id: None }
    }
}

impl From<UserRef> for Recipient {
    fn from(user: UserRef) -> Self {
        match user.reached_by() {
            ReachedBy::Number(wa_id) => wa_id.clone().into(),
            ReachedBy::UserId(user_id) => user_id.clone().into(),
        }
    }
}

impl From<UserId> for Recipient {
    fn from(user_id: UserId) -> Self {
        Self { wa_id: None, user_id: Some(user_id) }
    }
}

/// A call to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// Whom to call.
    pub to: Recipient,
    /// Our offer's SDP.
    pub sdp: SdpText,
    /// Echoed in every webhook of the call.
    pub biz_opaque_callback_data: Option<String>,
    /// What to keep of it.
    pub captures: Captures,
}

/// The taking of a user's call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// Which call.
    pub call_id: CallId,
    /// Our answer's SDP, the same as in `pre_accept`.
    pub sdp: SdpText,
    /// Echoed in the terminate webhook.
    pub biz_opaque_callback_data: Option<String>,
    /// What to keep of it.
    pub captures: Captures,
}

/// What is to be kept of a call (fact sheet 12.1, 12.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures {
    /// Whether to record.
    pub recording: Option<Capture>,
    /// Whether to transcribe.
    pub transcription: Option<Capture>,
}

/// A request to record or transcribe a call (fact sheet 12.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capture {
    /// `ENABLED` or `DISABLED`.
    #[serde(rename = "status", serialize_with = "write_switch")]
    pub enabled: bool,
    /// Why, spoken to both sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The language of the announcement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announcement_language: Option<String>,
}

fn write_switch<S: serde::Serializer>(on: &bool, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(if *on { "ENABLED" } else { "DISABLED" })
}

impl CallRequest {
    /// Is `biz_opaque_callback_data` short enough? The bound is a rule, so it is not checked with the
    /// body.
    ///
    /// # Errors
    ///
    /// [`RequestFault::TooLong`].
    pub fn check_opaque(&self, chars_max: usize) -> Result<(), RequestFault> {
        let opaque = match self {
            Self::Connect(connect) => connect.biz_opaque_callback_data.as_deref(),
            Self::Accept(accept) => accept.biz_opaque_callback_data.as_deref(),
            Self::PreAccept { .. } | Self::Reject { .. } | Self::Terminate { .. } => None,
        };
        match opaque.map(|text| text.chars().count()) {
            Some(found) if found > chars_max => {
                Err(RequestFault::TooLong { path: OPAQUE.to_owned(), chars_max, found })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The call it is about; a new one has no id yet.
    #[must_use]
    pub fn call_id(&self) -> Option<&CallId> {
        match self {
            Self::Connect(_) => None,
            Self::Accept(accept) => Some(&accept.call_id),
            Self::PreAccept { call_id, .. }
            | Self::Reject { call_id }
            | Self::Terminate { call_id } => Some(call_id),
        }
    }

    /// Whether a raw body asks for a new call, readable otherwise or not: the number is judged
    /// before the body is (fact sheet 4.7).
    #[must_use]
    pub fn asks_to_connect(bytes: &[u8]) -> bool {
        read::body(bytes)
            .is_ok_and(|map| map.get("action").and_then(Value::as_str) == Some("connect"))
    }

    /// Reads the raw body.
    ///
    /// # Errors
    ///
    /// The first fault, in the order: JSON, product, action, ids, session, the rest.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestFault> {
        Self::read(bytes, false)
    }

    /// As [`CallRequest::parse`], but without `action` the session says which one it is: an offer is
    /// a `connect`, an answer an `accept`. Old tables have it as optional (fact sheet 3.1).
    ///
    /// # Errors
    ///
    /// As [`CallRequest::parse`].
    pub fn parse_by_session(bytes: &[u8]) -> Result<Self, RequestFault> {
        Self::read(bytes, true)
    }

    fn read(bytes: &[u8], by_session: bool) -> Result<Self, RequestFault> {
        let map = read::body(bytes)?;
        let fields = Fields::root(&map);
        fields.messaging_product()?;
        let action = match fields.text("action")? {
            None if by_session => action_of_session(fields)?,
            given => given,
        };
        match action.ok_or_else(|| fields.missing("action"))? {
            "connect" => read_connect(fields).map(|c| Self::Connect(Box::new(c))),
            "pre_accept" => Ok(Self::PreAccept {
                call_id: call_id(fields)?,
                sdp: read_session(fields, SdpType::Answer)?,
            }),
            "accept" => read_accept(fields).map(|a| Self::Accept(Box::new(a))),
            "reject" => Ok(Self::Reject { call_id: call_id(fields)? }),
            "terminate" => Ok(Self::Terminate { call_id: call_id(fields)? }),
            _ => Err(RequestFault::UnknownAction),
        }
    }

    /// The action's word on the wire.
    #[must_use]
    pub fn action(&self) -> &'static str {
        ACTIONS[match self {
            Self::Connect(_) => 0,
            Self::PreAccept { .. } => 1,
            Self::Accept(_) => 2,
            Self::Reject { .. } => 3,
            Self::Terminate { .. } => 4,
        }]
    }
}

/// What a request without an action asks for, if its session says so.
fn action_of_session(fields: Fields<'_>) -> Result<Option<&'static str>, RequestFault> {
    let kind = fields.object("session", |session| Ok(session.text("sdp_type")?.map(str::to_owned)));
    Ok(match kind?.flatten().as_deref() {
        Some("offer") => Some("connect"),
        Some("answer") => Some("accept"),
        Some(_) | None => None,
    })
}

fn call_id(fields: Fields<'_>) -> Result<CallId, RequestFault> {
    fields.parsed("call_id")?.ok_or_else(|| fields.missing("call_id"))
}

/// Reads `to` and `recipient`; one of them is required.
pub(crate) fn read_recipient(fields: Fields<'_>) -> Result<Recipient, RequestFault> {
    let wa_id = match fields.text("to")? {
        Some(text) => Some(WaId::from_dialled(text).map_err(|_| {
            RequestFault::invalid(fields.path_of("to"), "digits in E.164, with or without +")
        })?),
        None => None,
    };
    let user_id = fields.parsed("recipient")?;
    if wa_id.is_none() && user_id.is_none() {
        return Err(fields.missing("to"));
    }
    Ok(Recipient { wa_id, user_id })
}

fn read_session(fields: Fields<'_>, wanted: SdpType) -> Result<SdpText, RequestFault> {
    fields.required_object("session", |session| {
        let found: SdpType =
            session.word("sdp_type", SdpType::WORDS)?.ok_or_else(|| session.missing("sdp_type"))?;
        if found != wanted {
            let why = format!("this action takes an {}", wanted.as_str());
            return Err(RequestFault::invalid(session.path_of("sdp_type"), why));
        }
        session.required_sdp("sdp")
    })
}

fn read_connect(fields: Fields<'_>) -> Result<Connect, RequestFault> {
    Ok(Connect {
        to: read_recipient(fields)?,
        sdp: read_session(fields, SdpType::Offer)?,
        biz_opaque_callback_data: fields.text(OPAQUE)?.map(str::to_owned),
        captures: read_captures(fields)?,
    })
}

fn read_accept(fields: Fields<'_>) -> Result<Accept, RequestFault> {
    Ok(Accept {
        call_id: call_id(fields)?,
        sdp: read_session(fields, SdpType::Answer)?,
        biz_opaque_callback_data: fields.text(OPAQUE)?.map(str::to_owned),
        captures: read_captures(fields)?,
    })
}

fn read_captures(fields: Fields<'_>) -> Result<Captures, RequestFault> {
    Ok(Captures {
        recording: fields.object("recording", read_capture)?,
        transcription: fields.object("transcription", read_capture)?,
    })
}

fn read_capture(fields: Fields<'_>) -> Result<Capture, RequestFault> {
    let status = fields.required_text("status")?;
    read::check_word(&fields.path_of("status"), status, &["ENABLED", "DISABLED"])?;
    let enabled = status == "ENABLED";
    let capture = Capture {
        enabled,
        purpose: fields.text("purpose")?.map(str::to_owned),
        announcement_language: fields.text("announcement_language")?.map(str::to_owned),
    };
    if enabled && capture.purpose.is_none() {
        return Err(fields.missing("purpose"));
    }
    if enabled && capture.announcement_language.is_none() {
        return Err(fields.missing("announcement_language"));
    }
    Ok(capture)
}

#[derive(Serialize)]
struct Body<'a> {
    messaging_product: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_id: Option<&'a CallId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a WaId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a UserId>,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    biz_opaque_callback_data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recording: Option<&'a Capture>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transcription: Option<&'a Capture>,
}

#[derive(Serialize)]
struct SessionBody<'a> {
    sdp_type: SdpType,
    sdp: &'a SdpText,
}

impl Serialize for CallRequest {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut body = Body {
            messaging_product: crate::WHATSAPP,
            call_id: None,
            to: None,
            recipient: None,
            action: self.action(),
            session: None,
            biz_opaque_callback_data: None,
            recording: None,
            transcription: None,
        };
        match self {
            Self::Connect(connect) => {
                body.to = connect.to.wa_id.as_ref();
                body.recipient = connect.to.user_id.as_ref();
                body.session = Some(SessionBody { sdp_type: SdpType::Offer, sdp: &connect.sdp });
                body.biz_opaque_callback_data = connect.biz_opaque_callback_data.as_deref();
                body.recording = connect.captures.recording.as_ref();
                body.transcription = connect.captures.transcription.as_ref();
            }
            Self::PreAccept { call_id, sdp } => {
                body.call_id = Some(call_id);
                body.session = Some(SessionBody { sdp_type: SdpType::Answer, sdp });
            }
            Self::Accept(accept) => {
                body.call_id = Some(&accept.call_id);
                body.session = Some(SessionBody { sdp_type: SdpType::Answer, sdp: &accept.sdp });
                body.biz_opaque_callback_data = accept.biz_opaque_callback_data.as_deref();
                body.recording = accept.captures.recording.as_ref();
                body.transcription = accept.captures.transcription.as_ref();
            }
            Self::Reject { call_id } | Self::Terminate { call_id } => body.call_id = Some(call_id),
        }
        body.serialize(to)
    }
}

crate::open::open_enum! {
    /// Which half of the exchange an SDP is.
    SdpType {
        /// The first half.
        Offer = "offer",
        /// The second half.
        Answer = "answer",
    }
}

/// The API's `session` object, as it stands in webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The SDP.
    pub sdp: SdpText,
    /// Offer or answer.
    pub sdp_type: SdpType,
}

impl Session {
    /// An offer.
    #[must_use]
    pub fn offer(sdp: impl Into<SdpText>) -> Self {
        Self { sdp: sdp.into(), sdp_type: SdpType::Offer }
    }

    /// An answer.
    #[must_use]
    pub fn answer(sdp: impl Into<SdpText>) -> Self {
        Self { sdp: sdp.into(), sdp_type: SdpType::Answer }
    }
}

/// What a `connect` is answered; the other actions get [`Success`](super::Success).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connected {
    /// `whatsapp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messaging_product: Option<String>,
    /// The new call, one.
    pub calls: Vec<CallRef>,
}

impl Connected {
    /// The answer that names this call.
    #[must_use]
    pub fn new(id: CallId) -> Self {
        Self { messaging_product: Some(crate::WHATSAPP.into()), calls: vec![CallRef { id }] }
    }

    /// The new call's id.
    #[must_use]
    pub fn call_id(&self) -> Option<&CallId> {
        self.calls.first().map(|call| &call.id)
    }
}

/// A call, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRef {
    /// Its id.
    pub id: CallId,
}
