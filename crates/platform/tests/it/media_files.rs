//! Media files: up, seen, fetched by a link that ends, gone.

use audio::{
    ogg::{self, OpusStream},
    prompt, tone,
};
use serde_json::{Value, json};

use crate::bench::{Bench, PNID, config, refused, send};

pub(crate) const ANNOUNCEMENT: &str = "call_voicemail_announcement";

/// An Ogg Opus file with a tone.
pub(crate) fn ogg(hz: f32, ms: usize) -> Vec<u8> {
    let packets = prompt::encode(&tone::sine(hz, -12.0, ms)).unwrap();
    ogg::write(&OpusStream { channels: 1, pre_skip: 0, packets }, 1).unwrap()
}

pub(crate) fn form(fields: &[(&str, &str)], mime: &str, file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(format!("{head}{value}\r\n").as_bytes());
    }
    let head = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n";
    body.extend_from_slice(format!("{head}Content-Type: {mime}\r\n\r\n").as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--x--\r\n");
    body
}

pub(crate) const PRODUCT: (&str, &str) = ("messaging_product", "whatsapp");

pub(crate) fn multipart(
    request: reqwest::RequestBuilder,
    body: Vec<u8>,
) -> reqwest::RequestBuilder {
    request.header("content-type", "multipart/form-data; boundary=x").body(body)
}

