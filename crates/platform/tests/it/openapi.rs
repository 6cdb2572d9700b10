//! Is the committed document what the server serves, and is every operation in it there?

use serde_json::Value;

use crate::bench::{ANA, Bench, PNID, send};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi/platform.json");

#[tokio::test]
async fn the_committed_document_is_the_one_served() {
    let bench = Bench::start().await;
    let served = send(bench.get("/openapi.json")).await.1;
    let text = format!("{}\n", serde_json::to_string_pretty(&served).unwrap());
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::create_dir_all(std::path::Path::new(COMMITTED).parent().unwrap()).unwrap();
        std::fs::write(COMMITTED, &text).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(committed == text, "openapi/platform.json is out of date; run with UPDATE_OPENAPI=1");
}

#[tokio::test]
async fn every_operation_is_there_and_takes_its_example() {
    let bench = Bench::start().await;
    let document = send(bench.get("/openapi.json")).await.1;
    for (path, item) in document["paths"].as_object().unwrap() {
        let real = path
            .replace("{wa_id}", ANA)
            .replace("{phone_number_id}", PNID)
            .replace("{waba_id}", "201234567890123")
            .replace("{app_id}", "401234567890123")
            .replace("{media_id}", "1002700000000001")
            .replace("{id}", "wacid.NONE");
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase().parse().unwrap();
            let request = bench.http.request(method, bench.url(&real)).bearer_auth("demo-token");
            let example = &operation["requestBody"]["content"]["application/json"]["example"];
            let request = if example.is_null() { request } else { request.json(example) };
            let (status, answer) = send(request).await;
            // A known address with a readable body: done, or refused by a rule, or no such id.
            let said = answer["text"].as_str().or_else(|| answer["error"]["message"].as_str());
            let is_there = matches!(status, 200 | 201 | 409)
                || said.is_some_and(|it| it.starts_with("there is no such"))
                || (path.starts_with("/v23.0") && answer["error"]["code"] != 2500);
            assert!(is_there, "{path}: {status} {answer}");
            assert_ne!(answer, Value::Null, "{path}");
        }
    }
}
