//! Does anything personal or secret reach the log above DEBUG?

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    bench::{ANA, BUSINESS, Bench},
    business::Business,
    sip_pbx::{Dialled, SipBench},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().map_err(|_| io::Error::other("poisoned"))?.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The log of the test's runtime: it has one thread, so this catches every task of the server.
fn caught() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        // As the binary has it: the SIP stack is heard by name alone.
        .with_env_filter("info,rsipstack=off")
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    tracing::info!("the log is caught");
    (log, guard)
}

#[tokio::test]
async fn a_whole_call_leaves_no_number_token_or_address_in_the_log() {
    let (log, _guard) = caught();
    let bench = Bench::start().await;
    bench.hook.answer(500);
    let (_, placed) = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    let id = placed["call_id"].as_str().unwrap();
    let mut business = Business::answering(&bench.hook.wait("connect").await);
    let sdp = business.sdp.clone();
    assert_eq!(bench.answer(id, "pre_accept", &sdp).await.0, 200);
    business.connected().await;
    bench.action("wacid.NONE", "terminate").await;
    assert_eq!(bench.answer(id, "accept", &sdp).await.0, 200);
    assert_eq!(bench.action(id, "terminate").await.0, 200);
    bench.running.shutdown().await;

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("the log is caught"));
    let rest = id.strip_prefix("wacid.").unwrap();
    for secret in [ANA, BUSINESS, rest, "127.0.0.1", "demo-", "ice-pwd", "fingerprint:"] {
        assert!(!text.contains(secret), "{secret} is in the log:\n{text}");
    }
}

#[tokio::test]
async fn calls_over_sip_leave_none_either() {
    let (log, _guard) = caught();
    let sdes = json!({ "srtp_key_exchange_protocol": "SDES" });
    let bench = SipBench::allowed(sdes, json!({}), json!({ "answer": { "after_ms": 50 } })).await;
    let password = bench.password().await;
    let id = bench.user_calls(ANA, json!({})).await;
    let mut wire = bench.pbx.accept().await;
    let invite = wire.recv().await;
    let sdp = Business::keyed_answering(&invite.as_connect()).sdp.clone();
    wire.reply(&invite, "200 OK", "", &sdp).await;
    wire.recv().await;
    wire.request("BYE", &invite, 7).await;
    wire.heard().await;
    bench.ended(&id).await;
    for host in ["localhost", "pbx.other.example"] {
        let mut call = Dialled::new(&bench, &Business::keyed_offering().sdp).await;
        call.from_host = host.into();
        let mut said = call.dial().await;
        if said.first_line().starts_with("SIP/2.0 180 ") {
            said = call.wire.heard().await;
            call.ack(&said).await;
            call.request("BYE", &said).await;
            call.wire.heard().await;
        }
    }
    bench.serve_at("localhost", 1).await;
    let id = bench.user_calls(ANA, json!({})).await;
    bench.ended(&id).await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("the log is caught"), "{text}");
    for secret in [ANA, BUSINESS, &password, &id["wacid.".len()..], "127.0.0.1", "QUFB"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}
