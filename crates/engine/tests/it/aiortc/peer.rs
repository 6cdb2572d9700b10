//! The Python process at the other end.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A running `aiortc_peer.py`. It ends by itself after a while, and when this is dropped.
pub(super) struct Peer {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What aiortc says about the call.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) dtls_role: String,
    pub(super) dtls_version: String,
    pub(super) profile: String,
    pub(super) received: u64,
    pub(super) lost: i64,
    pub(super) tone_hz: Option<f32>,
    #[expect(dead_code, reason = "read by whoever reads a failure")]
    whole: Value,
}

impl Peer {
    pub(super) fn start(profiles: &str, hz: f32) -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let python = std::env::var_os("OFFHOOK_PYTHON")
            .map_or_else(|| root.join(".venv/bin/python"), PathBuf::from);
        let mut child = Command::new(&python)
            .arg(root.join("tests/interop/aiortc_peer.py"))
            .args(["--profiles", profiles, "--tone", &format!("{hz:.0}"), "--seconds", "40"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "cannot run {}: {error}. This test needs Python with aiortc; `cargo xtask test` \
                     sets it up, or: python3 -m venv .venv && .venv/bin/python -m pip install -r \
                     tests/interop/requirements.txt; or name a Python in OFFHOOK_PYTHON",
                    python.display()
                )
            });
        let orders = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());

        Self { child, orders, answers }
    }

    /// Its offer.
    pub(super) fn offer(&mut self) -> String {
        self.tell(&json!({"cmd": "offer"}));

        self.wait_for("offer")["sdp"].as_str().unwrap().to_owned()
    }

    /// Its answer to our offer.
    pub(super) fn take(&mut self, offer: &str) -> String {
        self.tell(&json!({"cmd": "take", "sdp": offer}));

        self.wait_for("answer")["sdp"].as_str().unwrap().to_owned()
    }

    /// Gives it our answer.
    pub(super) fn answer(&mut self, answer: &str) {
        self.tell(&json!({"cmd": "answer", "sdp": answer}));
        self.wait_for("accepted");
    }

    pub(super) fn report(&mut self) -> Report {
        self.tell(&json!({"cmd": "report"}));
        let whole = self.wait_for("report");
        let text = |name: &str| whole[name].as_str().unwrap_or_default().to_owned();

        Report {
            dtls_role: text("dtls_role"),
            dtls_version: text("dtls_version"),
            profile: text("profile"),
            received: whole["received"].as_u64().unwrap_or_default(),
            lost: whole["lost"].as_i64().unwrap_or_default(),
            tone_hz: whole["tone_hz"].as_i64().map(|hz| i16::try_from(hz).unwrap().into()),
            whole,
        }
    }

    pub(super) fn close(&mut self) {
        self.tell(&json!({"cmd": "close"}));
        self.wait_for("closed");
    }

    fn tell(&mut self, order: &Value) {
        writeln!(self.orders, "{order}").expect("the peer takes orders");
    }

    /// Passes over state changes; it ends by itself, so this does not wait for ever.
    fn wait_for(&mut self, event: &str) -> Value {
        loop {
            let mut line = String::new();
            let read = self.answers.read_line(&mut line).expect("the peer says something");
            assert!(read > 0, "the peer ended before it said {event}; its reason is on stderr");
            let said: Value = serde_json::from_str(&line).unwrap();
            assert!(said["event"] != "error", "waiting for {event}: {said}");
            if said["event"] == event {
                return said;
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Already gone after a close; both errors then say so.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
