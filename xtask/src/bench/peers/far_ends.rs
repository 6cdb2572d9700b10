//! How are the far ends of all calls steered?
//!
//! `crates/engine/examples/far_ends` plays them. Call *n* has two: end 2*n* is WhatsApp's, ice-lite
//! and the one that offers; end 2*n* + 1 is the agent's browser, a full ICE agent, or a telephone.

use std::{ops::Range, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    place::{self, PLAYED},
    spoken::Spoken,
};
use crate::shell;

/// How long all calls of a batch may take to connect.
const CONNECT_MAX: Duration = Duration::from_secs(20);

/// Numbers of calls, from the first up to the end.
pub(super) type Calls = Range<u64>;

/// The process that plays them.
#[derive(Debug)]
pub(super) struct FarEnds(Spoken);

/// What a run has moved.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Tally {
    pub(super) sent: u64,
    pub(super) received: u64,
    /// Milliseconds too late, in thousandths; none when nothing came.
    pub(super) p50_us: Option<u32>,
    pub(super) p99_us: Option<u32>,
    /// Steps in which the far ends themselves were held up.
    pub(super) late: u64,
}

/// What a run of speech has moved.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Speech {
    pub(super) sent: u64,
    /// Packets that came back, and those of them that were no silence.
    pub(super) heard: u64,
    pub(super) voiced: u64,
}

impl Tally {
    /// The share of packets that did not come back.
    pub(super) fn lost(&self) -> f64 {
        1.0 - self.received as f64 / self.sent.max(1) as f64
    }
}

impl FarEnds {
    pub(super) fn start() -> Result<Self> {
        let program = shell::target().join("release/examples/far_ends");
        let mut command = place::pinned(PLAYED, program.as_os_str());
        command.arg(place::ADDRESS);
        Self::by(command)
    }

    /// The same by another build.
    pub(super) fn by(command: Command) -> Result<Self> {
        Ok(Self(Spoken::start("the far ends", command)?))
    }

    /// WhatsApp's offer for a call.
    pub(super) fn whatsapp_offer(&mut self, call: u64) -> Result<String> {
        sdp(&self.0.ask(&json!({ "offer": 2 * call, "as": "whatsapp" }))?)
    }

    /// The same by a full ICE agent, for a relay that cannot talk to an ice-lite one.
    pub(super) fn full_offer(&mut self, call: u64) -> Result<String> {
        sdp(&self.0.ask(&json!({ "offer": 2 * call, "as": "browser" }))?)
    }

    pub(super) fn whatsapp_takes(&mut self, call: u64, answer: &str) -> Result<()> {
        self.0.ask(&json!({ "take": 2 * call, "sdp": answer })).map(drop)
    }

    /// The agent's offer for a call.
    pub(super) fn browser_offer(&mut self, call: u64) -> Result<String> {
        sdp(&self.0.ask(&json!({ "offer": 2 * call + 1, "as": "browser" }))?)
    }

    pub(super) fn browser_takes(&mut self, call: u64, answer: &str) -> Result<()> {
        self.0.ask(&json!({ "take": 2 * call + 1, "sdp": answer })).map(drop)
    }

    /// The agent's answer to a relay that offers.
    pub(super) fn browser_answers(&mut self, call: u64, offer: &str) -> Result<String> {
        sdp(&self.0.ask(&json!({ "answer": 2 * call + 1, "sdp": offer }))?)
    }

    /// A telephone's answer, in a call whose other end it is.
    pub(super) fn telephone_answers(&mut self, call: u64, offer: &str) -> Result<String> {
        sdp(&self.0.ask(&json!({ "answer": 2 * call + 1, "as": "telephone", "sdp": offer }))?)
    }

    /// Waits until both ends of these calls are connected; says how packets are protected.
    pub(super) fn connect(&mut self, calls: &Calls) -> Result<Value> {
        self.wait_for(calls, 2 * (calls.end - calls.start))
    }

    /// Waits until WhatsApp's ends of these calls are connected, where there are no others.
    pub(super) fn whatsapp_connects(&mut self, calls: &Calls) -> Result<()> {
        self.wait_for(calls, calls.end - calls.start).map(drop)
    }

    fn wait_for(&mut self, calls: &Calls, ends: u64) -> Result<Value> {
        let ms = u64::try_from(CONNECT_MAX.as_millis())?;
        let up = self.0.ask(&json!({ "wait": [2 * calls.start, 2 * calls.end], "ms": ms }))?;
        ensure!(
            up["up"] == ends,
            "of {ends} far ends {} are connected, {} failed",
            up["up"],
            up["failed"]
        );
        Ok(up["profiles"].clone())
    }

    /// Lets both ends of these calls talk for a while.
    pub(super) fn play(&mut self, calls: &Calls, during: Duration) -> Result<Tally> {
        let ms = u64::try_from(during.as_millis())?;
        let order = json!({ "play": [2 * calls.start, 2 * calls.end], "ms": ms });
        serde_json::from_value(self.0.ask(&order)?).context("not a tally")
    }

    /// Lets these calls speak for a while, WhatsApp's ends and telephones, to somebody who has his own words.
    pub(super) fn speak(&mut self, calls: &Calls, during: Duration) -> Result<Speech> {
        let ms = u64::try_from(during.as_millis())?;
        let order = json!({ "speak": [2 * calls.start, 2 * calls.end], "ms": ms });
        serde_json::from_value(self.0.ask(&order)?).context("not a count")
    }

    pub(super) fn close(&mut self, calls: &Calls) -> Result<()> {
        self.0.ask(&json!({ "close": [2 * calls.start, 2 * calls.end] })).map(drop)
    }
}

fn sdp(answer: &Value) -> Result<String> {
    Ok(answer["sdp"].as_str().context("the far ends give no SDP")?.to_owned())
}
