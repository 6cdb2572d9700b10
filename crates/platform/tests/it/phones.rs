//! Phones that misbehave, and two phones of one user.

use futures_util::{SinkExt as _, StreamExt as _};
use offhook_platform::Config;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::{
    bench::{ANA, BUSINESS, Bench, config, send},
    business::Business,
};

pub(crate) const BRUNO: &str = "5511988887777";

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) async fn phone(bench: &Bench, user: &str) -> Socket {
    open(bench, user).await.0
}

/// What a phone shows when it is taken up.
pub(crate) async fn shown(bench: &Bench, user: &str) -> Value {
    let (socket, hello) = open(bench, user).await;
    drop(socket);
    // Until it is put down, calls ring here and not at the scripted phone.
    for _ in 0..400 {
        let (_, seen) = bench.sandbox_get(&format!("/users/{user}")).await;
        if seen["phone_connected"] == false {
            return hello;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the phone of {user} is not put down")
}

async fn open(bench: &Bench, user: &str) -> (Socket, Value) {
    let url = bench.url(&format!("/phone/ws?wa_id={user}")).replace("http://", "ws://");
    let (mut socket, _) = connect_async(url).await.unwrap();
    let hello = next(&mut socket).await;
    assert_eq!(hello["type"], "hello");
    (socket, hello)
}

/// Whether a phone that connects now sees the number take calls, and its icon.
async fn greeted(bench: &Bench, user: &str) -> (bool, bool) {
    let url = bench.url(&format!("/phone/ws?wa_id={user}")).replace("http://", "ws://");
    let (mut socket, _) = connect_async(url).await.unwrap();
    seen(&next(&mut socket).await["businesses"][0])
}

fn seen(business: &Value) -> (bool, bool) {
    assert_eq!(business["number"], BUSINESS, "{business}");
    let is = |key: &str| business[key].as_bool().unwrap();
    (is("calling_enabled"), is("icon_visible"))
}

/// What the next frame tells of the number.
async fn told(socket: &mut Socket) -> (bool, bool) {
    let frame = next(socket).await;
    assert_eq!(frame["type"], "business", "{frame}");
    seen(&frame["business"])
}

pub(crate) async fn next(socket: &mut Socket) -> Value {
    loop {
        let message = socket.next().await.unwrap().unwrap();
        assert!(!message.is_close(), "{message}");
        if let Message::Text(text) = message {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

pub(crate) async fn say(socket: &mut Socket, frame: &str) -> Value {
    socket.send(Message::Text(frame.to_owned().into())).await.unwrap();
    next(socket).await
}

#[tokio::test]
async fn what_a_phone_should_not_say_is_answered_and_harms_nothing() {
    let bench = Bench::start().await;
    let mut socket = phone(&bench, ANA).await;
    for garbage in ["", "{", "[]", "{\"type\":\"dance\"}", "{\"type\":\"call\",\"to\":\"x\"}"] {
        assert_eq!(say(&mut socket, garbage).await["type"], "error", "{garbage}");
    }
    let frames = [
        (json!({ "type": "hang_up", "call_id": "wacid.X" }), "call.unknown"),
        (json!({ "type": "call", "to": BUSINESS, "sdp": "v=0" }), "request.sdp"),
        (json!({ "type": "call", "to": "1", "sdp": "v=0" }), "request.unknown"),
        (json!({ "type": "message", "to": BUSINESS, "text": " " }), "request.body"),
        (
            json!({ "type": "permission", "to": BUSINESS, "choice": "revoke" }),
            "permission.nothing_to_revoke",
        ),
        (
            json!({ "type": "permission", "to": BUSINESS, "choice": "reject", "request_id": "wamid.X" }),
            "permission.request_closed",
        ),
    ];
    for (frame, code) in frames {
        let answer = say(&mut socket, &frame.to_string()).await;
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("refused"), &json!(code)),
            "{frame}"
        );
    }
    socket.send(Message::Binary(vec![0; 9].into())).await.unwrap();
    assert_eq!(next(&mut socket).await["type"], "error");
    let url = bench.url("/phone/ws?wa_id=999").replace("http://", "ws://");
    assert!(connect_async(url).await.is_err(), "no user of this number");
    assert_eq!(bench.sandbox_get("/state").await.0, 200);
}

#[tokio::test]
async fn a_held_phone_rings_in_place_of_the_scripted_one_and_sees_its_chat() {
    let bench = Bench::start().await;
    bench.open_window().await;
    let mut socket = phone(&bench, ANA).await;
    let ask = json!({ "messaging_product": "whatsapp", "to": ANA, "type": "interactive",
        "interactive": { "type": "call_permission_request", "action": { "name": "call_permission_request" } } });
    assert_eq!(bench.graph("messages", ask).await.0, 200);
    let card = next(&mut socket).await;
    assert_eq!(card["entry"]["kind"], "permission_request");
    assert_eq!(card["entry"]["state"], "open");
    let allow = json!({ "type": "permission", "to": BUSINESS, "request_id": card["entry"]["id"], "choice": "permanent" });
    let answered = say(&mut socket, &allow.to_string()).await;
    assert_eq!(
        (&answered["entry"]["id"], &answered["entry"]["state"]),
        (&card["entry"]["id"], &json!("permanent"))
    );
    assert_eq!(next(&mut socket).await["entry"]["kind"], "permission_reply");
    bench.hook.wait("accept").await;

    let dial = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": Business::offering().sdp } });
    let placed = bench.graph("calls", dial).await;
    let id = &placed.1["calls"][0]["id"];
    let incoming = next(&mut socket).await;
    assert_eq!((&incoming["type"], &incoming["call_id"]), (&json!("incoming"), id));
    assert_eq!(incoming["from"]["name"], "Loja Aurora");
    bench.hook.wait("RINGING").await;
    let decline = json!({ "type": "reject", "call_id": id });
    let ended = say(&mut socket, &decline.to_string()).await;
    assert_eq!((&ended["type"], &ended["reason"]), (&json!("ended"), &json!("user_rejected")));
    assert_eq!(next(&mut socket).await["entry"]["state"], "rejected");
    bench.hook.wait("REJECTED").await;
}

#[tokio::test]
async fn a_phone_learns_of_changed_settings_and_each_user_sees_what_is_for_them() {
    let bench = Bench::start().await;
    // Ana is of Mexico, Bruno of Brazil.
    let (mut ana, mut bruno) = (phone(&bench, ANA).await, phone(&bench, BRUNO).await);
    let set = async |calling: Value| {
        let (status, answer) = bench.graph("settings", json!({ "calling": calling })).await;
        assert_eq!(status, 200, "{answer}");
    };
    let only = json!({ "call_icons": { "restrict_to_user_countries": ["BR"] } });
    set(only).await;
    assert_eq!((told(&mut ana).await, told(&mut bruno).await), ((true, false), (true, true)));
    assert_eq!(
        (greeted(&bench, ANA).await, greeted(&bench, BRUNO).await),
        ((true, false), (true, true))
    );
    set(json!({ "call_icon_visibility": "DISABLE_ALL" })).await;
    assert_eq!((told(&mut ana).await, told(&mut bruno).await), ((true, false), (true, false)));
    let all = json!({ "call_icon_visibility": "DEFAULT",
                      "call_icons": { "restrict_to_user_countries": [] } });
    set(all).await;
    assert_eq!((told(&mut ana).await, told(&mut bruno).await), ((true, true), (true, true)));
    set(json!({ "status": "DISABLED" })).await;
    assert_eq!((told(&mut ana).await, told(&mut bruno).await), ((false, false), (false, false)));
}

#[tokio::test]
async fn an_old_app_shows_no_icon() {
    let bench = Bench::start().await;
    for (version, is_visible) in [("2.24.10.7", false), ("2.24.10.8", true)] {
        let client = json!({ "client": { "os": "android", "version": version } });
        let changed = bench.put(&format!("/sandbox/v1/users/{ANA}")).json(&client);
        assert_eq!(send(changed).await.0, 200);
        assert_eq!(greeted(&bench, ANA).await, (true, is_visible), "{version}");
    }
}

#[tokio::test]
async fn a_restriction_takes_the_icon_from_a_phone_at_once() {
    let rules = [
        ("quality.feedback_sample_min", "1"),
        ("quality.feedback_warn_percent", "1"),
        ("quality.feedback_restrict_percent", "2"),
        ("quality.restriction_types", "combined"),
    ];
    let rules = rules.map(|(path, value)| (path.to_owned(), value.to_owned())).into();
    let bench = Bench::with(Config { rules, ..config() }).await;
    let mut ana = phone(&bench, ANA).await;
    let report = json!({ "to": BUSINESS, "kind": "report" });
    let given = bench.sandbox(&format!("/users/{BRUNO}/feedback"), report).await;
    assert_eq!(given.0, 200, "{}", given.1);
    assert_eq!(told(&mut ana).await, (true, false));
    assert_eq!(greeted(&bench, BRUNO).await, (true, false));
    bench.clock.advance("P7D").unwrap();
    assert_eq!(greeted(&bench, ANA).await, (true, true), "the restriction is over");
}
