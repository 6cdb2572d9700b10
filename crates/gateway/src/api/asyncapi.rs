//! What does the gateway say and hear outside of requests and answers?
//!
//! An AsyncAPI 3 document: our own protocol of bots, and the events as webhooks and as a stream. The
//! schemas are those of the types that are written and read, so they cannot say anything else.

use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema, openapi::RefOr, openapi::Schema};
use wire::{
    bot::{
        SUBPROTOCOL,
        native::{BotIsTold, BotSays},
    },
    console::Call,
    event::{
        KINDS, MEDIA_TYPE, MissedCall, Noted, Permission, Pickup, Recording, Spending, Window,
    },
};

use super::events::CloudEvent;
use crate::cdr::Cdr;

/// Where schemas stand in the document.
const SCHEMAS: &str = "#/components/schemas/";
/// The words of a bot that an older gateway leaves alone: no message of the protocol.
const LEFT_ALONE: &str = "other";

/// Before the names of messages in a conversation.
const TOLD: &str = "told.";
const SAYS: &str = "says.";

type Schemas = Vec<(String, RefOr<Schema>)>;

/// The document, as committed in `openapi/gateway-async.json`.
#[must_use]
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    with::<BotIsTold>(&mut schemas);
    with::<BotSays>(&mut schemas);
    with::<CloudEvent>(&mut schemas);
    for of_data in [
        with::<Call>,
        with::<MissedCall>,
        with::<Cdr>,
        with::<Noted>,
        with::<Recording>,
        with::<Permission>,
        with::<Window>,
        with::<Pickup>,
        with::<Spending>,
    ] {
        of_data(&mut schemas);
    }
    let mut schemas: Map<String, Value> =
        schemas.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
    without_left_alone(&mut schemas);
    let mut messages = bot_messages(&schemas);
    let in_talk: Vec<String> = messages.keys().cloned().collect();
    let events: Vec<String> = KINDS.iter().map(|kind| (*kind).to_owned()).collect();
    messages.extend(KINDS.iter().map(|kind| ((*kind).to_owned(), event(kind))));
    json!({
        "asyncapi": "3.0.0",
        "info": {"title": "Offhook gateway", "version": env!("CARGO_PKG_VERSION"),
            "description": "What is said outside of requests and answers: a bot's conversation in a \
                call, and the events of calls, people and numbers."},
        "defaultContentType": "application/json",
        "servers": {
            "gateway": {"host": "gateway.example:8500", "protocol": "wss",
                "description": "Where bots come and programs listen to the stream (over https)."},
            "bot": {"host": "bot.example", "protocol": "wss",
                "description": "A bot that is dialled for each call: its configured `url`."},
            "receiver": {"host": "crm.example", "protocol": "https",
                "description": "A receiver of webhooks: its configured `url`."}},
        "channels": channels(&in_talk, &events),
        "operations": operations(&in_talk),
        "components": {"messages": messages, "schemas": schemas},
    })
}

/// A type's schema under its name, and those it is made of.
fn with<T: ToSchema + PartialSchema>(schemas: &mut Schemas) {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
}

fn without_left_alone(schemas: &mut Map<String, Value>) {
    let said = schemas.get_mut("BotSays").and_then(|schema| schema["oneOf"].as_array_mut());
    if let Some(said) = said {
        said.retain(|one| kind_of(one) != Some(LEFT_ALONE));
    }
}

/// The word in `type` of one message of several.
fn kind_of(one: &Value) -> Option<&str> {
    one["properties"]["type"]["enum"][0].as_str()
}

