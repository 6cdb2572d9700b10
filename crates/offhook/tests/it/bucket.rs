//! Recordings go to a bucket: a server that checks every signature, that stands still, and a gateway that
//! is killed.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{
    http::{ask, get},
    process::{Server, free_tcp, gateway_config, offhook, wait_for},
};

const ANA: &str = "5215550000001";
const BUSINESS: &str = "551140000000";
const KEY: Option<&str> = Some("demo-api-key");
/// How long what waits may take to be carried: the longest wait for a bucket, and the work.
const CARRIED_WITHIN: Duration = Duration::from_secs(60);

const FLOW: &str = r#"
start = "record"
[step.record]
record = "on"
next = "echo"
[step.echo]
echo = "60s"
next = "end"
[step.end]
hang_up = true
"#;

/// A bucket in a process of its own.
struct Bucket {
    child: Child,
    answers: BufReader<ChildStdout>,
    endpoint: String,
    key: String,
    secret: String,
}

impl Bucket {
    fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/s3/bucket.py");
        let python = python();
        let mut child = Command::new(&python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "cannot run {}: {error}. `cargo xtask test` sets it up, or: python3 -m venv \
                     target/s3/venv && target/s3/venv/bin/python -m pip install --no-deps -r \
                     tests/s3/requirements.txt; or name a Python in OFFHOOK_S3_PYTHON",
                    python.display()
                )
            });
        let mut answers = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let keys = answer(&mut answers);
        let word = |name: &str| keys[name].as_str().expect("a word").to_owned();
        let (endpoint, key, secret) = (word("endpoint"), word("key"), word("secret"));
        Self { child, answers, endpoint, key, secret }
    }

    fn ask(&mut self, line: &str) -> Value {
        let stdin = self.child.stdin.as_mut().expect("stdin is piped");
        writeln!(stdin, "{line}").expect("a bucket that listens");
        answer(&mut self.answers)
    }

    fn names(&mut self) -> Vec<String> {
        serde_json::from_value(self.ask("list")).expect("names")
    }

    fn bytes(&mut self, name: &str) -> Vec<u8> {
        let hex = self.ask(&format!("get {name}"));
        let hex = hex.as_str().expect("hexadecimal");
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
        (0..hex.len()).step_by(2).map(byte).collect()
    }

    /// It takes connections and says nothing, or goes on.
    fn stands_still(&self, still: bool) {
        let signal = if still { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&self.child), signal).expect("our own process");
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _already_gone = self.child.kill().is_err();
        let _already_waited = self.child.wait().is_err();
    }
}

fn answer(answers: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    answers.read_line(&mut line).expect("an answer of the bucket");
    serde_json::from_str(&line).expect("JSON of the bucket")
}

fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_offhook")).ancestors().nth(2).expect("a target");
    std::env::var_os("OFFHOOK_S3_PYTHON")
        .map_or_else(|| target.join("s3/venv/bin/python"), PathBuf::from)
}

/// Both servers; what the flow records goes to the bucket.
struct Scene {
    folder: tempfile::TempDir,
    platform: Server,
    config: String,
    gateway: Option<Server>,
}

impl Scene {
    /// With this secret, and these lines more in `[recording]`.
    fn new(bucket: &Bucket, secret: &str, recording: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (free, listen) = ("127.0.0.1:0", free_tcp());
        let webhook = format!("http://{listen}/webhooks/whatsapp");
        let args = ["platform", "--listen", free, "--media", free, "--webhook", &webhook];
        let platform = Server::start(&[&args[..], &["--no-handshake"]].concat());
        let config = gateway_config(folder.path(), &platform.url("platform"), &listen);
        let text = std::fs::read_to_string(&config).expect("the configuration");
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/flow.toml");
        let text = text.replace(demo, "flow.toml");
        for (name, text) in [
            ("flow.toml", FLOW),
            ("bucket.key", &bucket.key),
            ("bucket.secret", secret),
            ("recording.key", &"07".repeat(32)),
        ] {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        let text = format!(
            "{text}\n[recording]\n{recording}\n[recording.bucket]\nname = \"recordings\"\n\
             endpoint = \"{}\"\nprefix = \"calls\"\ntimeout_s = 1\naccess_key_file = \"bucket.key\"\n\
             secret_key_file = \"bucket.secret\"\n",
            bucket.endpoint
        );
        std::fs::write(&config, text).expect("the configuration");
        let mut scene = Self { folder, platform, config, gateway: None };
        scene.start();
        scene
    }

    fn start(&mut self) {
        let data = self.data();
        let data = data.to_str().expect("UTF-8");
        self.gateway = Some(Server::start(&["gateway", "--config", &self.config, "--data", data]));
    }

    fn kill(&mut self) {
        self.gateway.take().expect("a gateway").kill();
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway.as_ref().expect("a gateway").url("gateway"))
    }

