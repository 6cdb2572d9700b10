//! How do we compare with what others would use?
//!
//! rtpengine, Janus, aiortc and pipecat run as they come from Debian and PyPI, ours from the release
//! build, one after the other on one processor with the same far ends on another, in a network
//! namespace of their own. [docs/peer-bench.md](../../../../docs/peer-bench.md) says what each case
//! covers and what distorts it.

mod bots;
mod far_ends;
mod memory;
mod place;
mod relay;
mod relays;
mod set_up;
mod sip_calls;
mod spoken;
mod system;
mod transcode;
mod webhook;

use std::{collections::BTreeMap, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};

use self::{
    far_ends::{Calls, FarEnds},
    relays::{Janus, Relay, RtpEngine, RtpEngineTranscoding, Told, Trunks},
};
use super::{
    awake::Awake,
    cases::{self, Case, Measured, Row},
};
use crate::{setup, shell};

/// Set-ups in a round: of ours, and of each peer.
const OUR_SET_UPS: u64 = 200;
const THEIR_SET_UPS: u64 = 20;

/// What each case measured, by its name.
type Outcomes = BTreeMap<String, Result<Measured>>;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// Everything but bots.
    All,
    /// Calls with a bot.
    Bots,
    /// Calls by SIP, and with a telephone.
    Sip,
}

impl What {
    /// The word of the command line, and of the cases' file.
    const fn name(self) -> &'static str {
        match self {
            Self::All => "peers",
            Self::Bots => "bots",
            Self::Sip => "sip",
        }
    }
}

/// Installs and builds what is needed, then measures in a place of its own.
pub(super) fn run(what: What, json: bool) -> Result<()> {
    let installed = match what {
        What::All | What::Bots => {
            vec![setup::programs(setup::TO_COMPARE), setup::python_peers()]
        }
        What::Sip => vec![setup::programs(setup::TO_BENCH_SIP)],
    };
    // A row says what is missing; the others are measured all the same.
    for fault in installed.into_iter().filter_map(Result::err) {
        eprintln!("a peer is not installed: {fault:#}");
    }
    let build = ["build", "--quiet", "--release", "--locked"];
    let ours: &[&[&str]] = match what {
        What::All | What::Bots => {
            &[&["-p", "offhook", "--bin", "offhook"], &["-p", "offhook-engine", "--examples"]]
        }
        What::Sip => &[
            &["-p", "offhook-engine", "--example", "far_ends", "--example", "trunk_relay"],
            &["-p", "offhook-sip", "--example", "set_ups"],
        ],
    };
    for program in ours {
        shell::run("cargo", &[&build[..], program].concat())?;
    }
    if let Some(refusal) = place::refusal() {
        return cases::print(&rows(what, all_refused(what, &refusal)?)?, json);
    }
    let mut args = vec!["bench", what.name(), "--inside"];
    args.extend(json.then_some("--json"));
    shell::run_command(place::enter(&args)?)
}

/// Measures every case; called in that place.
pub(super) fn run_inside(what: What, json: bool) -> Result<()> {
    place::furnish()?;
    let outcomes = match what {
        What::All => measure()?,
        What::Bots => measure_bots()?,
        What::Sip => measure_sip()?,
    };
    cases::print(&rows(what, outcomes)?, json)
}

/// Two calls between the far ends through our own relay, and by SIP, by the debug build: what needs no peer,
/// no root and no quiet machine.
pub(super) fn smoke() -> Result<()> {
    let example = |name: &str| Command::new(shell::target().join("debug/examples").join(name));
    let mut far = FarEnds::by(example("far_ends"))?;
    let mut ours = Told::by(example("peer_relay"))?;
    let calls = Numbers(1).take(2);
    for call in calls.clone() {
        ours.open(call, &mut far)?;
    }
    far.connect(&calls)?;
    let tally = far.play(&calls, Duration::from_millis(500))?;
    ensure!(tally.sent > 50 && tally.received == tally.sent, "packets were lost: {tally:?}");
    let speech = far.speak(&calls, Duration::from_millis(500))?;
    // Before and after it a leg is filled with silence, which is heard, too.
    let is_whole = speech.heard >= speech.sent && speech.voiced * 10 >= speech.sent * 9;
    ensure!(speech.sent > 50 && is_whole, "speech was lost: {speech:?}");
    ensure!(2 * speech.voiced > speech.heard, "nobody spoke: {speech:?}");
    for call in calls.clone() {
        ours.close(call)?;
    }
    far.close(&calls)?;
    let trunks = Trunks::by(example("trunk_relay"))?;
    transcode::smoke(Box::new(trunks), &mut Numbers(calls.end), &mut far)?;
    sip_calls::smoke(|| example("set_ups"))
}

