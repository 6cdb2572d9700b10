//! How do relays open a call that take it in one order: ours, and aiortc's?
//!
//! Both offers go in, both answers come out.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;

use super::{super::place, super::spoken::Spoken, FarEnds, Relay};
use crate::{setup, shell};

/// A process with orders such as `crates/engine/examples/peer_relay.rs` has.
#[derive(Debug)]
pub(in crate::bench::peers) struct Told(Spoken);

impl Told {
    /// The engine, as the gateway uses it.
    pub(in crate::bench::peers) fn ours() -> Result<Self> {
        let program = shell::target().join("release/examples/peer_relay");
        let mut command = place::pinned(place::MEASURED, program.as_os_str());
        command.arg(place::ADDRESS);
        Self::by(command)
    }

    /// The same by another build.
    pub(in crate::bench::peers) fn by(command: Command) -> Result<Self> {
        Ok(Self(Spoken::start("our relay", command)?))
    }

    /// aiortc behind `bench/peers/aiortc_relay.py`.
    pub(in crate::bench::peers) fn aiortc() -> Result<Self> {
        let mut command = python();
        command.arg(shell::root().join("bench/peers/aiortc_relay.py"));
        Ok(Self(Spoken::start("aiortc", command)?))
    }
}

/// The Python that has the peers.
pub(in crate::bench::peers) fn python() -> Command {
    let program = setup::peers_python();
    place::pinned(place::MEASURED, program.as_os_str())
}

impl Relay for Told {
    fn open(&mut self, call: u64, far: &mut FarEnds) -> Result<()> {
        let (whatsapp, browser) = (far.whatsapp_offer(call)?, far.browser_offer(call)?);
        let order = json!({ "call": call, "whatsapp": whatsapp, "browser": browser });
        let answers = self.0.ask(&order)?;
        let answer = |of: &str| answers[of].as_str().context("an answer is missing");
        far.whatsapp_takes(call, answer("whatsapp")?)?;
        far.browser_takes(call, answer("browser")?)
    }

    fn close(&mut self, call: u64) -> Result<()> {
        self.0.ask(&json!({ "end": call })).map(drop)
    }

    fn pid(&self) -> u32 {
        self.0.pid()
    }
}
