//! What do a user's phone and the platform say to each other?
//!
//! JSON text frames over `GET /phone/ws?wa_id=DIGITS`, tagged by `type`. The page in a browser and
//! the handset library speak the same. The phone always makes the SDP offer, the platform always
//! answers: for a call of the user the offer travels with `call`, for a call to the user with
//! `pick_up`.
//!
//! A word one side does not know is an error frame, never a panic.

use serde::{Deserialize, Serialize};
use terms::{CallId, Country, MessageId, Timestamp, WaId};

use crate::SdpText;

/// Phone → platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromPhone {
    /// Call a business.
    Call {
        /// Its number.
        to: WaId,
        /// The phone's offer.
        sdp: SdpText,
        /// From the deep link.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deeplink_payload: Option<String>,
        /// From the button.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cta_payload: Option<String>,
        /// The chat entry whose button was pressed. It then says what goes with the call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        button: Option<MessageId>,
    },
    /// Ask a business that is closed now to call back.
    AskCallback {
        /// Its number.
        to: WaId,
    },
    /// Take a call.
    PickUp {
        /// Which.
        call_id: CallId,
        /// The phone's offer.
        sdp: SdpText,
    },
    /// Refuse a call.
    Reject {
        /// Which.
        call_id: CallId,
    },
    /// End a call, or stop calling.
    HangUp {
        /// Which.
        call_id: CallId,
    },
    /// This phone is in another call.
    Busy {
        /// Which call it cannot take.
        call_id: CallId,
    },
    /// Write to a business.
    Message {
        /// Its number.
        to: WaId,
        /// The text.
        text: String,
        /// The chat entry that is answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<MessageId>,
    },
    /// Decide whether a business may call.
    Permission {
        /// Its number.
        to: WaId,
        /// The request that is answered: the id of its chat entry. Absent: from the profile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request_id: Option<MessageId>,
        /// The decision.
        choice: PermissionChoice,
    },
    /// The chat was looked at.
    Read {
        /// The business's number.
        chat: WaId,
    },
}

/// What a user decides about being called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionChoice {
    /// For seven days.
    Temporary,
    /// Until taken back.
    Permanent,
    /// No.
    Reject,
    /// No longer.
    Revoke,
}

/// Platform → phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToPhone {
    /// First frame: all there is.
    Hello {
        /// Whose phone this is.
        user: PhoneUser,
        /// Whom one can call.
        businesses: Vec<PhoneBusiness>,
        /// What was said.
        chats: Vec<Chat>,
        /// The platform's clock.
        now: Timestamp,
    },
    /// A business of the list is new or has changed; same number: it replaces the old one.
    Business {
        /// The business as it is now.
        business: PhoneBusiness,
    },
    /// The call was taken on; it rings at the business.
    Calling {
        /// Its id.
        call_id: CallId,
    },
    /// The answer to the phone's offer.
    Answer {
        /// Which call.
        call_id: CallId,
        /// The platform's answer.
        sdp: SdpText,
    },
    /// The business took the call; the timer starts.
    Accepted {
        /// Which call.
        call_id: CallId,
        /// Since when.
        at: Timestamp,
    },
    /// Nobody took the call; voicemail answers it.
    Voicemail {
        /// Which call.
        call_id: CallId,
        /// Since when.
        at: Timestamp,
    },
    /// A business calls.
    Incoming {
        /// Which call.
        call_id: CallId,
        /// Who calls.
        from: PhoneCaller,
    },
    /// A call is over.
    Ended {
        /// Which call.
        call_id: CallId,
        /// A word of [`EndedReason`].
        reason: EndedReason,
        /// The same for people.
        text: String,
        /// Whole seconds; only if the call was picked up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration_s: Option<u64>,
    },
    /// Something asked for will not happen.
    Refused {
        /// The `type` of the frame that is refused.
        what: String,
        /// The rule.
        code: String,
        /// The API's error code, where it has one for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error_code: Option<u32>,
        /// The same for people.
        text: String,
        /// When the business, closed now, opens next.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opens_at: Option<Timestamp>,
        /// The business may be asked to call back: [`FromPhone::AskCallback`].
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        callback: bool,
    },
    /// A new or changed entry of a chat; same id: it replaces the old one.
    Chat {
        /// Which chat: the business's number.
        business: WaId,
        /// The entry.
        entry: ChatEntry,
    },
    /// A frame could not be read.
    Error {
        /// Why.
        text: String,
    },
}

