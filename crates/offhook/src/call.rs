//! What does a user hear who calls, or is called, without a browser?

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use handset::{CallError, Ending, Handset, NotAnswered, Payloads, Settings};
use terms::{CallId, WaId};
use wire::sandbox::{After, Behaviour, KeyPress, Play, Reaction};

use crate::output;

mod report;

use report::{Outcome, Report};

/// How long a taken call rings, so that the business sees it ring.
const RING_MS: u64 = 500;

/// Arguments of `offhook call`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example: offhook call --as 5215550000001 --to 551140000000 --play tone:440 \
                  --expect tone:* --for 5s\n\nExit codes: 0 expectation met, 1 not met or not \
                  answered, 2 refused by the platform, 3 could not run."
)]
pub(crate) struct CallArgs {
    /// Whose phone this is: a wa_id.
    #[arg(long = "as", value_name = "WA_ID")]
    user: String,
    /// Calls this business number.
    #[arg(long, value_name = "DIGITS", required_unless_present = "answer")]
    to: Option<String>,
    /// Takes the next call instead of placing one.
    #[arg(long, conflicts_with = "to")]
    answer: bool,
    /// What to play: tone:HZ, a WAV or Ogg Opus file, or silence.
    #[arg(long, default_value = "silence", value_name = "tone:HZ|FILE|silence")]
    play: String,
    /// Keys to press, counted from the answer, such as 1@2s,2@3s.
    #[arg(long, value_name = "KEY@TIME,…", value_delimiter = ',')]
    dtmf: Vec<String>,
    /// When to hang up, counted from the answer.
    #[arg(long = "for", default_value = "5s", value_name = "TIME")]
    length: String,
    /// What must be heard: tone:HZ (within 5 %), tone:* (any sound) or silence.
    #[arg(long, value_name = "tone:HZ|tone:*|silence")]
    expect: Option<String>,
    /// The platform's address.
    #[arg(long, default_value = "http://127.0.0.1:8400", value_name = "URL")]
    platform: String,
    /// Writes what was heard (left) and said (right) as a WAV file.
    #[arg(long, value_name = "FILE.wav")]
    record: Option<PathBuf>,
    /// Prints the report as JSON; standard output then holds nothing else.
    #[arg(long)]
    json: bool,
}

/// Makes the call and says what was heard; the exit code is the verdict.
pub(crate) async fn run(args: &CallArgs) -> ExitCode {
    let report = match Plan::read(args) {
        Ok(plan) => plan.carry_out().await,
        Err(fault) => Err(fault),
    };
    match report {
        Ok(report) => {
            output::say(&if args.json { report.to_json().to_string() } else { report.to_text() });
            report.exit_code()
        }
        Err(fault) => {
            if args.json {
                output::say(&report::could_not_run(&fault).to_string());
            }
            output::could_not_run(&fault)
        }
    }
}

/// The arguments, understood.
#[derive(Debug, Clone)]
struct Plan {
    settings: Settings,
    to: Option<WaId>,
    expect: Option<Expect>,
    record: Option<PathBuf>,
}

/// What must be heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Expect {
    /// This tone.
    Tone(f32),
    /// Any sound.
    AnySound,
    /// No sound.
    Silence,
}

impl Plan {
    fn read(args: &CallArgs) -> Result<Self> {
        let user = WaId::from_dialled(&args.user).context("--as takes a wa_id")?;
        let to = args
            .to
            .as_deref()
            .map(WaId::from_dialled)
            .transpose()
            .context("--to takes a number in digits")?;
        let length = milliseconds(&args.length).context("--for")?;
        let behaviour = Behaviour {
            answer: if args.answer {
                Reaction::Answer(After { after_ms: RING_MS })
            } else {
                Reaction::Ignore
            },
            play: read_play(&args.play).context("--play")?,
            dtmf: args.dtmf.iter().map(|key| read_key(key)).collect::<Result<_>>()?,
            hang_up: Some(After { after_ms: length }),
            ..Behaviour::default()
        };
        let expect = args.expect.as_deref().map(read_expect).transpose().context("--expect")?;
        let records = args.record.is_some();
        let settings = Settings { behaviour, records, ..Settings::new(&args.platform, user) };
        Ok(Self { settings, to, expect, record: args.record.clone() })
    }

    async fn carry_out(self) -> Result<Report> {
        let engine = engine::Engine::start(engine::Config::default())
            .context("cannot start the media engine")?;
        let phone = Handset::connect(&engine, self.settings.clone()).await?;
        let placed = match &self.to {
            Some(to) => match phone.call(to.clone(), Payloads::default()).await {
                Ok(_) => Ok(()),
                Err(CallError::Refused { code, error_code, text }) => {
                    return Ok(self.report(Outcome::Refused {
                        rule: code,
                        code: error_code,
                        text,
                    }));
                }
                Err(fault) => Err(anyhow!(fault)),
            },
            None => Ok(()),
        };
        placed?;
        let outcome = self.talk(&phone).await?;
        if let Some(path) = &self.record {
            let wav = phone.recording().await?.to_wav()?;
            let named = || format!("cannot write {}", path.display());
            tokio::fs::write(path, wav).await.with_context(named)?;
        }
        Ok(self.report(outcome))
    }

    async fn talk(&self, phone: &Handset) -> Result<Outcome> {
        let call_id = match hang_up_on_interrupt(phone, self.answered(phone)).await? {
            Ok(call_id) => call_id,
            Err(ending) => return Ok(Outcome::NotAnswered(ending)),
        };
        let ending = hang_up_on_interrupt(phone, async { Ok(phone.ended().await?) }).await?;
        let heard = Box::new(phone.heard().await?);
        Ok(Outcome::Heard { call_id, ending, heard })
    }