/// Uploads a file; answers its id.
pub(crate) async fn upload(bench: &Bench, use_case: Option<&str>, file: &[u8]) -> String {
    let mut fields = vec![PRODUCT];
    fields.extend(use_case.map(|use_case| ("use_case", use_case)));
    let (status, answer) = post(bench, &fields, "audio/ogg", file).await;
    assert_eq!(status, 200, "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

async fn post(bench: &Bench, fields: &[(&str, &str)], mime: &str, file: &[u8]) -> (u16, Value) {
    let request = bench.post(&format!("/v23.0/{PNID}/media")).bearer_auth("demo-token");
    send(multipart(request, form(fields, mime, file))).await
}

async fn seen(bench: &Bench, id: &str) -> (u16, Value) {
    send(bench.get(&format!("/v23.0/{id}")).bearer_auth("demo-token")).await
}

/// The bytes behind a link, or its status.
pub(crate) async fn fetched(bench: &Bench, url: &str) -> Result<Vec<u8>, u16> {
    let answer = bench.http.get(url).bearer_auth("demo-token").send().await.unwrap();
    match answer.status().as_u16() {
        200 => Ok(answer.bytes().await.unwrap().to_vec()),
        status => Err(status),
    }
}

#[tokio::test]
async fn links_begin_where_clients_reach_the_platform() {
    let public_url = Some("https://platform.example/wa/".to_owned());
    let bench = Bench::with(offhook_platform::Config { public_url, ..config() }).await;
    let id = upload(&bench, None, &ogg(440.0, 200)).await;
    let shown = send(bench.get(&format!("/v23.0/{id}")).bearer_auth("demo-token")).await.1;
    let url = shown["url"].as_str().unwrap();
    let path = url.strip_prefix("https://platform.example/wa/").unwrap();
    assert!(fetched(&bench, &bench.url(&format!("/{path}"))).await.is_ok(), "{url}");

    let more = json!({ "id": "209876543210987", "account": "201234567890123",
                       "digits": "551140000001", "name": "More", "tier": 2000 });
    assert_eq!(bench.sandbox("/numbers", more).await.0, 201);
    let page = bench.get("/v23.0/201234567890123/phone_numbers?limit=1").bearer_auth("demo-token");
    let next = send(page).await.1["paging"]["next"].clone();
    assert!(next.as_str().unwrap().starts_with("https://platform.example/wa/v23.0/"), "{next}");

    let wrong = offhook_platform::Config { public_url: Some("platform".into()), ..config() };
    let refused = offhook_platform::serve(wrong).await.unwrap_err();
    assert!(refused.to_string().contains("public URL \"platform\""), "{refused}");
}

#[tokio::test]
async fn a_file_is_uploaded_fetched_and_deleted() {
    let bench = Bench::start().await;
    let file = ogg(440.0, 500);
    let id = upload(&bench, None, &file).await;
    let (status, shown) = seen(&bench, &id).await;
    assert_eq!((status, &shown["mime_type"]), (200, &Value::from("audio/ogg")));
    assert_eq!((&shown["id"], &shown["file_size"]), (&Value::from(&*id), &Value::from(file.len())));
    assert!(shown["sha256"].as_str().unwrap().ends_with('='), "{shown}");
    let url = shown["url"].as_str().unwrap();
    assert_eq!(fetched(&bench, url).await.unwrap(), file);
    let bare = bench.http.get(url).send().await.unwrap();
    assert_eq!(bare.status().as_u16(), 401, "a link needs the token too");
    assert_eq!(fetched(&bench, &url.replace("hash=", "hash=0")).await, Err(404));
    let other = format!("/v23.0/{id}?phone_number_id=1");
    assert_eq!(refused(&send(bench.get(&other).bearer_auth("demo-token")).await), (400, 100));

    let delete = bench.http.delete(bench.url(&format!("/v23.0/{id}"))).bearer_auth("demo-token");
    assert_eq!(send(delete).await, (200, serde_json::json!({ "success": true })));
    assert_eq!(refused(&seen(&bench, &id).await), (400, 100));
    assert_eq!(fetched(&bench, url).await, Err(404));
}

#[tokio::test]
async fn a_link_ends_after_minutes_and_a_file_after_days() {
    let bench = Bench::start().await;
    bench.clock.set_mode(offhook_platform::clock::Mode::Frozen);
    let id = upload(&bench, None, &ogg(440.0, 200)).await;
    let announcement = upload(&bench, Some(ANNOUNCEMENT), &ogg(440.0, 200)).await;
    let link = |shown: Value| shown["url"].as_str().unwrap().to_owned();
    let url = link(seen(&bench, &id).await.1);
    bench.clock.advance("PT4M58S").unwrap();
    assert!(fetched(&bench, &url).await.is_ok());
    bench.clock.advance("PT2S").unwrap();
    assert_eq!(fetched(&bench, &url).await, Err(404));
    assert!(fetched(&bench, &link(seen(&bench, &id).await.1)).await.is_ok());
    bench.clock.advance("P29DT23H54M59S").unwrap();
    assert_eq!(seen(&bench, &id).await.0, 200);
    bench.clock.advance("PT1S").unwrap();
    assert_eq!(refused(&seen(&bench, &id).await), (400, 100));
    assert_eq!(seen(&bench, &announcement).await.0, 200, "announcements stay");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_its_field() {
    let bench = Bench::start().await;
    let voicemail = [PRODUCT, ("use_case", ANNOUNCEMENT)];
    let short = ogg(440.0, 200);
    let details = |answer: &(u16, Value)| {
        assert_eq!(refused(answer), (400, 100), "{answer:?}");
        answer.1["error"]["error_data"]["details"].as_str().unwrap().to_owned()
    };
    let said = details(&post(&bench, &[], "audio/ogg", &short).await);
    assert!(said.contains("messaging_product"), "{said}");
    let said = details(&post(&bench, &[PRODUCT], "application/x-sh", &short).await);
    assert!(said.contains("one of the following types: audio/aac"), "{said}");
    let said = details(&post(&bench, &[PRODUCT], "audio/ogg", &[]).await);
    assert!(said.contains("empty"), "{said}");
    let said = details(&post(&bench, &voicemail, "audio/mpeg", b"ID3").await);
    assert!(said.contains("must be audio/ogg"), "{said}");
    let said = details(&post(&bench, &voicemail, "audio/ogg", b"OggS").await);
    assert!(said.contains("must be Ogg Opus"), "{said}");
    let said = details(&post(&bench, &voicemail, "audio/ogg", &ogg(440.0, 60_000)).await);
    assert!(said.contains("shorter than 60 s"), "{said}");
    assert_eq!(post(&bench, &voicemail, "audio/ogg", &ogg(440.0, 59_980)).await.0, 200);
    let said = details(&post(&bench, &[PRODUCT, ("use_case", "x")], "audio/ogg", &short).await);
    assert!(said.contains("use_case"), "{said}");
    let plain = bench.post(&format!("/v23.0/{PNID}/media")).bearer_auth("demo-token").body("x");
    assert!(details(&send(plain).await).contains("multipart/form-data"));
    let huge = vec![0; 600_000];
    assert!(details(&post(&bench, &[PRODUCT], "image/webp", &huge).await).contains("at most"));
}

#[tokio::test]
async fn the_360dialog_edition_uses_its_key() {
    let bench = Bench::start().await;
    let keyed = |request: reqwest::RequestBuilder| request.header("D360-API-KEY", "demo-d360-key");
    let file = ogg(440.0, 200);
    let request = keyed(bench.post("/media"));
    let (status, kept) = send(multipart(request, form(&[PRODUCT], "audio/ogg", &file))).await;
    assert_eq!(status, 200, "{kept}");
    let id = kept["id"].as_str().unwrap();
    let shown = send(keyed(bench.get(&format!("/{id}")))).await.1;
    let bytes = keyed(bench.http.get(shown["url"].as_str().unwrap())).send().await.unwrap();
    assert_eq!(bytes.bytes().await.unwrap(), file);
    let delete = keyed(bench.http.delete(bench.url(&format!("/{id}"))));
    assert_eq!(send(delete).await.0, 200);
}

#[tokio::test]
async fn files_survive_a_restart_in_the_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = Some(folder.path().to_owned());
    let first = Bench::with(offhook_platform::Config { data: data.clone(), ..config() }).await;
    let file = ogg(440.0, 200);
    let id = upload(&first, None, &file).await;
    let second = Bench::with(offhook_platform::Config { data, ..config() }).await;
    let shown = seen(&second, &id).await.1;
    assert_eq!(fetched(&second, shown["url"].as_str().unwrap()).await.unwrap(), file);
}
