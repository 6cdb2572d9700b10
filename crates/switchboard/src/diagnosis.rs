//! Why was this call silent, short or refused?
//!
//! What both legs counted, and how the call ended, come in; [`diagnose`] says what was seen, what it means
//! and what to change, the likeliest cause first. A step of set-up that failed hides what could only come
//! after it: where ICE found no path, nothing is said of keys or sound.

use crate::call::Side;

/// How many packets make a leg heard: half a second.
const HEARD: u64 = 25;
/// Frames of 20 ms with so few bytes on average are coded silence: speech at 20 kbit/s has fifty.
const SILENT_BYTES: u64 = 12;
/// From how many lost packets of a hundred people hear gaps in spite of Opus' repair.
const LOST_PERCENT: f64 = 3.0;
/// From how much jitter buffers of browsers add a delay that people notice.
const JITTER_MS: f32 = 40.0;
/// How long WhatsApp waits for the business's first audio, and what the measuring adds (seconds).
const CUT_S: std::ops::RangeInclusive<u64> = 18..=24;

/// What is known of a call.
#[derive(Debug, Clone, Default)]
pub struct Facts<'a> {
    /// How it ended; none while it runs.
    pub end: Option<End<'a>>,
    /// Whether it was picked up.
    pub answered: bool,
    /// Whole seconds it lasted, or lasts, since it was picked up.
    pub seconds: Option<u64>,
    /// Whether a user started it.
    pub by_user: bool,
    /// WhatsApp's leg, if one was opened.
    pub whatsapp: Option<Leg>,
    /// The last agent's leg, if there was one.
    pub agent: Option<Leg>,
}

/// How a call ended.
#[derive(Debug, Clone)]
pub struct End<'a> {
    /// [`crate::call::EndReason::as_str`].
    pub reason: &'a str,
    /// The same for people.
    pub text: &'a str,
    /// What the platform said, where it did: its code, and what can be done about it.
    pub code: Option<(i64, String)>,
}

/// What one leg counted.
#[derive(Debug, Clone, Default)]
pub struct Leg {
    /// Audio packets that came.
    pub received: u64,
    /// Their payload bytes, where counted.
    pub received_bytes: Option<u64>,
    /// Those that never came.
    pub lost: u64,
    /// How unevenly they came.
    pub jitter_ms: Option<f32>,
    /// Audio packets that left.
    pub sent: u64,
    /// What the far end missed of them.
    pub lost_there_percent: Option<f32>,
    /// How long ICE took, once it had a path.
    pub ice_ms: Option<u64>,
    /// How long keys took, once they were agreed.
    pub dtls_ms: Option<u64>,
    /// Packets whose SRTP was wrong.
    pub unauthentic: u64,
    /// The newest payload type that was not agreed.
    pub foreign_type: Option<u8>,
    /// ICE checks of the far end that reached us, right ones and wrong ones; where counted.
    pub checks: Option<u64>,
    /// The alert that ended the handshake, where one was seen.
    pub alert: Option<u8>,
}

/// One thing worth knowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable word.
    pub code: String,
    /// What happened.
    pub text: String,
    /// What shows it.
    pub evidence: Option<String>,
    /// What to change.
    pub fix: Option<String>,
    /// The numbers and names in the three above.
    pub facts: Vec<(&'static str, String)>,
}

/// What is worth knowing of a call, the likeliest cause first.
#[must_use]
pub fn diagnose(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(facts.end.as_ref().map(|end| of_end(end, facts)));
    found.extend(not_taken(facts));
    let sides = [(Side::Whatsapp, &facts.whatsapp), (Side::Agent, &facts.agent)];
    for (side, leg) in sides {
        if let Some(leg) = leg.as_ref().filter(|_| facts.answered || facts.end.is_none()) {
            of_leg(Name::of(side), leg, &mut found);
        }
    }
    found.extend(one_way(facts));
    found.extend(cut(facts));
    found
}

/// A leg's name: in codes, for people, and what to do about its network.
#[derive(Clone, Copy)]
struct Name {
    word: &'static str,
    people: &'static str,
    network: &'static str,
}