/// Nothing but the echo can be measured without such a place.
fn all_refused(what: What, refusal: &str) -> Result<Outcomes> {
    let names = cases::of(what.name())?.into_iter().map(|case| case.name);
    Ok(names.map(|name| (name, Err(anyhow!("{refusal}")))).collect())
}

fn rows(what: What, mut outcomes: Outcomes) -> Result<Vec<Row>> {
    let row = |case: Case| {
        if case.name.ends_with("-vs-echo") {
            return echo(&case);
        }
        let nobody = || Err(anyhow!("nobody measures this case"));
        case.row(&outcomes.remove(&case.name).unwrap_or_else(nobody))
    };
    let mut rows: Vec<Row> = cases::of(what.name())?.into_iter().map(row).collect();
    if what == What::All {
        say_floor(&mut rows)?;
    }
    Ok(rows)
}

/// Says beside a relay's cost what an echo without crypto costs for as many calls.
fn say_floor(rows: &mut [Row]) -> Result<()> {
    /// Packets of a call that are passed on in a second: fifty each way.
    const PACKETS: f64 = 100.0;

    let cases = cases::of("media")?.into_iter();
    let echo_ns = cases
        .filter(|case| case.name == "relay-100-vs-echo")
        .find_map(|case| echo(&case).reference());
    let Some(echo_ms) = echo_ns.map(|ns| ns * PACKETS / 1e6) else {
        return Ok(());
    };
    eprintln!("  an echo without crypto, 100 calls: {echo_ms:.3} ms");
    for row in rows.iter_mut().filter(|row| row.case().starts_with("relay-100-")) {
        row.not_below(echo_ms, "an echo without crypto");
    }
    Ok(())
}

/// The relay beside the echo without crypto is measured by `bench media`'s own program.
fn echo(case: &Case) -> Row {
    eprintln!("{} …", case.name);
    let _awake = Awake::start();
    let measured = super::media_rows(std::slice::from_ref(case));
    let row = measured.and_then(|rows| rows.into_iter().next().context("no row of this case"));
    row.unwrap_or_else(|fault| case.row(&Err(fault)))
}

fn measure() -> Result<Outcomes> {
    let work = shell::target().join("peers");
    std::fs::create_dir_all(&work)?;
    let mut numbers = Numbers(1);
    let mut far = FarEnds::start()?;
    let mut outcomes = Outcomes::new();
    let mut put = |name: &str, outcome| drop(outcomes.insert(name.to_owned(), outcome));
    let awake = Awake::start();
    eprintln!("relay-100 …");
    for (name, outcome) in relays(&work, &mut numbers, &mut far) {
        put(name, outcome);
    }
    eprintln!("setup …");
    for (name, outcome) in set_ups(&work, &mut numbers, &mut far) {
        put(name, outcome);
    }
    eprintln!("memory …");
    put("memory", memory::measure(&mut numbers, &mut far));
    // What follows has more threads than processors: those with work to do must find one that is idle.
    let _awake = awake.unless_looped();
    eprintln!("webhook-accept …");
    put("webhook-accept", webhook::measure(&work, &mut numbers, &mut far));
    drop(far);
    eprintln!("system-1000 …");
    put("system-1000", system::lossless());
    eprintln!("latency-1000 …");
    put("latency-1000", system::latency());
    eprintln!("growth-2000-200 …");
    put("growth-2000-200", system::growth());
    Ok(outcomes)
}