crate::open::open_enum! {
    /// Why a call ended, for the phone's screen.
    EndedReason {
        /// The user hung up.
        UserHungUp = "user_hung_up",
        /// The business hung up.
        BusinessHungUp = "business_hung_up",
        /// The business refused.
        BusinessRejected = "business_rejected",
        /// The user refused.
        UserRejected = "user_rejected",
        /// Nobody took the call in time.
        NotAnswered = "not_answered",
        /// The media stopped.
        MediaLost = "media_lost",
        /// Something failed.
        Failed = "failed",
    }
}

/// Whose phone this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneUser {
    /// The number.
    pub wa_id: WaId,
    /// The name.
    pub name: String,
    /// The country of the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
}

/// A business one can write to or call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneBusiness {
    /// Its number.
    pub number: WaId,
    /// Its name.
    pub name: String,
    /// Whether it takes calls at all.
    pub calling_enabled: bool,
    /// Whether the call icon shows in its chat.
    pub icon_visible: bool,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneCaller {
    /// The business's number.
    pub number: WaId,
    /// Its name.
    pub name: String,
}

/// One chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// The business's number.
    pub business: WaId,
    /// What was said, oldest first.
    pub entries: Vec<ChatEntry>,
}

/// One line of a chat. Which of the optional fields are there depends on `kind`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatEntry {
    /// Its id; of a permission request: the `request_id` of the answer.
    pub id: MessageId,
    /// When.
    pub at: Timestamp,
    /// Who wrote it.
    pub from: ChatAuthor,
    /// What it is.
    pub kind: ChatKind,
    /// The line above the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The line below the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// Buttons that open a page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<ChatLink>,
    /// The entry this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// When the other side read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// How it stands: see [`ChatEntryState`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ChatEntryState>,
    /// When a request or button stops working, or a temporary permission ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The label of a call button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub button_text: Option<String>,
    /// The payload of a call button, to be sent back as `cta_payload`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// The call this line is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// How long that call was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<u64>,
}

impl std::fmt::Debug for ChatEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatEntry")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl ChatEntry {
    /// An entry with everything absent that may be.
    #[must_use]
    pub fn new(id: MessageId, at: Timestamp, from: ChatAuthor, kind: ChatKind) -> Self {
        Self {
            id,
            at,
            from,
            kind,
            header: None,
            text: None,
            footer: None,
            links: Vec::new(),
            reply_to: None,
            read_at: None,
            state: None,
            expires_at: None,
            button_text: None,
            payload: None,
            call_id: None,
            duration_s: None,
        }
    }
}

/// A button that opens a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatLink {
    /// What stands on it.
    pub text: String,
    /// Where it leads.
    pub url: String,
}

/// Who wrote an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChatAuthor {
    /// The business.
    Business,
    /// The user.
    User,
    /// WhatsApp itself: calls, nudges.
    System,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// A text.
    Text,
    /// The business asks for permission to call.
    PermissionRequest,
    /// What the user decided.
    PermissionReply,
    /// A call that took place or not.
    Call,
    /// A button that calls the business.
    CallButton,
}

/// How an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChatEntryState {
    /// A request that waits for an answer.
    Open,
    /// Permission for seven days.
    Temporary,
    /// Permission until taken back.
    Permanent,
    /// Refused.
    Rejected,
    /// Taken back.
    Revoked,
    /// A request or button that no longer works.
    Expired,
    /// A message on its way.
    Sent,
    /// A message that was read.
    Read,
    /// A call that was not taken.
    Missed,
    /// A call that took place.
    Completed,
}
