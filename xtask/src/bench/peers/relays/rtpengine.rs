//! How does rtpengine relay a call?
//!
//! Without its kernel module, all packets in user space. The call is an `offer` and an `answer` of its
//! control protocol; it forces ICE and DTLS-SRTP on both sides and passes Opus through. Towards an
//! ice-lite end it stays controlled, so that nobody would choose a path: its caller is a full agent.

use std::{
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{
    super::place,
    FarEnds, Relay,
    ng::{Ng, Word},
};

const CONTROL: &str = "127.0.0.1:2223";

/// How long it may take to start.
const START_MAX: Duration = Duration::from_secs(10);

/// A running rtpengine; it ends when this is dropped.
#[derive(Debug)]
pub(in crate::bench::peers) struct RtpEngine {
    child: Child,
    ng: Ng,
}

impl RtpEngine {
    pub(in crate::bench::peers) fn start() -> Result<Self> {
        let child = place::pinned(place::MEASURED, "rtpengine".as_ref())
            .args(["--config-file=none", "--table=-1", "--foreground", "--log-stderr"])
            .args(["--log-level=3", "--port-min=20000", "--port-max=39999"])
            .args(["--timeout=60", "--delete-delay=0"])
            .arg(format!("--interface={}", place::ADDRESS))
            .arg(format!("--listen-ng={CONTROL}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start rtpengine (Debian: rtpengine-daemon)")?;
        let mut rtpengine = Self { child, ng: Ng::connect(CONTROL)? };
        let begin = Instant::now();
        while rtpengine.ng.ask(&[("command", "ping".into())]).is_err() {
            if begin.elapsed() > START_MAX || rtpengine.child.try_wait()?.is_some() {
                bail!("rtpengine does not start");
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(rtpengine)
    }

    pub(super) fn exchange(&mut self, order: &[(&str, Word)]) -> Result<String> {
        match self.ng.ask(order)?.remove("sdp") {
            Some(Word::Text(sdp)) => Ok(sdp),
            _ => bail!("rtpengine gives no SDP"),
        }
    }
}

impl Relay for RtpEngine {
    fn open(&mut self, call: u64, far: &mut FarEnds) -> Result<()> {
        let id = format!("call-{call}");
        let replace = Word::List(vec!["origin".into()]);
        let offer = self.exchange(&[
            ("command", "offer".into()),
            ("call-id", id.as_str().into()),
            ("from-tag", "whatsapp".into()),
            ("sdp", far.full_offer(call)?.as_str().into()),
            ("replace", replace.clone()),
            ("transport-protocol", "UDP/TLS/RTP/SAVPF".into()),
            ("ICE", "force".into()),
            ("SDES", Word::List(vec!["off".into()])),
            ("rtcp-mux", Word::List(vec!["require".into()])),
        ])?;
        let answer = self.exchange(&[
            ("command", "answer".into()),
            ("call-id", id.as_str().into()),
            ("from-tag", "whatsapp".into()),
            ("to-tag", "browser".into()),
            ("sdp", far.browser_answers(call, &offer)?.as_str().into()),
            ("replace", replace),
            ("ICE", "force".into()),
        ])?;
        far.whatsapp_takes(call, &answer)
    }

    fn close(&mut self, call: u64) -> Result<()> {
        let id = format!("call-{call}");
        let order = [
            ("command", "delete".into()),
            ("call-id", id.as_str().into()),
            ("from-tag", "whatsapp".into()),
            ("delete-delay", Word::Number(0)),
        ];
        self.ng.ask(&order).map(drop)
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for RtpEngine {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
