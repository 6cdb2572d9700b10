//! Is this flow sound, and where would a caller go?

use std::{path::PathBuf, process::ExitCode};

use ::gateway::flows;
use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use switchboard::flow::{Caller, Fault, Flow, Place, Trace};
use terms::{Timestamp, WaId};

use crate::output;

/// Arguments of `offhook flow`.
#[derive(Debug, Args)]
#[command(after_help = "Example: offhook flow check flow.toml")]
pub(crate) struct FlowArgs {
    #[command(subcommand)]
    command: FlowCommand,
}

#[derive(Debug, Subcommand)]
enum FlowCommand {
    /// Says what is wrong with a flow, each fault with its line and step.
    Check(CheckArgs),
    /// Prints the way of a caller through a flow; nobody is called.
    Run(RunArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Example: offhook flow check flow.toml")]
struct CheckArgs {
    /// The flow; prompts lie in the folder `prompts` beside it.
    file: PathBuf,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example: offhook flow run flow.toml --caller 5511988887777 --at 2026-11-29T10:00:00-03:00 --keys 1,4711"
)]
struct RunArgs {
    /// The flow; prompts lie in the folder `prompts` beside it.
    file: PathBuf,
    /// Who calls, digits.
    #[arg(long)]
    caller: Option<String>,
    /// The caller's name.
    #[arg(long)]
    name: Option<String>,
    /// When, with an offset; now if absent.
    #[arg(long)]
    at: Option<jiff::Timestamp>,
    /// The answers to the questions, in order; then the caller is silent.
    #[arg(long, value_delimiter = ',')]
    keys: Vec<String>,
    /// What the button or deep link carried.
    #[arg(long)]
    payload: Option<String>,
    /// Whether the service window is open.
    #[arg(long)]
    window: Option<Window>,
    /// How many calls there were before.
    #[arg(long)]
    past_calls: Option<u32>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Window {
    Open,
    Closed,
}

/// Checks or walks a flow; a flow with faults is exit code 1.
pub(crate) fn run(args: &FlowArgs) -> ExitCode {
    let done = match &args.command {
        FlowCommand::Check(args) => check(args),
        FlowCommand::Run(args) => walk(args),
    };
    match done {
        Ok(code) => code,
        Err(fault) => output::could_not_run(&fault),
    }
}

fn check(args: &CheckArgs) -> Result<ExitCode> {
    match flows::read(&args.file)?.flow {
        Ok(flow) => {
            let steps = flow.step_names().count();
            let said = if args.json {
                json!({ "faults": [], "steps": steps }).to_string()
            } else {
                format!("The flow is sound: {steps} steps, {} first.", flow.start_name())
            };
            output::say(&said);
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => Ok(refuse(&faults.0, args.json)),
    }
}

fn walk(args: &RunArgs) -> Result<ExitCode> {
    let flow = match flows::read(&args.file)?.flow {
        Ok(flow) => flow,
        Err(faults) => return Ok(refuse(&faults.0, args.json)),
    };
    let trace = trace(&flow, args)?;
    if args.json {
        output::say(&as_json(&trace).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    for line in &trace.lines {
        output::say(&format!("{:>6.1} s  {}: {}", line.after.as_secs_f64(), line.step, line.text));
    }
    if !trace.ends {
        output::say("          … and so on: no end in sight");
    }
    for (name, value) in trace.trail.variables() {
        output::say(&format!("          {name} = {value}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn trace(flow: &Flow, args: &RunArgs) -> Result<Trace> {
    let number = args.caller.as_deref().map(WaId::from_dialled).transpose();
    let caller = Caller {
        number: number.context("--caller takes digits")?,
        user_id: None,
        name: args.name.clone(),
        payload: args.payload.clone(),
        window_open: args.window.map(|window| window == Window::Open),
        past_calls: args.past_calls,
    };
    let at = args.at.unwrap_or_else(jiff::Timestamp::now);
    Ok(flow.trace(&caller, Timestamp::from_unix_ms(at.as_millisecond()), &args.keys))
}

fn as_json(trace: &Trace) -> Value {
    let line = |line: &switchboard::flow::TraceLine| json!({ "at_s": line.after.as_secs_f64(), "step": line.step, "text": line.text });
    json!({
        "path": trace.lines.iter().map(line).collect::<Vec<_>>(),
        "end": if trace.ends { "hangs up" } else { "goes on" },
        "variables": trace.trail.variables(),
    })
}

fn refuse(faults: &[Fault], as_json: bool) -> ExitCode {
    if as_json {
        let faults: Vec<Value> = faults.iter().map(fault).collect();
        output::say(&json!({ "faults": faults }).to_string());
    } else {
        for fault in faults {
            output::say(&fault.to_string());
        }
    }
    ExitCode::FAILURE
}

fn fault(fault: &Fault) -> Value {
    let (line, path) = match &fault.place {
        Place::Line(line) => (Some(line), None),
        Place::Path(path) => (None, Some(path)),
    };
    json!({
        "document": fault.document, "line": line, "path": path, "step": fault.step,
        "why": fault.why, "text": fault.to_string(),
    })
}
