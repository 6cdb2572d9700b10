//! What can a platform and a gateway carry?

use std::{
    io::{IsTerminal as _, Write as _},
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use ::load::{
    Bots, Direction, Exchange, Front, LogInAs, Mix, Own, Plan, Progress, Report, System, Targets,
    Watched,
};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::json;
use terms::WaId;

use crate::{call, output, stop};

/// A run that lost media, mixed up calls or missed a target.
const BAD: u8 = 1;

/// Without a terminal, every how many looks one is printed.
const SHOWN_EVERY: u32 = 5;

/// Arguments of `offhook load`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example: offhook load --calls 300 --ramp 20 --for 60s --mix person=1,flow=9\n\n\
                  Without --platform and --gateway, two servers of its own are started and stopped.\n\n\
                  Exit codes: 0 good, 1 media lost, calls mixed up or a target missed, 3 could not \
                  run."
)]
pub(crate) struct LoadArgs {
    /// Calls at the same time.
    #[arg(long, default_value_t = 20)]
    calls: u32,
    /// Calls dialled a second.
    #[arg(long, default_value_t = 10.0)]
    ramp: f64,
    /// How long all of them are held.
    #[arg(long, alias = "hold", default_value = "30s", value_name = "TIME")]
    r#for: String,
    /// Calls a second that end while all are held, each replaced by a new one.
    #[arg(long, default_value_t = 0.0)]
    churn: f64,
    /// Kinds of calls, relative to each other: person (an agent at a console), flow (an echo),
    /// bot (a program behind a WebSocket).
    #[arg(long, default_value = "person=1,flow=9", value_name = "KIND=N,…", value_delimiter = ',')]
    mix: Vec<String>,
    /// Who starts the calls of persons.
    #[arg(long, value_enum, default_value_t = By::User)]
    direction: By,
    /// Grows the load by so many calls, each held for --for, until quality breaks or --calls are up.
    #[arg(long, value_name = "CALLS")]
    until_breaks: Option<u32>,
    /// Decodes every so manieth call and checks its tone; 0 decodes none.
    #[arg(long, default_value_t = 50, value_name = "N")]
    decode_every: u32,
    /// Lost packets of all, in percent, that a good run stays below.
    #[arg(long, default_value_t = 0.1, value_name = "PERCENT")]
    loss: f64,
    /// Estimated quality that all but the worst hundredth reach.
    #[arg(long, default_value_t = 4.2)]
    mos: f64,
    /// One-way delay that 99 % of the packets keep within.
    #[arg(long, value_name = "TIME")]
    delay_p99: Option<String>,
    /// Loads a gateway alone, in WhatsApp's place: what is measured is then the gateway's.
    #[arg(long, conflicts_with = "platform")]
    relay: bool,
    /// A running platform.
    #[arg(long, value_name = "URL", requires = "gateway")]
    platform: Option<String>,
    /// A running gateway.
    #[arg(long, value_name = "URL", requires = "platform")]
    gateway: Option<String>,
    /// The business number of that gateway.
    #[arg(long, default_value = "551140000000", value_name = "DIGITS")]
    to: String,
    /// Agents of that gateway, one for each call of a person.
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    agents: Vec<String>,
    /// The password of those agents.
    #[arg(long, env = "OFFHOOK_LOAD_PASSWORD", default_value = "demo", hide_env_values = true)]
    password: String,
    /// Where our bots listen, for a gateway of yours that gives them the calls of `+551192*`.
    #[arg(long, value_name = "ADDRESS")]
    bots: Option<SocketAddr>,
    /// Processes whose usage is reported.
    #[arg(long, value_name = "NAME=PID,…", value_delimiter = ',')]
    watch: Vec<String>,
    /// Prints the report as JSON; standard output then holds nothing else.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    User,
    Business,
    Both,
}

/// Loads the system; the exit code is the verdict.
pub(crate) async fn run(args: &LoadArgs) -> ExitCode {
    let report = tokio::select! {
        report = carry_out(args) => report,
        asked = stop::asked() => asked.and_then(|()| bail!("stopped before the run was over")),
    };
    match report {
        Ok(report) => {
            let text = if args.json { report.to_json().to_string() } else { report.to_text() };
            output::say(&text);
            if report.is_good() { ExitCode::SUCCESS } else { ExitCode::from(BAD) }
        }
        Err(fault) => {
            if args.json {
                let text = format!("{fault:#}");
                output::say(&json!({ "verdict": "could_not_run", "text": text }).to_string());
            }
            output::could_not_run(&fault)
        }
    }
}

async fn carry_out(args: &LoadArgs) -> Result<Report> {
    let plan = plan(args)?;
    plan.check()?;
    ::load::allow_many_sockets();
    let mut shown = Shown::default();
    let watch = |progress: &Progress| shown.show(progress);
    let bots = bots(args, &plan).await?;
    if let Some(system) = given(args, bots.clone())? {
        let report = ::load::run(&plan, &system, watch).await;
        shown.done();
        return Ok(report?);
    }
    let binary = std::env::current_exe().context("which program is this?")?;
    let (own, system) = if args.relay {
        let exchange = Exchange::start().await?;
        Own::start_gateway(&binary, plan.agents(), bots, exchange).await?
    } else {
        Own::start(&binary, plan.agents(), bots).await?
    };
    let report = ::load::run(&plan, &system, watch).await;
    shown.done();
    own.stop().await;
    Ok(report?)
}

