//! What does it cost to set a call up by SIP and to end it, beside the bare stack?
//!
//! SIPp is the far end of both, over UDP, at a rate that leaves either idle for most of the time: INVITE, 200,
//! ACK, BYE, 200. `crates/sip/examples/set_ups` takes and places the calls, once as our user agent and once as
//! the stack below it with nothing of ours around it, in turn and on the same processor.

use std::{
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::json;

use super::{place, spoken::Spoken};
use crate::{
    bench::{account, cases::Measured},
    shell,
};

/// Pairs of rounds.
const ROUNDS: usize = 7;

/// Calls of a round, and how many of them begin in a second.
const CALLS: u64 = 400;
const RATE: u64 = 200;

/// How long a process may still work on what has ended.
const SETTLE: Duration = Duration::from_millis(200);

/// Where SIPp is: while it answers, and its remote control, which nobody uses.
const ANSWERS: &str = "127.0.0.1:5070";
const CONTROL: &str = "8888";

/// SIPp gives up after so long.
const GIVEN_UP: &str = "30s";

/// Milliseconds of CPU for each call in, and for each call out.
#[derive(Debug, Clone, Copy)]
struct Cost {
    taken: f64,
    placed: f64,
}

impl Cost {
    /// Calls of both kinds in a second of CPU.
    fn rate(self) -> f64 {
        1e3 / f64::midpoint(self.taken, self.placed)
    }
}

/// All cases of it, by their names.
pub(super) fn measure() -> [(String, Result<Measured>); 3] {
    eprintln!("sip-setup …");
    let measured = rounds();
    let case = |name: &str, of: fn(Cost) -> f64| {
        let pairs = measured.as_ref().map_err(|fault| anyhow!("{fault:#}"));
        let pairs = pairs.map(|rounds| {
            rounds.iter().map(|(ours, bare)| (of(*ours), of(*bare))).collect::<Vec<_>>()
        });
        (name.to_owned(), pairs.map(|pairs| Measured::pairs(&pairs, Some(CALLS))))
    };
    [
        case("sip-setup-rate", Cost::rate),
        case("sip-call-in", |cost| cost.taken),
        case("sip-call-out", |cost| cost.placed),
    ]
}

/// Two calls from each to the other.
pub(super) fn smoke(command: impl Fn() -> Command) -> Result<()> {
    let party = |name, what| {
        let mut command = command();
        command.arg(what);
        Party::by(name, command)
    };
    let mut ours = party("our agent", "agent")?;
    let mut bare = party("the bare stack", "bare")?;
    calls(&mut ours, &mut bare)?;
    calls(&mut bare, &mut ours)
}

fn calls(caller: &mut Party, called: &mut Party) -> Result<()> {
    let order = json!({ "place": 2, "to": called.address, "every_us": 1_000 });
    let answer = caller.spoken.ask(&order)?;
    ensure!(answer["done"] == 2, "{} placed no calls: {answer}", caller.name);
    called.has_taken(2)
}

fn rounds() -> Result<Vec<(Cost, Cost)>> {
    let mut ours = Party::start("our agent", "agent")?;
    let mut bare = Party::start("the bare stack", "bare")?;
    let mut rounds = Vec::new();
    // The first round warms caches and is thrown away.
    for round in 0..=ROUNDS {
        let pair = (ours.round()?, bare.round()?);
        if round == 0 {
            continue;
        }
        let (us, stack) = pair;
        eprintln!(
            "  in: ours {:.3} ms a call, bare {:.3} ms; out: ours {:.3} ms, bare {:.3} ms",
            us.taken, stack.taken, us.placed, stack.placed
        );
        rounds.push(pair);
    }
    Ok(rounds)
}

/// Who takes and places calls.
struct Party {
    name: &'static str,
    spoken: Spoken,
    address: String,
}

impl Party {
    fn start(name: &'static str, what: &str) -> Result<Self> {
        let program = shell::target().join("release/examples/set_ups");
        let mut command = place::pinned(place::MEASURED, program.as_os_str());
        command.arg(what);
        Self::by(name, command)
    }

    fn by(name: &'static str, command: Command) -> Result<Self> {
        let spoken = Spoken::start(name, command)?;
        let address = spoken.ready["address"].as_str().context("it listens nowhere")?.to_owned();
        Ok(Self { name, spoken, address })
    }

    fn round(&mut self) -> Result<Cost> {
        let taken = self.spent(Self::take)?;
        let placed = self.spent(Self::place)?;
        Ok(Cost { taken, placed })
    }

    /// Milliseconds of CPU for each call of this.
    fn spent(&mut self, what: fn(&mut Self) -> Result<()>) -> Result<f64> {
        let before = account::cpu_ns(self.spoken.pid())?;
        what(self).with_context(|| self.name)?;
        thread::sleep(SETTLE);
        let spent_ns = account::cpu_ns(self.spoken.pid())?.saturating_sub(before);
        Ok(spent_ns as f64 / 1e6 / CALLS as f64)
    }

    fn take(&mut self) -> Result<()> {
        let before = self.taken()?;
        let (calls, rate) = (CALLS.to_string(), RATE.to_string());
        let mut caller = sipp(&["-sn", "uac", "-m", &calls, "-r", &rate, &self.address]);
        let status = caller.status().context("cannot start sipp (Debian: sip-tester)")?;
        ensure!(status.success(), "SIPp's calls did not go as they should: {status}");
        // The last BYE is answered before its call is over.
        thread::sleep(SETTLE);
        let taken = self.taken()? - before;
        ensure!(taken == CALLS, "of {CALLS} calls {taken} were taken");
        Ok(())
    }

    /// Waits for it: who hangs up may hear of it sooner.
    fn has_taken(&mut self, calls: u64) -> Result<()> {
        for _ in 0..250 {
            if self.taken()? == calls {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(anyhow!("{} took other calls than {calls}", self.name))
    }

    fn taken(&mut self) -> Result<u64> {
        self.spoken.ask(&json!({ "taken": true }))?["taken"].as_u64().context("no count")
    }

    fn place(&mut self) -> Result<()> {
        let _phones = Phones::start()?;
        let order = json!({ "place": CALLS, "to": ANSWERS, "every_us": 1_000_000 / RATE });
        let done = self.spoken.ask(&order)?["done"].as_u64().context("no count")?;
        ensure!(done == CALLS, "of {CALLS} calls {done} were answered and ended");
        Ok(())
    }
}

/// A SIPp that answers; it ends when this is dropped.
struct Phones(Child);

impl Phones {
    fn start() -> Result<Self> {
        let port = ANSWERS.rsplit(':').next().unwrap_or_default();
        let mut command = sipp(&["-sn", "uas", "-p", port]);
        let child = command.spawn().context("cannot start sipp (Debian: sip-tester)")?;
        let mut phones = Self(child);
        for _ in 0..500 {
            if is_bound(ANSWERS)? {
                return Ok(phones);
            }
            if let Some(status) = phones.0.try_wait()? {
                return Err(anyhow!("SIPp does not listen: {status}"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(anyhow!("SIPp does not listen"))
    }
}

/// Whether somebody has this UDP address; to try for it oneself would keep it from them.
fn is_bound(address: &str) -> Result<bool> {
    let address: std::net::SocketAddrV4 = address.parse()?;
    let ip = u32::from_le_bytes(address.ip().octets());
    let entry = format!(" {ip:08X}:{:04X} ", address.port());
    Ok(std::fs::read_to_string("/proc/self/net/udp")?.contains(&entry))
}

impl Drop for Phones {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn sipp(args: &[&str]) -> Command {
    let mut command = place::pinned(place::PLAYED, "sipp".as_ref());
    command
        .args(args)
        .args(["-i", "127.0.0.1", "-nostdin", "-cp", CONTROL])
        .args(["-timeout", GIVEN_UP, "-timeout_error"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}
