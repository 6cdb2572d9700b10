//! HTTPS: with a pair of files that is renewed while the gateway runs, and behind a named proxy.

use std::{path::Path, time::Duration};

use base64::Engine as _;
use offhook_gateway::{StartError, config::TlsFiles, serve};
use serde_json::json;

use crate::{
    desk::{Desk, config},
    upstream::Upstream,
};

/// Writes a self-signed pair for localhost; returns the certificate.
fn write_pair(files: &TlsFiles) -> String {
    write_pair_for("localhost", files)
}

/// A pair for a host; its certificate.
pub(crate) fn write_pair_for(host: &str, files: &TlsFiles) -> String {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    let certificate = pem("CERTIFICATE", made.cert.der());
    std::fs::write(&files.key, pem("PRIVATE KEY", made.signing_key.serialized_der())).unwrap();
    std::fs::write(&files.certificate, &certificate).unwrap();
    certificate
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

pub(crate) fn files(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("tls.pem"), key: folder.join("tls.key") }
}

/// A client of its own connections that trusts this certificate alone.
fn client(certificate: &str) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(certificate.as_bytes()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([root]);
    client.pool_max_idle_per_host(0).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_without_a_restart_and_a_bad_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let first = write_pair(&files);
    let desk = Desk::start_with(None, |config| config.tls = Some(files.clone())).await;
    let url = format!("https://localhost:{}", desk.gateway.address().port());
    let metrics = async |certificate: &str| {
        let answer = client(certificate).get(format!("{url}/metrics")).send().await.ok()?;
        answer.text().await.ok()
    };
    let until = async |certificate: &str, what: &str| {
        let found = async {
            while !metrics(certificate).await.is_some_and(|text| text.contains(what)) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(15), found).await.expect(what);
    };
    assert!(metrics(&first).await.is_some(), "HTTPS with the first certificate");
    let log_in = json!({"user": "lia", "password": "demo"});
    let answer =
        client(&first).post(format!("{url}/v1/session")).json(&log_in).send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.ends_with("; Secure"), "{cookie}");

    std::fs::write(&files.certificate, "no certificate").unwrap();
    until(&first, "tls_reloads_total{result=\"failed\"} 1").await;
    let second = write_pair(&files);
    until(&second, "tls_reloads_total{result=\"ok\"} 1").await;
    assert!(metrics(&first).await.is_none(), "the first certificate is no longer shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_does_not_start_with_a_key_of_another_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    write_pair(&files);
    let key = std::fs::read(&files.key).unwrap();
    write_pair(&files);
    std::fs::write(&files.key, key).unwrap();
    let upstream = Upstream::start().await;
    let mut config = config(&upstream, None);
    config.tls = Some(files);
    let refused = serve(config).await;
    assert!(matches!(refused, Err(StartError::Tls(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_secure_when_a_named_proxy_speaks_https() {
    for (trusted, secure) in [("127.0.0.1", true), ("127.0.0.9", false)] {
        let desk = Desk::start_with(None, |config| {
            config.trusted_proxies = vec![trusted.parse().unwrap()];
        })
        .await;
        let log_in = json!({"user": "lia", "password": "demo"});
        let request = desk.http.post(desk.url("/v1/session")).json(&log_in);
        let answer = request.header("x-forwarded-proto", "https").send().await.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        assert_eq!(cookie.ends_with("; Secure"), secure, "{cookie}");
    }
}