fn plan(args: &LoadArgs) -> Result<Plan> {
    let time = |text: &str, flag| -> Result<Duration> {
        Ok(Duration::from_millis(call::milliseconds(text).context(flag)?))
    };
    Ok(Plan {
        calls: args.calls,
        ramp: args.ramp,
        hold: time(&args.r#for, "--for")?,
        churn: args.churn,
        mix: mix(&args.mix).context("--mix")?,
        direction: match args.direction {
            By::User => Direction::User,
            By::Business => Direction::Business,
            By::Both => Direction::Both,
        },
        decode_every: args.decode_every,
        step: args.until_breaks,
        targets: Targets {
            loss_percent: args.loss,
            mos: args.mos,
            delay_p99: match &args.delay_p99 {
                Some(text) => Some(time(text, "--delay-p99")?),
                None => None,
            },
        },
    })
}

fn mix(parts: &[String]) -> Result<Mix> {
    let mut mix = Mix::default();
    for part in parts {
        let (kind, count) = part.split_once('=').context("write KIND=N, such as person=1")?;
        let count = count.parse().with_context(|| format!("{count} is no count"))?;
        match kind.trim() {
            "person" => mix.person = count,
            "flow" => mix.flow = count,
            "bot" => mix.bot = count,
            other => bail!("{other} is not person, flow or bot"),
        }
    }
    Ok(mix)
}

/// The bots of the mix: at the address that is named, else where servers of our own find them.
async fn bots(args: &LoadArgs, plan: &Plan) -> Result<Option<Bots>> {
    if plan.mix.bot == 0 {
        return Ok(None);
    }
    let at = match args.bots {
        Some(at) => at,
        None if args.gateway.is_some() => {
            bail!("--mix bot: --bots says where that gateway dials them")
        }
        None => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    };
    let bots =
        Bots::start(at, plan).await.with_context(|| format!("--bots: cannot listen at {at}"))?;

    Ok(Some(bots))
}

/// The running servers, if some are named.
fn given(args: &LoadArgs, bots: Option<Bots>) -> Result<Option<System>> {
    let (Some(platform), Some(gateway)) = (&args.platform, &args.gateway) else { return Ok(None) };
    let agent = |id: &String| -> Result<LogInAs> {
        let id = id.parse().with_context(|| format!("--agents: {id} is no id"))?;
        Ok(LogInAs { id, password: args.password.clone() })
    };
    let watched = |pair: &String| -> Result<Watched> {
        let (name, pid) = pair.split_once('=').context("--watch: write NAME=PID")?;
        let pid = pid.parse().with_context(|| format!("--watch: {pid} is no process id"))?;
        Ok(Watched { name: name.to_owned(), pid })
    };
    Ok(Some(System {
        front: Front::Platform(platform.trim_end_matches('/').to_owned()),
        gateway: gateway.trim_end_matches('/').to_owned(),
        business: WaId::from_dialled(&args.to).context("--to takes a number in digits")?,
        agents: args.agents.iter().map(agent).collect::<Result<_>>()?,
        bots,
        watched: args.watch.iter().map(watched).collect::<Result<_>>()?,
    }))
}

/// The live line on a terminal, or a line now and then in a log.
#[derive(Debug, Default)]
struct Shown {
    looks: u32,
    has_line: bool,
}

impl Shown {
    fn show(&mut self, progress: &Progress) {
        let mut to = std::io::stderr().lock();
        let text = progress.to_text();
        let written = if to.is_terminal() {
            self.has_line = true;
            write!(to, "\r\x1b[K{text}").and_then(|()| to.flush())
        } else if self.looks.is_multiple_of(SHOWN_EVERY) {
            writeln!(to, "{text}")
        } else {
            Ok(())
        };
        self.looks += 1;
        // A terminal that is gone needs no progress.
        drop(written);
    }

    fn done(&self) {
        if self.has_line {
            drop(writeln!(std::io::stderr()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> LoadArgs {
        use clap::{Command, FromArgMatches};
        let command = LoadArgs::augment_args(Command::new("load").no_binary_name(true));
        let matches = command.try_get_matches_from(line.split_whitespace()).unwrap();
        LoadArgs::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn the_flags_are_understood() {
        let line = "--calls 300 --ramp 20 --for 1m --churn 2.5 --mix person=2,flow=8 --direction both \
                    --until-breaks 50 --delay-p99 40ms --loss 0.5 --mos 4";
        let plan = plan(&args(line)).unwrap();
        assert_eq!((plan.calls, plan.step, plan.mix.person, plan.mix.flow), (300, Some(50), 2, 8));
        assert_eq!((plan.hold, plan.direction), (Duration::from_secs(60), Direction::Both));
        assert_eq!(plan.targets.delay_p99, Some(Duration::from_millis(40)));
        assert_eq!(plan.check(), Ok(()));
        let alias = super::plan(&args("--hold 5s")).unwrap();
        assert_eq!(alias.hold, Duration::from_secs(5));
        assert!(given(&args("--calls 5"), None).unwrap().is_none());
    }

    #[test]
    fn running_servers_are_understood() {
        let line = "--platform http://p/ --gateway http://g --agents lia,rui --watch gateway=7";
        let system = given(&args(line), None).unwrap().unwrap();
        let Front::Platform(platform) = &system.front else { panic!("{system:?}") };
        assert_eq!((platform.as_str(), system.agents.len()), ("http://p", 2));
        assert_eq!(system.watched, [Watched { name: "gateway".to_owned(), pid: 7 }]);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, flag) in [("--for 5h", "--for"), ("--mix bots=3", "--mix"), ("--mix x", "--mix")]
        {
            let fault = plan(&args(line)).unwrap_err();
            assert!(format!("{fault:#}").contains(flag), "{fault:#}");
        }
        let fault =
            given(&args("--platform http://p --gateway http://g --watch 7"), None).unwrap_err();
        assert!(format!("{fault:#}").contains("--watch"), "{fault:#}");
    }
}