    /// Ana calls and is recorded: the recording's id, once it is ready.
    fn records(&self) -> String {
        let platform = self.platform.url("platform");
        let status = offhook(&["call", "--as", ANA, "--to", BUSINESS, "--platform", &platform])
            .args(["--play", "tone:440", "--for", "3s", "--expect", "tone:440"])
            .stdout(Stdio::null())
            .status()
            .expect("a caller");
        assert!(status.success(), "the echo is heard");
        wait_for("recording", Duration::from_secs(20), || {
            let list = get(&self.url("/v1/recordings"), KEY);
            let newest = &list["recordings"][0];
            (newest["state"] == "ready").then(|| newest["recording_id"].as_str().map(Into::into))?
        })
    }

    /// What lies on this machine of a recording, in the order of channels.
    fn here(&self, id: &str) -> Vec<Vec<u8>> {
        let folder = self.data().join("recordings").join(id);
        let files = ["business.opus", "user.opus"].map(|name| std::fs::read(folder.join(name)));
        files.into_iter().flatten().collect()
    }

    fn is_gone_here(&self, id: &str) {
        let folder = self.data().join("recordings").join(id);
        wait_for("end of the files here", CARRIED_WITHIN, || (!folder.exists()).then_some(()));
    }

    /// What whoever listens gets.
    fn audio(&self, id: &str) -> (u16, Vec<u8>) {
        let url = self.url(&format!("/v1/recordings/{id}/audio?format=wav"));
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let request = reqwest::Client::new().get(url).bearer_auth("demo-api-key");
            let answer = request.send().await.expect("an answer");
            let status = answer.status().as_u16();
            (status, answer.bytes().await.expect("a whole answer").to_vec())
        })
    }

    fn heard(&self, id: &str) -> Vec<u8> {
        let (status, wav) = self.audio(id);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&wav));
        wav
    }

    fn metric(&self, line: &str) {
        let url = self.url("/metrics");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        wait_for(line, CARRIED_WITHIN, || {
            let text = runtime.block_on(async { reqwest::get(&url).await.ok()?.text().await.ok() });
            text?.contains(line).then_some(())
        });
    }

    /// What the doctor says of the bucket.
    fn doctor(&self) -> Value {
        let report = get(&self.url("/v1/doctor"), KEY);
        let all = report["findings"].as_array().expect("findings").clone();
        all.into_iter().find(|each| each["check"] == "recording.bucket").expect("a finding")
    }
}

#[test]
fn a_recording_waits_for_the_bucket_over_a_kill_is_heard_from_there_and_removed_there() {
    let mut bucket = Bucket::start();
    let mut scene = Scene::new(&bucket, &bucket.secret, "");
    assert_eq!(scene.doctor()["code"], "bucket_usable");
    assert_eq!(bucket.names(), Vec::<String>::new(), "the doctor leaves nothing");

    bucket.stands_still(true);
    let id = scene.records();
    scene.metric("offhook_gateway_bucket_tasks_total{task=\"bring\",result=\"unreachable\"}");
    scene.metric("offhook_gateway_bucket_waiting{task=\"bring\"} 1");
    assert_eq!(scene.doctor()["code"], "bucket_unreachable");
    let heard = scene.heard(&id);
    assert!(heard.len() > 2 * 48_000 * 4, "two seconds of two channels: {}", heard.len());
    let here = scene.here(&id);
    assert_eq!(here.len(), 2);
    scene.kill();
    scene.start();
    bucket.stands_still(false);
    scene.is_gone_here(&id);
    assert_eq!(scene.doctor()["code"], "bucket_usable");
    let names = ["business.opus", "user.opus"].map(|name| format!("calls/{id}/{name}"));
    assert_eq!(bucket.names(), names);
    for (name, bytes) in names.iter().zip(&here) {
        assert!(bucket.bytes(name) == *bytes, "{name} is what was here");
    }
    scene.metric("offhook_gateway_bucket_tasks_total{task=\"bring\",result=\"done\"} 1");
    assert!(scene.heard(&id) == heard, "it is heard from the bucket");
    assert!(!scene.data().join("recordings").join(&id).exists(), "nothing came to stay");

    bucket.stands_still(true);
    let (status, problem) = scene.audio(&id);
    let problem: Value = serde_json::from_slice(&problem).expect("a problem");
    assert_eq!((status, &problem["code"]), (502, &json!("recording.bucket_unreachable")));
    let path = format!("/v1/recordings/{id}");
    assert_eq!(ask("DELETE", &scene.url(&path), KEY, None).0, 204);
    assert_eq!(ask("GET", &scene.url(&path), KEY, None).0, 404);
    scene.metric("offhook_gateway_bucket_waiting{task=\"remove\"} 1");
    scene.kill();
    scene.start();
    bucket.stands_still(false);
    scene.metric("offhook_gateway_bucket_waiting{task=\"remove\"} 0");
    assert_eq!(bucket.names(), Vec::<String>::new());
}