impl Name {
    fn of(side: Side) -> Self {
        match side {
            Side::Whatsapp => Self {
                word: "whatsapp",
                people: "WhatsApp",
                network: "Let UDP in and out for the gateway's media ports ([media] ports), and set \
                          `advertised` to the public address, or \"auto\" with a STUN server. \
                          `offhook doctor` looks at both.",
            },
            Side::Agent | Side::Consulted | Side::Supervisor => Self {
                word: "agent",
                people: "the agent",
                network: "Let the agent's browser reach the gateway's UDP port for browsers \
                          ([media] browsers); where a firewall does not, set up [turn].",
            },
        }
    }
}

fn finding(code: impl Into<String>, text: impl Into<String>) -> Finding {
    let (code, text) = (code.into(), text.into());
    Finding { code, text, evidence: None, fix: None, facts: Vec::new() }
}

impl Finding {
    fn shown_by(mut self, evidence: impl Into<String>) -> Self {
        self.evidence = Some(evidence.into());
        self
    }

    fn with(mut self, fact: &'static str, value: impl ToString) -> Self {
        self.facts.push((fact, value.to_string()));
        self
    }

    fn cured_by(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

fn of_end(end: &End<'_>, facts: &Facts<'_>) -> Finding {
    let mut first = finding(end.reason, end.text);
    if let Some((code, advice)) = &end.code {
        first = first.with("code", code);
        first.evidence = Some(format!("The platform's code is {code}."));
        first.fix = Some(advice.clone()).filter(|advice| !advice.is_empty());
    }
    first.fix = first.fix.or_else(|| cure_of(end.reason, facts).map(str::to_owned));
    first
}

fn cure_of(reason: &str, facts: &Facts<'_>) -> Option<&'static str> {
    Some(match reason {
        "platform_unreachable" => "Check base_url, the network and the platform's status.",
        "platform_refused" if !facts.answered => {
            "Send accept within the platform's 30 to 60 s, once, with the SDP of pre_accept."
        }
        "session_unusable" => "The platform's SDP is not what we can speak; keep it and report it.",
        "no_media_from_whatsapp" | "whatsapp_media_failed" => Name::of(Side::Whatsapp).network,
        "agent_media_failed" => Name::of(Side::Agent).network,
        "agent_gone" => "The agent's page was closed, or its network failed.",
        "no_socket" => "Widen the range of media ports, or raise the limit of open files.",
        "nobody_answered" => "Have an agent be available, or set a flow.",
        _ => return None,
    })
}

/// A user's call that was over before the gateway ever opened a leg for it.
fn not_taken(facts: &Facts<'_>) -> Option<Finding> {
    let end = facts.end.as_ref()?;
    let unseen = facts.by_user && facts.whatsapp.is_none() && end.reason == "caller_gave_up";
    unseen.then(|| {
        finding("connect_not_taken", "The gateway never took this call.")
            .shown_by("No leg was opened for it: its connect webhook was too old, or never came.")
            .cured_by(
                "Look at offhook_gateway_events_total{result=\"stale\"} and at the clocks of both \
                 sides; webhooks must reach the gateway within connect_age_max_s.",
            )
    })
}

fn of_leg(name: Name, leg: &Leg, found: &mut Vec<Finding>) {
    let Name { word, people, network } = name;
    if leg.ice_ms.is_none() {
        let seen = match leg.checks {
            Some(0) => "No ICE check of theirs reached us.".to_owned(),
            Some(checks) => format!("{checks} ICE checks of theirs reached us, none made a path."),
            None => "No path was found.".to_owned(),
        };
        let text = format!("There was never a path for audio to {people}.");
        let what = finding(format!("ice_never_connected_{word}"), text);
        let what = what.shown_by(seen).cured_by(network);
        return found.push(match leg.checks {
            Some(checks) => what.with("checks", checks),
            None => what,
        });
    }
    if leg.dtls_ms.is_none() {
        let seen = match leg.alert {
            Some(alert) => format!("The far end ended the handshake with alert {alert}."),
            None => "The handshake was never finished.".to_owned(),
        };
        let text = format!("The keys for audio to {people} were never agreed (DTLS).");
        let fix = "Send the SDP of the very connection that does the handshake, unchanged; nothing \
                   between may rewrite its fingerprint or drop UDP packets above 1,200 bytes.";
        let what = finding(format!("dtls_failed_{word}"), text).shown_by(seen).cured_by(fix);
        return found.push(match leg.alert {
            Some(alert) => what.with("alert", alert),
            None => what,
        });
    }
    if leg.received < HEARD {
        found.push(unheard(name, leg));
    } else if let Some(what) = silent(name, leg) {
        found.push(what);
    }
    if leg.sent == 0 {
        let text = format!("No audio was sent to {people}.");
        let fix = "Nobody spoke: the other side had no path, or the flow has no prompt there.";
        found.push(finding(format!("unsent_{word}"), text).cured_by(fix));
    }
    of_quality(name, leg, found);
}

/// Why nothing of what came, or did not come, was audio.
fn unheard(name: Name, leg: &Leg) -> Finding {
    let Name { word, people, network } = name;
    if let Some(foreign) = leg.foreign_type {
        return finding(format!("wrong_codec_{word}"), format!("{people} sent another codec."))
            .with("type", foreign)
            .shown_by(format!("Packets of payload type {foreign} came, which no SDP agreed."))
            .cured_by(
                "Send with the payload types of the answer: Opus, 111 in WhatsApp's offers.",
            );
    }
    if leg.unauthentic > 0 {
        let text = format!("The audio from {people} could not be decrypted.");
        return finding(format!("unauthentic_{word}"), text)
            .with("packets", leg.unauthentic)
            .shown_by(format!("{} packets failed SRTP's check.", leg.unauthentic))
            .cured_by("Do not use an SDP or keys of an earlier try for this call.");
    }
    let text = format!("No audio came from {people}.");
    let microphone = "the microphone there is off, or another program has it";
    finding(format!("silent_{word}"), text)
        .with("packets", leg.received)
        .shown_by(format!("{} packets in the whole call.", leg.received))
        .cured_by(format!("Either {microphone}, or UDP to us is lost. {network}"))
}

/// Packets came all the time and nobody spoke in them.
fn silent(name: Name, leg: &Leg) -> Option<Finding> {
    let mean = leg.received_bytes?.checked_div(leg.received)?;
    (mean <= SILENT_BYTES).then(|| {
        let Name { word, people, network: _ } = name;
        finding(format!("microphone_silent_{word}"), format!("{people} was not heard: silence."))
            .with("packets", leg.received)
            .with("bytes", mean)
            .shown_by(format!(
                "{} packets came, with {mean} bytes each: coded silence, not speech.",
                leg.received
            ))
            .cured_by("Check that the right microphone is chosen and not muted, there.")
    })
}

#[expect(clippy::cast_precision_loss, reason = "a share of packets for people")]
fn of_quality(name: Name, leg: &Leg, found: &mut Vec<Finding>) {
    let Name { word, people, network: _ } = name;
    let all = leg.received + leg.lost;
    let lost = if all == 0 { 0.0 } else { 100.0 * leg.lost as f64 / all as f64 };
    let fix = "Use a cable or a better Wi-Fi there; look at the load of the networks between.";
    if leg.received > 0 && lost >= LOST_PERCENT {
        let text = format!("{lost:.1} % of the audio from {people} was lost on the way.");
        let what = finding(format!("lossy_{word}"), text);
        let what = what.with("percent", format!("{lost:.1}"));
        let what = what.with("lost", leg.lost).with("all", all);
        found.push(what.shown_by(format!("{} of {all} packets.", leg.lost)).cured_by(fix));
    }
    if let Some(lost) = leg.lost_there_percent.filter(|lost| f64::from(*lost) >= LOST_PERCENT) {
        let text = format!("{lost:.1} % of the audio to {people} was lost on the way.");
        let what = finding(format!("lossy_to_{word}"), text).cured_by(fix);
        found.push(what.with("percent", format!("{lost:.1}")));
    }
    if let Some(jitter) = leg.jitter_ms.filter(|jitter| *jitter >= JITTER_MS) {
        let text = format!("The audio from {people} came unevenly ({jitter:.0} ms of jitter).");
        let what = finding(format!("jitter_{word}"), text).cured_by(fix);
        found.push(what.with("ms", format!("{jitter:.0}")));
    }
}

/// One of the two was heard, the other never.
fn one_way(facts: &Facts<'_>) -> Option<Finding> {
    let (user, agent) = (facts.whatsapp.as_ref()?, facts.agent.as_ref()?);
    let (heard, unheard, side) = match (user.received >= HEARD, agent.received >= HEARD) {
        (true, false) => ("The user", "the agent", Side::Agent),
        (false, true) => ("The agent", "the user", Side::Whatsapp),
        (true, true) | (false, false) => return None,
    };
    Some(
        finding("one_way", format!("{heard} was heard, {unheard} was not."))
            .with("unheard", if side == Side::Agent { "agent" } else { "whatsapp" })
            .with("from_user", user.received)
            .with("from_agent", agent.received)
            .shown_by(format!(
                "Packets from the user: {}, from the agent: {}.",
                user.received, agent.received
            ))
            .cured_by(Name::of(side).network),
    )
}

/// WhatsApp ends a call in which the business sends nothing for its first 20 seconds.
fn cut(facts: &Facts<'_>) -> Option<Finding> {
    let (end, leg) = (facts.end.as_ref()?, facts.whatsapp.as_ref()?);
    let ours = matches!(end.reason, "agent_hung_up" | "program_hung_up" | "flow_hung_up");
    let silent = leg.sent == 0 || leg.dtls_ms.is_none() || leg.received < HEARD;
    let cut = facts.answered && facts.seconds.is_some_and(|seconds| CUT_S.contains(&seconds));
    (cut && silent && !ours).then(|| {
        let seconds = facts.seconds.unwrap_or_default();
        finding("cut_at_20_seconds", "The call was cut for want of audio, not hung up.")
            .with("seconds", seconds)
            .with("sent", leg.sent)
            .with("came", leg.received)
            .shown_by(format!(
                "It lasted {seconds} s; {} packets were sent to WhatsApp and {} came.",
                leg.sent, leg.received
            ))
            .cured_by(Name::of(Side::Whatsapp).network)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Leg {
        Leg {
            received: 1_000,
            received_bytes: Some(50_000),
            sent: 1_000,
            ice_ms: Some(40),
            dtls_ms: Some(90),
            checks: Some(4),
            ..Leg::default()
        }
    }

    fn ended<'a>(reason: &'a str, whatsapp: Leg, agent: Option<Leg>) -> Facts<'a> {
        Facts {
            end: Some(End { reason, text: "It ended.", code: None }),
            answered: true,
            seconds: Some(60),
            by_user: true,
            whatsapp: Some(whatsapp),
            agent,
        }
    }

    #[track_caller]
    fn assert_codes(facts: &Facts<'_>, wanted: &[&str]) {
        let found = diagnose(facts);
        let codes: Vec<&str> = found.iter().map(|each| each.code.as_str()).collect();
        assert_eq!(codes, wanted, "{found:#?}");
        for each in found.iter().skip(1) {
            assert!(each.fix.is_some(), "no cure: {each:?}");
        }
    }

    #[test]
    fn a_good_call_has_nothing_but_its_end() {
        assert_codes(&ended("user_hung_up", good(), Some(good())), &["user_hung_up"]);
    }

    #[test]
    fn connected_and_silent_has_a_cause_for_each_step() {
        let no_path = Leg { ice_ms: None, dtls_ms: None, received: 0, checks: Some(0), ..good() };
        let no_keys = Leg { dtls_ms: None, received: 0, alert: Some(42), ..good() };
        let no_sound = Leg { received: 0, received_bytes: None, ..good() };
        let foreign = Leg { foreign_type: Some(0), ..no_sound };
        let wrong_keys = Leg { unauthentic: 700, ..no_sound };
        for (leg, code) in [
            (no_path, "ice_never_connected_whatsapp"),
            (no_keys, "dtls_failed_whatsapp"),
            (no_sound, "silent_whatsapp"),
            (foreign, "wrong_codec_whatsapp"),
            (wrong_keys, "unauthentic_whatsapp"),
        ] {
            assert_codes(&ended("user_hung_up", leg, None), &["user_hung_up", code]);
        }
    }

    #[test]
    fn one_way_audio_names_who_was_not_heard() {
        let mute = Leg { received: 0, received_bytes: None, ..good() };
        let facts = ended("user_hung_up", good(), Some(mute.clone()));
        assert_codes(&facts, &["user_hung_up", "silent_agent", "one_way"]);
        assert!(diagnose(&facts)[2].text.contains("the agent was not"));
        let facts = ended("agent_hung_up", mute, Some(good()));
        assert_codes(&facts, &["agent_hung_up", "silent_whatsapp", "one_way"]);
    }

    #[test]
    fn a_microphone_that_sends_silence_is_not_a_network() {
        let silent = Leg { received_bytes: Some(3_000), ..good() };
        let facts = ended("user_hung_up", good(), Some(silent));
        assert_codes(&facts, &["user_hung_up", "microphone_silent_agent"]);
        assert!(diagnose(&facts)[1].evidence.as_ref().unwrap().contains("3 bytes"));
    }

    #[test]
    fn twenty_seconds_without_sound_are_a_cut() {
        let nothing = Leg { received: 0, received_bytes: None, sent: 0, ..good() };
        let facts = Facts { seconds: Some(20), ..ended("user_hung_up", nothing.clone(), None) };
        let wanted = ["user_hung_up", "silent_whatsapp", "unsent_whatsapp", "cut_at_20_seconds"];
        assert_codes(&facts, &wanted);
        let facts = Facts { seconds: Some(20), ..ended("user_hung_up", good(), None) };
        assert_codes(&facts, &["user_hung_up"]);
        let facts = Facts { seconds: Some(30), ..ended("user_hung_up", nothing, None) };
        assert_codes(&facts, &["user_hung_up", "silent_whatsapp", "unsent_whatsapp"]);
    }

    #[test]
    fn a_call_that_was_never_taken_says_so() {
        let unseen =
            Facts { whatsapp: None, answered: false, ..ended("caller_gave_up", good(), None) };
        assert_codes(&unseen, &["caller_gave_up", "connect_not_taken"]);
        let seen = Facts { answered: false, ..ended("caller_gave_up", good(), None) };
        assert_codes(&seen, &["caller_gave_up"]);
    }

    #[test]
    fn a_refused_accept_shows_its_code_and_cure() {
        let mut facts = Facts { answered: false, ..ended("platform_refused", good(), None) };
        let advice = "WhatsApp could not connect the call. Try once more.";
        facts.end = Some(End {
            reason: "platform_refused",
            text: "The platform refused accept: too late (138007).",
            code: Some((138_007, advice.into())),
        });
        let found = diagnose(&facts);
        assert_eq!(found[0].evidence.as_deref(), Some("The platform's code is 138007."));
        assert_eq!(found[0].fix.as_deref(), Some(advice));
    }

    #[test]
    fn a_bad_network_is_named_with_its_figures() {
        let bad = Leg { lost: 60, jitter_ms: Some(55.0), lost_there_percent: Some(4.0), ..good() };
        let wanted = ["user_hung_up", "lossy_whatsapp", "lossy_to_whatsapp", "jitter_whatsapp"];
        assert_codes(&ended("user_hung_up", bad, None), &wanted);
    }

    #[test]
    fn a_live_call_is_looked_at_as_well() {
        let facts = Facts {
            end: None,
            whatsapp: Some(Leg { received: 0, received_bytes: None, ..good() }),
            ..ended("user_hung_up", good(), None)
        };
        assert_codes(&facts, &["silent_whatsapp"]);
    }
}