/// The messages of a conversation: those a bot is told, and those it says.
fn bot_messages(schemas: &Map<String, Value>) -> Map<String, Value> {
    let mut messages = Map::new();
    for (whose, prefix) in [("BotIsTold", TOLD), ("BotSays", SAYS)] {
        for (at, one) in schemas[whose]["oneOf"].as_array().into_iter().flatten().enumerate() {
            let Some(kind) = kind_of(one) else { continue };
            let payload = format!("{SCHEMAS}{whose}/oneOf/{at}");
            messages.insert(
                format!("{prefix}{kind}"),
                json!({"name": kind, "summary": one["description"],
                    "contentType": "application/json", "payload": {"$ref": payload}}),
            );
        }
    }
    let audio = json!({"name": "audio", "contentType": "application/octet-stream",
        "summary": "Binary: linear audio, 16 bits, the low byte first, one channel",
        "payload": {"type": "string", "format": "binary"}});
    messages.insert("audio".into(), audio);
    messages
}

/// An event of this type: the document, and its data.
fn event(kind: &str) -> Value {
    let data = match kind {
        "call.missed" => of("MissedCall"),
        "call.ended" | "call.amended" => of("Cdr"),
        "call.updated" => of("Noted"),
        "recording.ready" | "voicemail.received" | "transcript.ready" => of("Recording"),
        "account.at_risk" | "account.recovered" => of("Pickup"),
        // The platform's own word, as its webhook `account_update` has it.
        "account.restricted" => json!({"type": "object"}),
        kind if kind.starts_with("permission.") => of("Permission"),
        kind if kind.starts_with("window.") => of("Window"),
        kind if kind.starts_with("budget.") => of("Spending"),
        _ => of("Call"),
    };
    json!({"name": kind, "contentType": MEDIA_TYPE, "payload": {"allOf": [of("CloudEvent"),
        {"type": "object", "properties": {"type": {"const": kind}, "data": data}}]}})
}

fn of(schema: &str) -> Value {
    json!({"$ref": format!("{SCHEMAS}{schema}")})
}

fn channels(in_talk: &[String], events: &[String]) -> Value {
    let named = |names: &[String]| {
        let of = |name: &String| json!({"$ref": format!("#/components/messages/{name}")});
        names.iter().map(|name| (name.clone(), of(name))).collect::<Map<String, Value>>()
    };
    let (in_talk, events) = (named(in_talk), named(events));
    let socket = json!({"ws": {"headers": {"type": "object", "properties": {
        "authorization": {"type": "string", "description": "`Bearer` and the bot's token"},
        "sec-websocket-protocol": {"type": "string", "const": SUBPROTOCOL}}}}});
    json!({
        "dialled": {"address": "/talk", "servers": [{"$ref": "#/servers/bot"}],
            "description": "The gateway dials the bot for each call.",
            "messages": in_talk, "bindings": socket},
        "came": {"address": "/v1/bots/{name}/connect", "servers": [{"$ref": "#/servers/gateway"}],
            "parameters": {"name": {"description": "The bot's name"}},
            "description": "The bot opens a connection and waits for one call.",
            "messages": in_talk, "bindings": socket},
        "webhook": {"address": "/", "servers": [{"$ref": "#/servers/receiver"}],
            "description": "A POST for each event, signed and tried again (docs/events.md).",
            "messages": events, "bindings": {"http": {}}},
        "stream": {"address": "/v1/events/stream", "servers": [{"$ref": "#/servers/gateway"}],
            "description": "Server-sent events: `id` is the cursor, `event` the type, `data` the event.",
            "messages": events},
    })
}

fn operations(in_talk: &[String]) -> Value {
    let mut operations = Map::new();
    for channel in ["dialled", "came"] {
        for (action, name, theirs) in [("send", "tell", SAYS), ("receive", "hear", TOLD)] {
            let messages: Vec<Value> = in_talk
                .iter()
                .filter(|message| !message.starts_with(theirs))
                .map(|message| json!({"$ref": format!("#/channels/{channel}/messages/{message}")}))
                .collect();
            operations.insert(
                format!("{name}_bot_{channel}"),
                json!({"action": action, "messages": messages,
                    "channel": {"$ref": format!("#/channels/{channel}")}}),
            );
        }
    }
    for channel in ["webhook", "stream"] {
        let tells = json!({"action": "send", "channel": {"$ref": format!("#/channels/{channel}")}});
        operations.insert(format!("tell_{channel}"), tells);
    }
    operations.into()
}