    async fn answered(&self, phone: &Handset) -> Result<Result<CallId, Ending>> {
        if self.to.is_none() {
            tracing::info!("waiting for a call");
        }
        match phone.answered().await {
            Ok(call_id) => Ok(Ok(call_id)),
            Err(NotAnswered::Ended(ending)) => Ok(Err(ending)),
            Err(NotAnswered::Gone(gone)) => Err(anyhow!(gone)),
        }
    }

    fn report(self, outcome: Outcome) -> Report {
        let Self { settings, to, expect, record } = self;
        Report { user: settings.user, to, expect, recording: record, outcome }
    }
}

/// Ctrl-C ends the call politely; what was heard until then is still reported.
async fn hang_up_on_interrupt<T>(
    phone: &Handset,
    waiting: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::pin!(waiting);
    tokio::select! {
        done = &mut waiting => done,
        _ = tokio::signal::ctrl_c() => {
            let is_in_call = !matches!(phone.line(), handset::LineState::Idle);
            phone.hang_up().await?;
            if !is_in_call {
                bail!("stopped before a call came");
            }
            waiting.await
        }
    }
}

fn read_play(text: &str) -> Result<Play> {
    if text == "silence" {
        return Ok(Play::Silence);
    }
    match text.strip_prefix("tone:") {
        Some(hz) => Ok(Play::ToneHz(hz.parse().with_context(|| format!("{hz} is not in Hz"))?)),
        None => Ok(Play::Wav(text.to_owned())),
    }
}

fn read_expect(text: &str) -> Result<Expect> {
    match text.strip_prefix("tone:") {
        Some("*") => Ok(Expect::AnySound),
        Some(hz) => Ok(Expect::Tone(hz.parse().with_context(|| format!("{hz} is not in Hz"))?)),
        None if text == "silence" => Ok(Expect::Silence),
        None => bail!("{text} is not tone:HZ, tone:* or silence"),
    }
}

fn read_key(text: &str) -> Result<KeyPress> {
    let wrong = || anyhow!("--dtmf {text} is not KEY@TIME, such as 1@2s");
    let (key, at) = text.trim().split_once('@').ok_or_else(wrong)?;
    let mut signs = key.chars();
    let digit = signs.next().filter(|_| signs.as_str().is_empty()).ok_or_else(wrong)?;
    media::dtmf::Digit::new(digit).ok_or_else(wrong)?;
    Ok(KeyPress { digit, at_ms: milliseconds(at).with_context(wrong)? })
}

/// Reads `250ms`, `5s`, `1.5s` or `2m`.
pub(crate) fn milliseconds(text: &str) -> Result<u64> {
    let split = text.find(|sign: char| sign.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit_ms = match unit {
        "ms" => 1.0,
        "s" => 1_000.0,
        "m" => 60_000.0,
        other => bail!("{text}: {other:?} is not ms, s or m"),
    };
    let count: f64 = number.parse().with_context(|| format!("{text} is not a time"))?;
    let time = Duration::try_from_secs_f64(count * unit_ms / 1_000.0)
        .with_context(|| format!("{text} is not a time"))?;
    u64::try_from(time.as_millis()).with_context(|| format!("{text} is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> CallArgs {
        use clap::{Command, FromArgMatches};
        let command = CallArgs::augment_args(Command::new("call").no_binary_name(true));
        let matches = command.try_get_matches_from(line.split_whitespace()).unwrap();
        CallArgs::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn the_flags_of_a_placed_call_are_understood() {
        let line = "--as +5215550000001 --to 551140000000 --play tone:440 --dtmf 1@2s,#@2.5s \
                    --for 5s --expect tone:*";
        let plan = Plan::read(&args(line)).unwrap();
        let behaviour = &plan.settings.behaviour;
        assert_eq!(plan.settings.user.as_str(), "5215550000001");
        assert_eq!(plan.to.unwrap().as_str(), "551140000000");
        assert_eq!(behaviour.play, Play::ToneHz(440.0));
        assert_eq!(
            behaviour.dtmf,
            [KeyPress { digit: '1', at_ms: 2_000 }, KeyPress { digit: '#', at_ms: 2_500 }]
        );
        assert_eq!(behaviour.hang_up, Some(After { after_ms: 5_000 }));
        assert_eq!(plan.expect, Some(Expect::AnySound));
        assert!(!plan.settings.records);
    }

    #[test]
    fn the_flags_of_a_taken_call_are_understood() {
        let line = "--as 5215550000001 --answer --play hello.wav --expect silence --record a.wav";
        let plan = Plan::read(&args(line)).unwrap();
        assert_eq!(plan.to, None);
        assert_eq!(plan.settings.behaviour.play, Play::Wav("hello.wav".into()));
        assert!(matches!(plan.settings.behaviour.answer, Reaction::Answer(_)));
        assert!(plan.settings.records);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (flag, value) in
            [("--play", "tone:x"), ("--expect", "noise"), ("--dtmf", "12@2s"), ("--for", "5h")]
        {
            let line = format!("--as 5215550000001 --to 551140000000 {flag} {value}");
            let fault = Plan::read(&args(&line)).unwrap_err();
            assert!(format!("{fault:#}").contains(flag), "{fault:#}");
        }
        assert!(Plan::read(&args("--as ana --answer")).is_err());
    }
}
