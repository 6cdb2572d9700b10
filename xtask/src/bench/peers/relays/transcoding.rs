//! Who carries calls between WhatsApp's Opus and a telephone's PCMU, and how is each asked to?
//!
//! WhatsApp's leg is DTLS-SRTP over ICE, the telephone's plain RTP. rtpengine encodes Opus by libavcodec,
//! which asks libopus for its full effort of 10 and lets nobody change it there: ours is set to the same. So
//! is its bit rate, to ours.

use anyhow::{Context, Result};
use serde_json::json;

use super::{FarEnds, Relay, RtpEngine, ng::Word};
use crate::{
    bench::peers::{place, spoken::Spoken},
    shell,
};

/// What rtpengine's encoders try, of 10.
pub(in crate::bench::peers) const EFFORT: &str = "10";

/// Opus as rtpengine is to encode it: at our 20 kbit/s.
const OPUS: &str = "opus/48000/2/20000";

/// The engine, with legs as a call with a trunk has them.
#[derive(Debug)]
pub(in crate::bench::peers) struct Trunks(Spoken);

impl Trunks {
    pub(in crate::bench::peers) fn start() -> Result<Self> {
        let program = shell::target().join("release/examples/trunk_relay");
        let mut command = place::pinned(place::MEASURED, program.as_os_str());
        command.args([place::ADDRESS, EFFORT]);
        Self::by(command)
    }

    /// The same by another build.
    pub(in crate::bench::peers) fn by(command: std::process::Command) -> Result<Self> {
        Ok(Self(Spoken::start("our trunks", command)?))
    }
}

impl Relay for Trunks {
    fn open(&mut self, call: u64, far: &mut FarEnds) -> Result<()> {
        let order = json!({ "call": call, "whatsapp": far.whatsapp_offer(call)? });
        let texts = self.0.ask(&order)?;
        let text = |of: &str| texts[of].as_str().context("an SDP is missing");
        far.whatsapp_takes(call, text("whatsapp")?)?;
        let answer = far.telephone_answers(call, text("telephone")?)?;
        self.0.ask(&json!({ "talk": call, "telephone": answer })).map(drop)
    }

    fn close(&mut self, call: u64) -> Result<()> {
        self.0.ask(&json!({ "end": call })).map(drop)
    }

    fn pid(&self) -> u32 {
        self.0.pid()
    }
}

/// rtpengine, told to transcode.
#[derive(Debug)]
pub(in crate::bench::peers) struct RtpEngineTranscoding(RtpEngine);

impl RtpEngineTranscoding {
    pub(in crate::bench::peers) fn start() -> Result<Self> {
        RtpEngine::start().map(Self)
    }
}

impl Relay for RtpEngineTranscoding {
    fn open(&mut self, call: u64, far: &mut FarEnds) -> Result<()> {
        let id = format!("call-{call}");
        let replace = list(&["origin"]);
        let codecs = [
            ("mask".to_owned(), list(&["opus"])),
            ("transcode".to_owned(), list(&["PCMU"])),
            ("set".to_owned(), list(&[OPUS])),
        ];
        let offer = self.0.exchange(&[
            ("command", "offer".into()),
            ("call-id", id.as_str().into()),
            ("from-tag", "whatsapp".into()),
            ("sdp", far.full_offer(call)?.as_str().into()),
            ("replace", replace.clone()),
            ("transport-protocol", "RTP/AVP".into()),
            ("ICE", "remove".into()),
            ("rtcp-mux", list(&["demux"])),
            ("codec", Word::Dictionary(codecs.into())),
        ])?;
        let answer = self.0.exchange(&[
            ("command", "answer".into()),
            ("call-id", id.as_str().into()),
            ("from-tag", "whatsapp".into()),
            ("to-tag", "telephone".into()),
            ("sdp", far.telephone_answers(call, &offer)?.as_str().into()),
            ("replace", replace),
            ("ICE", "force".into()),
        ])?;
        far.whatsapp_takes(call, &answer)
    }

    fn close(&mut self, call: u64) -> Result<()> {
        self.0.close(call)
    }

    fn pid(&self) -> u32 {
        self.0.pid()
    }
}

fn list(words: &[&str]) -> Word {
    Word::List(words.iter().map(|word| (*word).into()).collect())
}
