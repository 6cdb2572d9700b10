//! Whom do we know, and what do we send them?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::{Deserialize, Serialize};
use terms::{MessageId, UserRef};
use wire::{
    console::{AskPermission, Contact, WriteMessage},
    graph::message::{Content, Sent},
    handset::ChatKind,
};

use super::{
    ApiError,
    idempotency::{self, Answer, Asked, Whose},
    page::Page,
};
use crate::{
    console::session::Caller,
    contacts,
    graph::GraphError,
    line::Line,
    office::Office,
    permission_requests::{self, AskError},
    store::{ContactRow, LineSet},
};

/// The longest text and the longest words of a request, as the API's documents have them; a platform
/// with other limits says so itself.
const TEXT_CHARS_MAX: usize = 4096;
const BODY_CHARS_MAX: usize = 1024;

#[derive(Deserialize)]
pub(super) struct Which {
    /// Of which line.
    from: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ContactList {
    contacts: Vec<Contact>,
    /// What to send as `after` to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What was sent.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct SentAnswer {
    message_id: MessageId,
}

/// Every user seen, the one changed last first, without their chats.
#[utoipa::path(get, path = "/v1/contacts", tag = "contacts",
    params(("from" = Option<String>, Query, description = "Only of this number of ours: its digits or id"),
           ("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most"),
           ("after" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, body = ContactList, description = "`{contacts: […], next?}`"),
              (status = 401, body = super::Refused)))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(which): Query<Which>,
    Query(page): Query<Page>,
) -> Result<Json<ContactList>, ApiError> {
    let lines = match which.from.as_deref() {
        Some(from) => LineSet::one(caller.line(&office, Some(from))?.id()),
        None => caller.lines(),
    };
    let mut rows = office.store.contacts(lines, page.to_read(), page.after_moment()?).await?;
    let next = page.cut(&mut rows, |(at_ms, row)| format!("{at_ms}.{}", row.id));
    let view = |(_, row): (i64, ContactRow)| {
        let line = office.lines.get(&row.line)?;
        Some(contacts::view(line, row))
    };
    Ok(Json(ContactList { contacts: rows.into_iter().filter_map(view).collect(), next }))
}

/// One user with the chat.
#[utoipa::path(get, path = "/v1/contacts/{user}", tag = "contacts",
    params(("user" = String, Path, description = "The user's number, digits, or the BSUID"),
           ("from" = Option<String>, Query, description = "Our number: digits or id; may be absent where there is one")),
    responses((status = 200, body = Contact, description = "The user with the chat"),
              (status = 404, body = super::Refused)))]
pub(super) async fn one(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(user): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<Contact>, ApiError> {
    let unknown = || ApiError::not_found("no user of this number or BSUID has been seen");
    let user = user.parse().map_err(|_| unknown())?;
    let line = caller.line(&office, which.from.as_deref())?;
    contacts::load(&office, line, user).await?.map(Json).ok_or_else(unknown)
}

/// Ask a user for permission to call: in our words while the service window is open, else by a
/// configured template.
#[utoipa::path(post, path = "/v1/permission_requests", tag = "contacts",
    params(("Idempotency-Key" = Option<String>, Header, description = "Acts once; the same key with the same body gets the same answer for 24 hours")),
    request_body(content = AskPermission, description = "`{to, from?, text?, language?}`; `text` stands in a free-form request, `language` chooses the template"),
    responses((status = 200, body = permission_requests::Asked, description = "`{message_id, form: \"free_form\"}` or `{message_id, form: \"template\", template, language}`"),
              (status = 409, body = super::Refused, description = "We may not, or the platform says no"),
              (status = 502, body = super::Refused, description = "The platform does not answer")))]
pub(super) async fn ask_permission(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Asked { wanted: AskPermission { to, from, text, language }, mark }: Asked<AskPermission>,
) -> Result<Answer, ApiError> {
    let line = Arc::clone(caller.line(&office, from.as_deref())?);
    check_length(text.as_deref().unwrap_or_default(), BODY_CHARS_MAX)?;
    let text = text.filter(|text| !text.is_empty());
    let (asking, at) = (Arc::clone(&office), Arc::clone(&line));
    let acting = async move {
        let language = language.as_deref();
        let to = contacts::complete(&asking, &at, to).await?;
        Answer::sent(&permission_requests::ask(&asking, &at, &to, text, language).await?)
    };
    idempotency::once(office, Whose::Line(line.id()), mark, acting).await
}

impl From<AskError> for ApiError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused { rule, evidence, changes_at } => {
                Self::by_rule(rule.to_owned(), (evidence.to_string(), evidence.said()), changes_at)
            }
            AskError::Graph(error) => error.into(),
            AskError::Store(error) => error.into(),
        }
    }
}

/// Write a text to a user.
#[utoipa::path(post, path = "/v1/messages", tag = "contacts",
    params(("Idempotency-Key" = Option<String>, Header, description = "Acts once; the same key with the same body gets the same answer for 24 hours")),
    request_body(content = WriteMessage, description = "`{to, from?, text}`"),
    responses((status = 200, body = SentAnswer, description = "`{message_id}`"),
              (status = 409, body = super::Refused, description = "The platform says no"),
              (status = 502, body = super::Refused, description = "The platform does not answer")))]
pub(super) async fn write(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Asked { wanted: WriteMessage { to, from, text }, mark }: Asked<WriteMessage>,
) -> Result<Answer, ApiError> {
    let line = Arc::clone(caller.line(&office, from.as_deref())?);
    if text.is_empty() {
        return Err(ApiError::invalid("text: write something"));
    }
    check_length(&text, TEXT_CHARS_MAX)?;
    let acting = send_text(Arc::clone(&office), Arc::clone(&line), to, text);
    idempotency::once(office, Whose::Line(line.id()), mark, acting).await
}

async fn send_text(
    office: Arc<Office>,
    line: Arc<Line>,
    to: UserRef,
    text: String,
) -> Result<Answer, ApiError> {
    let content = Content::Text { body: text.clone() };
    let to = contacts::complete(&office, &line, to).await?;
    let sent = line.graph.send_message(to.clone(), content).await?;
    let to = contacts::addressed(to, &sent);
    let message_id = first(sent)?;
    contacts::note_sent(&office, &line, to, &message_id, ChatKind::Text, Some(text)).await?;
    Answer::sent(&SentAnswer { message_id })
}

fn check_length(text: &str, chars_max: usize) -> Result<(), ApiError> {
    if text.chars().count() > chars_max {
        return Err(ApiError::invalid(format!("text: at most {chars_max} characters")));
    }
    Ok(())
}

fn first(sent: Sent) -> Result<MessageId, ApiError> {
    let id = sent.messages.into_iter().next().map(|message| message.id);
    let why = "its answer names no message".into();
    id.ok_or_else(|| GraphError::Unreachable { why }.into())
}
