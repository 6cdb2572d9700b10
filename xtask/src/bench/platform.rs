//! What does the platform cost when nobody talks: its start, its memory, a refusal, a month?
//!
//! The release binary runs as a process of its own and is asked over the loopback; the month is
//! played in virtual time by `offhook-sim`. [docs/platform-bench.md](../../../docs/platform-bench.md)
//! says what each case covers.

use std::{thread, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    cases::{self, Measured},
    client::Client,
    process::Platform,
};
use crate::shell;

/// Rounds of each case.
const ROUNDS: usize = 7;

/// How long a started platform is left alone before its memory is read.
const SETTLE: Duration = Duration::from_secs(1);

/// Calls to a user who gave no permission, in one round.
const REFUSED: u64 = 2_000;

/// The demo's number and its token.
const CALLS: &str = "/v23.0/109876543210987/calls";
const TOKEN: (&str, &str) = ("authorization", "Bearer demo-token");

pub(super) fn run(json: bool) -> Result<()> {
    shell::run("cargo", &["build", "--quiet", "--release", "--locked", "-p", "offhook"])?;
    let mut rows = Vec::new();
    for case in cases::of("platform")? {
        eprintln!("{} …", case.name);
        let measured = match case.name.as_str() {
            "platform-start" => start(),
            "platform-idle-memory" => idle_memory(),
            "platform-refused-calls" => refused_calls(),
            "platform-thirty-days" => thirty_days(),
            _ => Err(anyhow::anyhow!("nobody measures this case")),
        };
        rows.push(case.row(&measured));
    }
    cases::print(&rows, json)
}

/// Seconds from the start of the process to its first answer.
fn start() -> Result<Measured> {
    let round = |_| Platform::start().map(|platform| platform.first_answer.as_secs_f64());
    Ok(Measured::alone((0..ROUNDS).map(round).collect::<Result<_>>()?, None))
}

/// Resident memory a second after the first answer.
fn idle_memory() -> Result<Measured> {
    let round = |_| {
        let platform = Platform::start()?;
        thread::sleep(SETTLE);
        platform.memory_mb()
    };
    Ok(Measured::alone((0..ROUNDS).map(round).collect::<Result<_>>()?, None))
}

/// Refused calls in a second of the platform's own CPU time.
fn refused_calls() -> Result<Measured> {
    let platform = Platform::start()?;
    let mut client = Client::connect(&platform.host)?;
    let offer = shell::root().join("crates/media/src/sdp/golden/gateway_offer.sdp");
    let sdp = std::fs::read_to_string(offer).context("cannot read the offer")?;
    let sdp = sdp.replace("\r\n", "\n").replace('\n', "\r\n");
    let body = json!({ "messaging_product": "whatsapp", "to": "5215550000001", "action": "connect",
        "session": { "sdp_type": "offer", "sdp": sdp } })
    .to_string();
    refuse(&mut client, &body, REFUSED / 4)?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let before = platform.cpu_ns()?;
        refuse(&mut client, &body, REFUSED)?;
        let spent_ns = platform.cpu_ns()?.saturating_sub(before);
        ensure!(spent_ns > 0, "the kernel counted no CPU time");
        rounds.push(REFUSED as f64 * 1e9 / spent_ns as f64);
    }
    Ok(Measured::alone(rounds, Some(REFUSED)))
}

/// Every one must be refused for want of a permission, or nothing is measured.
fn refuse(client: &mut Client, body: &str, times: u64) -> Result<()> {
    for _ in 0..times {
        let answer = client.post(CALLS, TOKEN, body)?;
        if answer.status != 401 || !answer.body.contains("138006") {
            bail!("a call was answered with {}: {}", answer.status, answer.body);
        }
    }
    Ok(())
}

/// What the simulation says of one month.
#[derive(Debug, Deserialize)]
struct Month {
    seconds: f64,
    calls: u64,
    #[serde(flatten)]
    others: serde_json::Map<String, Value>,
}

/// Seconds for thirty days of ten thousand users, in virtual time.
fn thirty_days() -> Result<Measured> {
    let package = ["-p", "offhook-sim", "--example", "thirty_days"];
    let run = [&["run", "--quiet", "--release", "--locked"][..], &package].concat();
    let mut rounds = Vec::new();
    let mut calls = None;
    for round in 0..ROUNDS {
        let printed = shell::output("cargo", &run)?;
        let month: Month = serde_json::from_str(&printed).context("not a month")?;
        if round == 0 {
            eprintln!("{} calls, {}", month.calls, Value::Object(month.others));
        }
        calls = Some(month.calls);
        rounds.push(month.seconds);
    }
    Ok(Measured::alone(rounds, calls))
}
