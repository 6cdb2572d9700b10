//! Is the gateway ready for calls, and why was this call silent?

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use ::gateway::{Config, doctor};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::{output, token};

/// Exit codes by the worst that was found; [`output::COULD_NOT_RUN`] is the next.
const WARNING: u8 = 1;
const FAULT: u8 = 2;

/// Arguments of `offhook doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Example: offhook doctor --config gateway.toml\n\
                  Example: offhook doctor --gateway http://127.0.0.1:8500 --key-env OFFHOOK_API_KEY\n\
                  Example: offhook doctor --gateway http://127.0.0.1:8500 --key-env OFFHOOK_API_KEY --call wacid.ABC\n\
                  Exit code: 0 all is well, 1 a warning, 2 a fault, 3 could not run.")]
pub(crate) struct DoctorArgs {
    /// The configuration of a gateway that does not run.
    #[arg(long, default_value = "gateway.toml", conflicts_with = "gateway")]
    config: PathBuf,
    /// The folder that keeps records, where the configuration names none.
    #[arg(long, conflicts_with = "gateway")]
    data: Option<PathBuf>,
    /// A gateway that runs: its address.
    #[arg(long)]
    gateway: Option<String>,
    /// The variable that holds the gateway's API key.
    #[arg(long, value_name = "NAME", requires = "gateway")]
    key_env: Option<String>,
    /// One call: why was it silent, short or refused?
    #[arg(long, value_name = "CALL_ID", requires = "gateway")]
    call: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Examines and says what was found.
pub(crate) async fn run(args: &DoctorArgs) -> ExitCode {
    let examined = match (&args.gateway, &args.call) {
        (Some(gateway), Some(call)) => one_call(args, gateway, call).await,
        (Some(gateway), None) => running(args, gateway).await,
        (None, _) => file(args).await,
    };
    match examined {
        Ok(code) => code,
        Err(fault) => output::could_not_run(&fault),
    }
}

async fn file(args: &DoctorArgs) -> Result<ExitCode> {
    let report = match Config::read(&args.config) {
        Ok(mut config) => {
            config.data_dir = args.data.clone().or(config.data_dir);
            doctor::examine(&config, doctor::Runs::No, |_| true).await
        }
        Err(_) => doctor::faults(&args.config),
    };
    output::say(&if args.json {
        serde_json::to_string(&report).context("writing the report")?
    } else {
        report.to_string()
    });
    Ok(code(report.worst.as_str()))
}

async fn running(args: &DoctorArgs, gateway: &str) -> Result<ExitCode> {
    let report = ask(args, gateway, Path::new("v1/doctor")).await?;
    if args.json {
        output::say(&report.to_string());
    } else {
        list(&report, "findings", "check", "what");
    }
    Ok(code(text(&report, "worst")))
}

async fn one_call(args: &DoctorArgs, gateway: &str, call: &str) -> Result<ExitCode> {
    let path = Path::new("v1/calls").join(call).join("diagnosis");
    let diagnosis = ask(args, gateway, &path).await?;
    if args.json {
        output::say(&diagnosis.to_string());
    } else {
        list(&diagnosis, "verdicts", "code", "text");
    }
    let verdicts = diagnosis.get("verdicts").and_then(Value::as_array);
    // How it ended is always there.
    let worse = verdicts.is_some_and(|all| all.iter().any(|each| each.get("fix").is_some()));
    Ok(code(if worse { "warning" } else { "ok" }))
}

async fn ask(args: &DoctorArgs, gateway: &str, path: &Path) -> Result<Value> {
    let url = format!("{}/{}", gateway.trim_end_matches('/'), path.display());
    let request = token::shown(reqwest::Client::new().get(&url), args.key_env.as_deref())?;
    let answer = request.send().await.with_context(|| format!("no answer from {url}"))?;
    let status = answer.status();
    let body: Value = answer.json().await.context("the gateway's answer is not JSON")?;
    if !status.is_success() {
        bail!("the gateway says no ({status}): {}", text(&body, "detail"));
    }
    Ok(body)
}

fn list(body: &Value, rows: &str, name: &str, what: &str) {
    for row in body.get(rows).and_then(Value::as_array).into_iter().flatten() {
        let grade = text(row, "grade");
        output::say(&format!("{grade:<8} {:<24} {}", text(row, name), text(row, what)));
        for (word, key) in [("seen", "evidence"), ("fix", "fix")] {
            if let Some(more) = row.get(key).and_then(Value::as_str) {
                output::say(&format!("{:<8} {word:>24} {more}", ""));
            }
        }
    }
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn code(worst: &str) -> ExitCode {
    match worst {
        "ok" => ExitCode::SUCCESS,
        "warning" => ExitCode::from(WARNING),
        _ => ExitCode::from(FAULT),
    }
}
