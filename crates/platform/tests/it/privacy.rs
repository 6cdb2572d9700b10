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

#[tokio::test]
async fn a_whole_call_leaves_no_number_token_or_address_in_the_log() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    // The test's runtime has one thread, so this catches every task of the server.
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::info!("the log is caught");

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