fn measure_bots() -> Result<Outcomes> {
    let work = shell::target().join("peers");
    std::fs::create_dir_all(&work)?;
    let (mut numbers, mut far) = (Numbers(1), FarEnds::start()?);
    let _awake = Awake::start();
    let mut outcomes = Outcomes::new();
    for (complexity, calls) in bots::EFFORTS {
        eprintln!("bot-complexity-{complexity} …");
        let measured = bots::beside_codecs(&work, &mut numbers, &mut far, (complexity, calls));
        outcomes.insert(format!("bot-complexity-{complexity}"), measured);
    }
    eprintln!("bot-vs-pipecat …");
    let measured = bots::beside_pipecat(&work, &mut numbers, &mut far);
    outcomes.insert("bot-vs-pipecat".into(), measured);
    Ok(outcomes)
}

fn measure_sip() -> Result<Outcomes> {
    let mut outcomes: Outcomes = sip_calls::measure().into();
    eprintln!("transcode …");
    let (mut numbers, mut far) = (Numbers(1), FarEnds::start()?);
    let _awake = Awake::start();
    let ours = Trunks::start().map(|trunks| Box::new(trunks) as Box<dyn Relay>);
    let rtpengine = RtpEngineTranscoding::start().map(|peer| Box::new(peer) as Box<dyn Relay>);
    let measured = transcode::measure((ours, rtpengine), &mut numbers, &mut far);
    outcomes.insert("transcode-vs-rtpengine".into(), measured);
    Ok(outcomes)
}

type Named<const N: usize> = [(&'static str, Result<Measured>); N];

fn relays(work: &Path, numbers: &mut Numbers, far: &mut FarEnds) -> Named<2> {
    let mut enter = |name, relay: Result<Box<dyn Relay>>| {
        relay.and_then(|relay| relay::Contestant::enter(name, relay, numbers, far))
    };
    let ours = enter("ours", ours());
    let peers = vec![enter("rtpengine", rtpengine()), enter("janus", janus(work))];
    let outcomes = match ours {
        Ok(ours) => relay::measure(ours, peers, far),
        Err(fault) => peers.iter().map(|_| Err(anyhow!("{fault:#}"))).collect(),
    };
    let mut outcomes = outcomes.into_iter();
    ["relay-100-vs-rtpengine", "relay-100-vs-janus"]
        .map(|name| (name, outcomes.next().expect("one outcome for each peer")))
}

fn set_ups(work: &Path, numbers: &mut Numbers, far: &mut FarEnds) -> Named<2> {
    let enter = |name, relay: Result<Box<dyn Relay>>, calls| {
        relay.map(|relay| set_up::Contestant { name, relay, calls })
    };
    let contestants = vec![
        enter("ours", ours(), OUR_SET_UPS),
        enter("aiortc", Told::aiortc().map(|aiortc| Box::new(aiortc) as _), THEIR_SET_UPS),
        // No case asks for these two; what they cost is printed on the way.
        enter("rtpengine", rtpengine(), THEIR_SET_UPS),
        enter("janus", janus(work), THEIR_SET_UPS),
    ];
    let mut costs = set_up::measure(contestants, numbers, far);
    let aiortc = costs.swap_remove(1);
    let ours = costs.swap_remove(0);
    let [rate, beside] = match ours {
        Ok(ours) => [
            Ok(set_up::rate(&ours, OUR_SET_UPS)),
            aiortc.map(|theirs| set_up::beside(&ours, &theirs)),
        ],
        Err(fault) => [Err(anyhow!("{fault:#}")), Err(fault)],
    };
    [("setup-rate", rate), ("setup-vs-aiortc", beside)]
}

fn ours() -> Result<Box<dyn Relay>> {
    Ok(Box::new(Told::ours()?))
}

fn rtpengine() -> Result<Box<dyn Relay>> {
    Ok(Box::new(RtpEngine::start()?))
}

fn janus(work: &Path) -> Result<Box<dyn Relay>> {
    Ok(Box::new(Janus::start(work)?))
}

/// Gives every call of a run its own number.
#[derive(Debug)]
struct Numbers(u64);

impl Numbers {
    fn take(&mut self, calls: u64) -> Calls {
        let first = self.0;
        self.0 += calls;
        first..self.0
    }
}
