//! What does `offhook call` say at its end, to people and to machines?

use std::{path::PathBuf, process::ExitCode};

use handset::{Ending, Heard, SetUp};
use serde_json::{Value, json};
use terms::{CallId, WaId};

use super::Expect;

const NOT_MET: u8 = 1;
const REFUSED: u8 = 2;

/// Everything there is to say about one call.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) user: WaId,
    pub(crate) to: Option<WaId>,
    pub(crate) expect: Option<Expect>,
    pub(crate) recording: Option<PathBuf>,
    pub(crate) outcome: Outcome,
}

/// How far the call came.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was answered.
    Heard {
        /// Which call.
        call_id: CallId,
        /// How it ended.
        ending: Ending,
        /// What was heard.
        heard: Box<Heard>,
    },
    /// It rang and ended.
    NotAnswered(Ending),
    /// The platform said no.
    Refused {
        /// The rule.
        rule: String,
        /// The API's error code, where it has one for it.
        code: Option<u32>,
        /// The same for people.
        text: String,
    },
}

impl Report {
    /// 0 met, 1 not met, 2 refused.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.outcome {
            Outcome::Refused { .. } => ExitCode::from(REFUSED),
            Outcome::Heard { .. } | Outcome::NotAnswered(_) if self.is_met() => ExitCode::SUCCESS,
            Outcome::Heard { .. } | Outcome::NotAnswered(_) => ExitCode::from(NOT_MET),
        }
    }

    fn is_met(&self) -> bool {
        let Outcome::Heard { heard, .. } = &self.outcome else { return false };
        let is_sound = heard.sound.is_some_and(|sound| sound.is_sound());
        match self.expect {
            None => true,
            Some(Expect::AnySound) => is_sound,
            Some(Expect::Silence) => !is_sound,
            Some(Expect::Tone(hz)) => heard.sound.is_some_and(|sound| sound.is_tone(hz)),
        }
    }

    fn verdict(&self) -> &'static str {
        match self.outcome {
            Outcome::Refused { .. } => "refused",
            Outcome::Heard { .. } | Outcome::NotAnswered(_) if self.is_met() => "met",
            Outcome::Heard { .. } | Outcome::NotAnswered(_) => "not_met",
        }
    }

    /// One JSON object; what was not measured is absent.
    pub(crate) fn to_json(&self) -> Value {
        let mut report = json!({
            "as": self.user.as_str(),
            "to": self.to.as_ref().map(WaId::as_str),
            "expect": self.expect.map(expect_text),
            "verdict": self.verdict(),
            "recording": self.recording,
        });
        let rest = match &self.outcome {
            Outcome::Heard { call_id, ending, heard } => json!({
                "call_id": call_id,
                "heard": heard_json(heard),
                "set_up": set_up_json(heard.set_up),
                "ended": ending_json(ending),
            }),
            Outcome::NotAnswered(ending) => json!({ "ended": ending_json(ending) }),
            Outcome::Refused { rule, code, text } => {
                json!({ "refused": { "rule": rule, "code": code, "text": text } })
            }
        };
        if let (Value::Object(report), Value::Object(rest)) = (&mut report, rest) {
            report.extend(rest);
        }
        without_nulls(report)
    }

    /// A few lines for people.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        match &self.outcome {
            Outcome::Heard { call_id, ending, heard } => {
                lines(&mut text, [format!("call        {call_id}"), set_up_text(heard.set_up)]);
                lines(&mut text, [sound_text(heard), packets_text(heard), ending_text(ending)]);
            }
            Outcome::NotAnswered(ending) => {
                lines(&mut text, ["not answered".to_owned(), ending_text(ending)]);
            }
            Outcome::Refused { rule, code, text: why } => {
                let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
                lines(&mut text, [format!("refused     {rule}{code}: {why}")]);
            }
        }
        if let Some(path) = &self.recording {
            lines(&mut text, [format!("recording   {}", path.display())]);
        }
        if let Some(expect) = self.expect {
            let verdict = if self.is_met() { "met" } else { "NOT met" };
            lines(&mut text, [format!("expected    {}: {verdict}", expect_text(expect))]);
        }
        text.truncate(text.trim_end().len());
        text
    }
}

/// The JSON of a call that could not run.
pub(crate) fn could_not_run(fault: &anyhow::Error) -> Value {
    json!({ "verdict": "could_not_run", "text": format!("{fault:#}") })
}

fn expect_text(expect: Expect) -> String {
    match expect {
        Expect::Tone(hz) => format!("tone:{hz}"),
        Expect::AnySound => "tone:*".to_owned(),
        Expect::Silence => "silence".to_owned(),
    }
}

fn heard_json(heard: &Heard) -> Value {
    json!({
        "dbfs": heard.sound.and_then(|sound| sound.dbfs).map(tenth),
        "tone_hz": heard.sound.and_then(|sound| sound.tone_hz).map(tenth),
        "loud_ms": heard.sound.map(|sound| sound.loud_ms),
        "packets": heard.packets,
        "lost": heard.lost,
        "sent": heard.sent,
        "jitter_ms": heard.jitter_ms.map(hundredth),
        "rtt_ms": heard.rtt_ms.map(hundredth),
        "mos": heard.mos.map(hundredth),
    })
}

fn set_up_json(set_up: SetUp) -> Value {
    json!({
        "ring_ms": set_up.ring_ms,
        "answer_ms": set_up.answer_ms,
        "first_media_ms": set_up.first_media_ms,
        "ice_ms": set_up.ice_ms,
        "dtls_ms": set_up.dtls_ms,
    })
}

