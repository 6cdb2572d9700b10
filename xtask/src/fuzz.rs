//! Does the gateway keep its own document, whatever it is sent?
//!
//! Schemathesis makes requests of `openapi.json`, valid and broken, and holds every answer against it: no
//! status of 500 or more, none that is not documented, the documented media type and schema, 405 for
//! what is no method. Afterwards another parser reads `/metrics`. The gateway is the demo's, with a
//! platform behind it. The stream of events is left out: it does not end.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{setup, shell};

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,unsupported_method";

/// How many requests are made for each operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Depth {
    /// Examples made up for each operation, beside the systematic ones.
    pub(crate) examples: u32,
    /// Where the dice begin.
    pub(crate) seed: u64,
}

impl Depth {
    /// What `test` does: the same requests each time.
    pub(crate) const BOUNDED: Self = Self { examples: 5, seed: 1 };
}

pub(crate) fn run(depth: Depth) -> Result<()> {
    let demo = Demo::start()?;
    let document = format!("{}/openapi.json", demo.gateway);
    let key = format!("Authorization: Bearer {}", demo.api_key);
    let python = setup::fuzz_python();
    let (examples, seed) = (depth.examples.to_string(), depth.seed.to_string());
    let mut fuzz = shell::command(&python.to_string_lossy(), &["-m", "schemathesis.cli", "run"]);
    fuzz.args([document.as_str(), "--header", &key, "--checks", CHECKS])
        .args(["--exclude-path", "/v1/events/stream", "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", &examples, "--seed", &seed, "--generation-database", "none"])
        .args(["--workers", "2", "--request-timeout", "15", "--no-color", "--warnings", "off"]);
    shell::run_command(fuzz)?;
    let metrics = format!("{}/metrics", demo.gateway);
    shell::run(&python.to_string_lossy(), &["tests/fuzz/metrics.py", &metrics])
}

/// The demo, on ports the system gives it; it ends with this.
struct Demo {
    process: Child,
    gateway: String,
    api_key: String,
}

impl Demo {
    fn start() -> Result<Self> {
        let binary = shell::target().join("debug/offhook");
        let mut command = shell::command(&binary.to_string_lossy(), &["demo", "--json"]);
        for port in ["--platform-listen", "--platform-media", "--gateway-listen", "--gateway-media"]
        {
            command.args([port, "127.0.0.1:0"]);
        }
        // What it logs of broken requests is no news.
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().context("starting the demo")?;
        let said = process.stdout.take().context("the demo's standard output")?;
        let mut demo = Self { process, gateway: String::new(), api_key: String::new() };
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line).context("the demo's first line")?;
        let links: Value = serde_json::from_str(&line).context("the demo is not ready")?;
        let word = |name: &str| links[name].as_str().unwrap_or_default().to_owned();
        (demo.gateway, demo.api_key) = (word("gateway"), word("api_key"));
        Ok(demo)
    }
}

impl Drop for Demo {
    /// It keeps nothing, so nothing is lost.
    fn drop(&mut self) {
        let ended = self.process.kill().and_then(|()| self.process.wait().map(drop));
        if let Err(fault) = ended {
            eprintln!("the demo did not end: {fault}");
        }
    }
}
