//! How many instructions does a forwarded packet cost, and is that within the budget?
//!
//! Time differs from machine to machine and from run to run; instructions hardly do. The test starts
//! itself under valgrind, which counts those of [`Calls::forward`] alone, and holds them against
//! `bench/instructions.toml`.
//!
//! Without arguments it checks; with `--print` it prints what was counted, to set a budget by.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "it has no harness that would print for it")]

extern crate offhook_engine as engine;

use std::path::Path;
use std::process::Command;

use engine::Socket;
use engine::yardstick::Calls;
use media::srtp::Profile;
use serde::Deserialize;

/// Names the case to run when this program is started under valgrind.
const CASE: &str = "OFFHOOK_INSTRUCTIONS_CASE";

const CALLS: u32 = 16;

/// Rounds of a packet from each of the 32 far ends.
const WARM_UP: usize = 4;
const ROUNDS: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    /// How far above its budget a case may be, in percent.
    tolerance_percent: u64,
    case: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    profile: String,
    socket: String,
    /// Instructions for each forwarded packet.
    budget: u64,
}

impl Case {
    fn profile(&self) -> Profile {
        match &*self.profile {
            "AEAD_AES_128_GCM" => Profile::AeadAes128Gcm,
            "AEAD_AES_256_GCM" => Profile::AeadAes256Gcm,
            "AES128_CM_SHA1_80" => Profile::Aes128CmSha1_80,
            other => panic!("no profile {other}"),
        }
    }

    fn socket(&self) -> Socket {
        match &*self.socket {
            "own" => Socket::Own,
            "muxed" => Socket::Muxed,
            other => panic!("no socket {other}"),
        }
    }
}

fn main() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/instructions.toml");
    let Budget { tolerance_percent, case: cases } =
        toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    if let Ok(name) = std::env::var(CASE) {
        return play(cases.iter().find(|case| case.name == name).unwrap());
    }
    let prints = std::env::args().any(|arg| arg == "--print");
    let mut over = Vec::new();
    for case in &cases {
        let counted = count(case);
        let most = case.budget + case.budget * tolerance_percent / 100;
        println!(
            "{:<24} {counted:>6} instructions, budget {} (at most {most})",
            case.name, case.budget
        );
        if counted > most {
            over.push(&case.name);
        }
    }
    assert!(
        over.is_empty() || prints,
        "{over:?}: a forwarded packet costs more instructions than bench/instructions.toml allows"
    );
}

/// What is counted, and what it needs before.
fn play(case: &Case) {
    let mut calls = Calls::new(CALLS, case.profile(), case.socket()).unwrap();
    for rounds in [WARM_UP, ROUNDS] {
        let mut packets = calls.packets(rounds);
        assert_eq!(calls.forward(&mut packets), rounds * 2 * CALLS as usize);
    }
}

/// Instructions for each packet, warm-up included.
fn count(case: &Case) -> u64 {
    let ran = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=*Calls*forward*",
        ])
        .arg(std::env::current_exe().unwrap())
        .env(CASE, &case.name)
        .output()
        .expect("valgrind is on the machine: cargo xtask test installs it");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, count)| count.trim().parse::<u64>().ok());
    let collected = collected.unwrap_or_else(|| panic!("valgrind counted nothing: {said}"));

    collected / u64::try_from((WARM_UP + ROUNDS) * 2 * CALLS as usize).unwrap()
}
