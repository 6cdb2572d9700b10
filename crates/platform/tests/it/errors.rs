//! Who is refused, with which code?

use serde_json::json;

use crate::bench::{Bench, PNID, refused, send};

#[tokio::test]
async fn without_a_token_with_a_wrong_one_or_for_another_number() {
    let bench = Bench::start().await;
    let calls = format!("/v23.0/{PNID}/calls");
    assert_eq!(refused(&send(bench.post(&calls)).await), (401, 190));
    let wrong = bench.post(&calls).bearer_auth("wrong").json(&json!({}));
    assert_eq!(refused(&send(wrong).await), (401, 190));
    let unknown = bench.post("/v23.0/1/calls").bearer_auth("demo-token").json(&json!({}));
    let answer = send(unknown).await;
    assert_eq!(refused(&answer), (400, 100));
    assert_eq!(answer.1["error"]["error_subcode"], 33);
    let nowhere = bench.post("/v23.0/me/feed").bearer_auth("demo-token");
    assert_eq!(refused(&send(nowhere).await), (400, 2500));
    assert!(answer.1["error"]["fbtrace_id"].as_str().unwrap().len() > 10);
    assert_eq!(answer.1["error"]["type"], "OAuthException");
}

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be() {
    let bench = Bench::start().await;
    let raw = |body: &'static str| {
        let request = bench.post(&format!("/v23.0/{PNID}/calls")).bearer_auth("demo-token");
        send(request.body(body))
    };
    for body in ["", "{", "[]", "null", "{\"action\":1}", "{\"messaging_product\":\"sms\"}"] {
        assert_eq!(refused(&raw(body).await), (400, 100), "{body}");
    }
    let huge = format!("{{\"x\":\"{}\"}}", "a".repeat(300_000));
    let request = bench.post(&format!("/v23.0/{PNID}/calls")).bearer_auth("demo-token");
    assert_eq!(refused(&send(request.body(huge)).await), (413, 100));

    let unknown_action =
        json!({ "messaging_product": "whatsapp", "call_id": "wacid.X", "action": "hold" });
    assert_eq!(refused(&bench.graph("calls", unknown_action).await), (400, 100));
    let answer = bench.action("wacid.NONE", "terminate").await;
    assert_eq!(refused(&answer), (400, 100));
    let details = answer.1["error"]["error_data"]["details"].as_str().unwrap();
    assert!(details.contains("no call with this id"), "{details}");
}

#[tokio::test]
async fn a_hostile_offer_is_refused_with_its_line() {
    let bench = Bench::start().await;
    for (sdp, said) in [
        ("hello", "not SDP"),
        ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", "no m=audio"),
        (
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
             c=IN IP4 0.0.0.0\r\na=rtpmap:111 opus/48000/2\r\na=ice-ufrag:abcd\r\n\
             a=ice-pwd:abcdefghijklmnopqrstuv\r\na=setup:actpass\r\n",
            "No fingerprint found in SDP",
        ),
    ] {
        let body = json!({ "messaging_product": "whatsapp", "to": "5215550000001", "action": "connect",
                           "session": { "sdp_type": "offer", "sdp": sdp } });
        let answer = bench.graph("calls", body).await;
        assert_eq!(refused(&answer), (400, 100));
        let details = answer.1["error"]["error_data"]["details"].as_str().unwrap();
        assert!(details.contains(said), "{details}");
    }
}