fn ending_json(ending: &Ending) -> Value {
    json!({ "reason": ending.reason, "text": ending.text, "duration_s": ending.duration_s })
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            value
        }
    }
}

fn lines<const N: usize>(text: &mut String, lines: [String; N]) {
    for line in lines.iter().filter(|line| !line.is_empty()) {
        text.push_str(line);
        text.push('\n');
    }
}

fn set_up_text(set_up: SetUp) -> String {
    let mut text = String::new();
    let steps = [
        ("rang after", set_up.ring_ms),
        ("answered after", set_up.answer_ms),
        ("ICE in", set_up.ice_ms),
        ("DTLS in", set_up.dtls_ms),
        ("first audio after", set_up.first_media_ms),
    ];
    for (what, ms) in steps {
        if let Some(ms) = ms {
            let comma = if text.is_empty() { "set-up      " } else { ", " };
            text.push_str(&format!("{comma}{what} {ms} ms"));
        }
    }
    text
}

fn sound_text(heard: &Heard) -> String {
    let Some(sound) = heard.sound else { return "heard       nothing arrived".to_owned() };
    let level = sound.dbfs.map_or_else(String::new, |level| format!("{level:.1} dBFS, "));
    let tone = sound.tone_hz.map_or_else(|| "no tone".to_owned(), |hz| format!("tone {hz:.1} Hz"));
    format!("heard       {level}{tone}, sound for {} ms", sound.loud_ms)
}

fn packets_text(heard: &Heard) -> String {
    let expected = heard.packets + heard.lost;
    let loss = if expected == 0 { 0.0 } else { heard.lost as f64 * 100.0 / expected as f64 };
    let (packets, lost) = (heard.packets, heard.lost);
    let mut text = format!("packets     {packets} received, {lost} lost ({loss:.1} %)");
    if let Some(jitter) = heard.jitter_ms {
        text.push_str(&format!(", jitter {jitter:.1} ms"));
    }
    if let Some(mos) = heard.mos {
        text.push_str(&format!(", quality {mos:.1}"));
    }
    text
}

fn ending_text(ending: &Ending) -> String {
    let length =
        ending.duration_s.map_or_else(String::new, |seconds| format!("after {seconds} s: "));
    format!("ended       {length}{}", ending.text)
}

/// Rounds for JSON: a tenth of a decibel or hertz is all that was measured.
fn tenth(value: f32) -> f64 {
    (f64::from(value) * 10.0).round() / 10.0
}

fn hundredth(value: f32) -> f64 {
    (f64::from(value) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::{measure::Measure, tone};
    use wire::handset::EndedReason;

    fn report(expect: Option<Expect>, samples: Option<&[i16]>) -> Report {
        let sound = samples.map(|samples| {
            let mut measure = Measure::default();
            measure.push(samples);
            measure.report()
        });
        let set_up = SetUp { answer_ms: Some(2_000), ..SetUp::default() };
        let heard = Heard { sound, packets: 99, lost: 1, set_up, ..Heard::default() };
        let text = "you hung up".to_owned();
        let ending = Ending { reason: EndedReason::UserHungUp, text, duration_s: Some(5) };
        let call_id = "wacid.TEST".parse().unwrap();
        Report {
            user: "5215550000001".parse().unwrap(),
            to: Some("551140000000".parse().unwrap()),
            expect,
            recording: None,
            outcome: Outcome::Heard { call_id, ending, heard: Box::new(heard) },
        }
    }

    #[test]
    fn each_expectation_can_be_met_and_missed() {
        let tone = tone::sine(440.0, -20.0, 1_000);
        let cases = [
            (Some(Expect::Tone(440.0)), Some(&tone[..]), true),
            (Some(Expect::Tone(455.0)), Some(&tone[..]), true),
            (Some(Expect::Tone(500.0)), Some(&tone[..]), false),
            (Some(Expect::Tone(440.0)), None, false),
            (Some(Expect::AnySound), Some(&tone[..]), true),
            (Some(Expect::AnySound), Some(&[0; 48_000][..]), false),
            (Some(Expect::Silence), Some(&tone[..]), false),
            (Some(Expect::Silence), Some(&[0; 48_000][..]), true),
            (Some(Expect::Silence), None, true),
            (None, None, true),
        ];
        for (expect, samples, is_met) in cases {
            assert_eq!(report(expect, samples).is_met(), is_met, "{expect:?}");
        }
    }

    #[test]
    fn json_holds_what_was_measured_and_nothing_else() {
        let json = report(None, None).to_json();
        assert_eq!(json["verdict"], "met");
        assert_eq!(json["heard"]["packets"], 99);
        assert_eq!(json["set_up"], json!({ "answer_ms": 2_000 }));
        assert_eq!(json["ended"]["duration_s"], 5);
        assert!(json["heard"].get("tone_hz").is_none() && json.get("recording").is_none());
    }

    #[test]
    fn a_refusal_carries_its_rule_and_its_code() {
        let (rule, text) = ("eligibility.country".to_owned(), "not available".to_owned());
        let outcome = Outcome::Refused { rule, code: Some(138_013), text };
        let report = Report { outcome, ..report(None, None) };
        let refused =
            json!({ "rule": "eligibility.country", "code": 138_013, "text": "not available" });
        assert_eq!(report.to_json()["refused"], refused);
        assert!(report.to_text().contains("eligibility.country (138013): not available"));
        assert_eq!(report.verdict(), "refused");
    }
}
