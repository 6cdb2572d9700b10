//! Phones that misbehave, and two phones of one user.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::{
    bench::{ANA, BUSINESS, Bench},
    business::Business,
};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) async fn phone(bench: &Bench, user: &str) -> Socket {
    let url = bench.url(&format!("/phone/ws?wa_id={user}")).replace("http://", "ws://");
    let (mut socket, _) = connect_async(url).await.unwrap();
    assert_eq!(next(&mut socket).await["type"], "hello");
    socket
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