#[test]
fn an_encrypted_recording_waits_for_the_right_keys_and_goes_when_its_time_is_over() {
    let mut bucket = Bucket::start();
    let kept = "key_file = \"recording.key\"\nkeep_days = 1";
    let mut scene = Scene::new(&bucket, "another-secret", kept);
    let id = scene.records();
    scene.metric("offhook_gateway_bucket_tasks_total{task=\"bring\",result=\"denied\"}");
    let finding = scene.doctor();
    assert_eq!(finding["code"], "bucket_denied");
    assert!(finding["evidence"].to_string().contains("SignatureDoesNotMatch"), "{finding}");
    let heard = scene.heard(&id);
    let here = scene.here(&id);
    assert_eq!(here.len(), 2);
    scene.kill();
    std::fs::write(scene.folder.path().join("bucket.secret"), &bucket.secret).expect("a file");
    scene.start();
    scene.is_gone_here(&id);
    for (name, bytes) in ["business.opus", "user.opus"].iter().zip(&here) {
        let there = bucket.bytes(&format!("calls/{id}/{name}"));
        assert!(there == *bytes && there.starts_with(b"offhook"), "{name} is encrypted");
    }
    assert!(scene.heard(&id) == heard, "it is heard from the bucket");

    // A day later.
    scene.kill();
    let db = rusqlite::Connection::open(scene.data().join("gateway.db")).expect("the database");
    let aged = db.execute("UPDATE recordings SET started_ms = started_ms - 86400000", []);
    assert_eq!(aged.expect("a statement"), 1);
    drop(db);
    scene.start();
    wait_for("end of the objects", CARRIED_WITHIN, || bucket.names().is_empty().then_some(()));
    assert_eq!(get(&scene.url("/v1/recordings"), KEY)["recordings"], json!([]));

    assert_eq!(bucket.ask("versions"), "on");
    assert_eq!(scene.doctor()["code"], "bucket_keeps_versions");
}

#[test]
fn the_doctor_tells_what_is_wrong_with_a_bucket() {
    let bucket = Bucket::start();
    let scene = Scene::new(&bucket, &bucket.secret, "");
    let good = std::fs::read_to_string(&scene.config).expect("the configuration");
    let nowhere = format!("http://{}", free_tcp());
    for (from, to, code, seen) in [
        ("", "", "bucket_usable", ""),
        ("name = \"recordings\"", "name = \"elsewhere\"", "bucket_absent", "no such bucket"),
        (&bucket.endpoint, &nowhere, "bucket_unreachable", "no connection"),
        (
            "file = \"bucket.key\"",
            "file = \"recording.key\"",
            "bucket_denied",
            "InvalidAccessKeyId",
        ),
    ] {
        std::fs::write(&scene.config, good.replace(from, to)).expect("the configuration");
        let data = scene.data();
        let output = offhook(&["doctor", "--json", "--config", &scene.config, "--data"])
            .arg(&data)
            .output()
            .expect("the doctor");
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let all = report["findings"].as_array().expect("findings");
        let found = all.iter().find(|each| each["check"] == "recording.bucket").expect("one");
        assert_eq!(found["code"], code, "{found}");
        assert!(found["evidence"].as_str().unwrap_or_default().contains(seen), "{found}");
    }
}
