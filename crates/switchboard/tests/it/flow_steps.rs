//! What each step does, and where it leads.

use std::time::Duration;

use offhook_switchboard::{
    call::{Effect, Input, Outcome},
    flow::{Announcement, Caller, Document, Flow, RecordWord, Supplies},
};

use crate::desk::{Desk, flow, key, plan, play, supplies};

const END: &str = "[step.bye]\nplay = \"goodbye\"\nnext = \"end\"\n[step.end]\nhang_up = true\n";

/// A caller in a flow of these steps.
fn in_flow(steps: &str, caller: Caller) -> Desk {
    let mut plan = plan(Some(flow(&format!("start = \"a\"\n{steps}{END}"))));
    plan.caller = caller;
    answered(Desk::incoming_by(plan))
}

fn answered(desk: Desk) -> Desk {
    desk.after(Input::LegReady)
        .after(Input::Rung(vec![]))
        .after(Input::PreAccepted(Outcome::Done))
        .after(Input::MediaConnected)
        .after(Input::Accepted(Outcome::Done))
}

fn path(desk: &Desk) -> Vec<&str> {
    desk.call.trail().path().iter().map(|visited| visited.step.as_str()).collect()
}

const MENU: &str = r#"[step.a]
menu = { "1" = "bye", "12" = "play" }
prompt = "menu"
tries = 2
silence = "bye"
[step.play]
play = "welcome"
next = "end"
"#;

#[test]
fn a_menu_takes_the_longest_keys_and_asks_again_after_a_wrong_one() {
    let mut desk = in_flow(MENU, Caller::default());
    desk.assert_effects(Input::UserKey(key('9')), [Effect::PlayNothing, play("menu")]);
    desk.assert_effects(Input::UserKey(key('1')), [Effect::PlayNothing]);
    desk.assert_effects(Input::UserKey(key('2')), [play("welcome")]);
    let visited = &desk.call.trail().path()[0];
    assert_eq!((visited.step.as_str(), visited.keys.as_deref()), ("a", Some("12")));
    assert_eq!(path(&desk), ["a", "play"]);
}

#[test]
fn a_menu_that_is_never_answered_leads_to_silence() {
    let mut desk = in_flow(MENU, Caller::default());
    desk.assert_effects(Input::UserKey(key('9')), [Effect::PlayNothing, play("menu")]);
    desk.assert_effects(Input::UserKey(key('8')), [Effect::PlayNothing, play("goodbye")]);
}

#[test]
fn what_is_set_is_spoken_and_private_keys_are_not_kept() {
    let steps = r#"[step.a]
gather = { say = "Your number, {name}" }
digits = 2
private = true
next = "note"
silence = "bye"
[step.note]
set = { order = "{keys}", who = "{caller}/{country}", language = "pt" }
next = "read"
[step.read]
say = "Order {order} of {who}"
next = "bye"
"#;
    let caller = Caller {
        number: Some("5511988887777".parse().unwrap()),
        name: Some("Bruno".into()),
        ..Caller::default()
    };
    let mut desk = in_flow(steps, caller).after(Input::UserKey(key('4')));
    let (_, effects) = desk.handle(Input::UserKey(key('7')));
    let [Effect::Say { spoken, forever: false }] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!(spoken.text, "Order 47 of 5511988887777/BR");
    assert_eq!(spoken.language.as_deref(), Some("pt"), "the language that was set");
    assert_eq!(path(&desk), ["a", "note", "read"]);
    assert_eq!(desk.call.trail().path()[0].keys, None, "private");
    assert_eq!(desk.call.trail().variables()["order"], "47");
    desk.assert_effects(Input::PlaybackDone, [play("goodbye")]);
}

const WHEN: &str = r#"[step.a]
when = [
  { payload = "vip*", window = "open", next = "vip" },
  { past_calls = ">=3", next = "regular" },
  { country = ["MX", "NG"], next = "abroad" },
  { caller = "+55 11 9888*", next = "known" },
]
otherwise = "bye"
[step.vip]
echo = "1s"
next = "bye"
[step.regular]
echo = "1s"
next = "bye"
[step.abroad]
echo = "1s"
next = "bye"
[step.known]
echo = "1s"
next = "bye"
"#;

#[test]
fn the_first_case_that_holds_wins_and_what_is_unknown_meets_none() {
    let of = |number: &str| Caller { number: Some(number.parse().unwrap()), ..Caller::default() };
    let vip = Caller { payload: Some("VIP-7".into()), ..of("5215550000001") };
    for (caller, led) in [
        (Caller { window_open: Some(true), ..vip.clone() }, "vip"),
        (Caller { window_open: Some(false), past_calls: Some(3), ..vip.clone() }, "regular"),
        (vip, "abroad"),
        (Caller { past_calls: Some(2), ..of("2348030000003") }, "abroad"),
        (of("5511988887777"), "known"),
        (of("5511977776666"), "bye"),
        (Caller::default(), "bye"),
    ] {
        let desk = in_flow(WHEN, caller.clone());
        assert_eq!(desk.call.step_name(), Some(led), "{caller:?}");
    }
}

#[test]
fn a_case_looks_at_the_language_that_was_set_and_at_the_id_of_a_user_without_a_number() {
    let flow = r#"[step.a]
set = { language = "pt-BR" }
next = "b"
[step.b]
when = [
  { user_id = "MX.9021*", next = "known" },
  { language = "pt*", next = "portuguese" },
]
otherwise = "bye"
[step.known]
echo = "1s"
next = "bye"
[step.portuguese]
echo = "1s"
next = "bye"
"#;
    let of = |id: &str| Caller { user_id: Some(id.parse().unwrap()), ..Caller::default() };
    let english = flow.replace("pt-BR", "en");
    for (flow, caller, led) in [
        (flow, of("MX.90210000000000000001"), "known"),
        (flow, of("MX.11110000000000000001"), "portuguese"),
        (flow, Caller::default(), "portuguese"),
        (&english, of("MX.11110000000000000001"), "bye"),
        (&english, Caller::default(), "bye"),
    ] {
        let desk = in_flow(flow, caller.clone());
        assert_eq!(desk.call.step_name(), Some(led), "{caller:?}");
    }
}

#[test]
fn another_document_goes_on_and_may_come_back() {
    let billing = "start = \"in\"\n[step.in]\nplay = \"welcome\"\nnext = \"out\"\n\
                   [step.out]\ngather = \"menu\"\nnext = \"back\"\nsilence = \"back\"\n\
                   [step.back]\nredirect = \"main\"\n";
    let main = "start = \"a\"\n[step.a]\ngather = \"menu\"\nnext = \"go\"\nsilence = \"go\"\n\
                [step.go]\nredirect = \"billing\"\n";
    let supplies = Supplies {
        documents: [("billing".into(), billing.into()), ("gateway".into(), "not = a flow".into())]
            .into(),
        main: Some("main".into()),
        ..supplies()
    };
    let flow = Flow::load(main, &supplies).unwrap();
    let names: Vec<&str> = flow.step_names().collect();
    assert_eq!(names, ["a", "go", "billing/back", "billing/in", "billing/out"]);
    let mut desk = answered(Desk::incoming_by(plan(Some(flow.into()))));
    desk.assert_effects(Input::UserKey(key('1')), [Effect::PlayNothing, play("welcome")]);
    desk.assert_effects(Input::PlaybackDone, [play("menu")]);
    desk.assert_effects(Input::UserKey(key('1')), [Effect::PlayNothing, play("menu")]);
    assert_eq!(path(&desk), ["a", "go", "billing/in", "billing/out", "billing/back", "a"]);
}

#[test]
fn the_flow_that_is_asked_for_is_waited_for_while_it_rings() {
    let asked = || {
        let mut plan = plan(Some(flow(&format!("start = \"bye\"\n{END}"))));
        plan.flow_asked = true;
        Desk::incoming_by(plan)
            .after(Input::LegReady)
            .after(Input::Rung(vec![]))
            .after(Input::PreAccepted(Outcome::Done))
    };
    let mut desk = asked();
    assert_eq!(desk.call.state().as_str(), "ringing", "nobody accepts for a flow that may change");
    let other =
        flow(&format!("start = \"a\"\n[step.a]\nplay = \"welcome\"\nnext = \"bye\"\n{END}"));
    desk.assert_effects(Input::FlowChosen(Some(other)), [Effect::Accept, Effect::Tell]);
    desk.assert_refused(Input::FlowChosen(None));
    let mut desk = desk.after(Input::Accepted(Outcome::Done));
    let (_, effects) = desk.handle(Input::MediaConnected);
    assert_eq!(effects, [play("welcome"), Effect::Tell]);

    let mut desk = asked();
    desk.pass(31);
    desk.assert_effects(Input::Tick, [Effect::Accept, Effect::Tell]);
}

#[test]
fn one_reader_reads_json_and_names_the_path_of_a_fault() {
    let text = r#"{"start": "a", "step": {"a": {"say": "Hi {name}", "next": "b"},
        "b": {"menu": {"1": "c"}, "prompt": "menu", "silence": "c"}, "c": {"hang_up": true}}}"#;
    let document: Document = serde_json::from_str(text).unwrap();
    assert_eq!(Flow::read(document, &supplies()).unwrap().step_names().count(), 3);
    let wrong = text.replace("\"next\": \"b\"", "\"next\": \"d\"").replace("true", "1");
    let document: Document = serde_json::from_str(&wrong).unwrap();
    let faults = Flow::read(document, &supplies()).unwrap_err().to_string();
    assert_eq!(
        faults,
        "step.a.next: no step is named `d`: did you mean `a`?\n\
         step.c.hang_up: write hang_up = true"
    );
    assert!(serde_json::from_str::<Document>("[1]").is_err());
    assert!(serde_json::from_str::<Document>(r#"{"a": 1, "a": 2}"#).is_err());
}

#[test]
fn a_dry_run_says_the_way_of_a_caller_at_a_time() {
    let text = r#"start = "hours"
timezone = "America/Sao_Paulo"
[step.hours]
hours = ["mon-fri 08:00-18:00"]
open = "menu"
closed = "closed"
[step.menu]
menu = { "1" = "note" }
say = "One for an order, {name}."
tries = 2
silence = "closed"
[step.note]
set = { topic = "order" }
next = "people"
[step.people]
ring = ["lia"]
for = "20s"
no_answer = "closed"
[step.closed]
play = "goodbye"
next = "end"
[step.end]
hang_up = true
"#;
    let flow = flow(text);
    let caller = Caller { name: Some("Ana".into()), ..Caller::default() };
    // A Friday at ten in São Paulo, and the Sunday after.
    let walk = |at: &str, keys: &[&str]| {
        let keys: Vec<String> = keys.iter().map(|keys| (*keys).to_owned()).collect();
        let trace = flow.trace(&caller, at.parse().unwrap(), &keys);
        assert!(trace.ends);
        trace
            .lines
            .iter()
            .map(|line| format!("{:>5.1} {}: {}", line.after.as_secs_f32(), line.step, line.text))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let friday = walk("2026-11-20T13:00:00Z", &["7", "1"]);
    let sunday = walk("2026-11-22T13:00:00Z", &["1"]);
    insta::assert_snapshot!(format!("{friday}\n---\n{sunday}"));
}

#[test]
fn an_outline_names_every_way_on() {
    let flow = flow(&format!("start = \"a\"\n{WHEN}{END}"));
    let outline = flow.outline();
    let first = outline.iter().find(|step| step.name == "a").unwrap();
    assert_eq!((first.action, first.text.as_str()), ("when", "looks at who calls"));
    let ways: Vec<String> =
        first.next.iter().map(|way| format!("{} → {}", way.on, way.step)).collect();
    insta::assert_snapshot!(ways.join("\n"));
}

#[test]
fn a_caller_leaves_a_message_after_the_beep_until_key_silence_or_time() {
    let steps = r#"[step.a]
record = "on"
announce = "welcome"
next = "message"
[step.message]
voicemail = "menu"
silence = "3s"
max = "30s"
next = "off"
[step.off]
record = "off"
next = "bye"
"#;
    for end in [Input::UserKey(key('#')), Input::UserSilent, Input::Tick] {
        let mut desk = in_flow(steps, Caller::default());
        desk.assert_effects(Input::UserKey(key('#')), []);
        let announcement = Some(Announcement { text: "welcome".into(), language: None });
        let on = Effect::Record(RecordWord::On { announcement });
        desk.assert_effects(Input::PlaybackDone, [on, play("menu")]);
        desk.assert_effects(Input::PlaybackDone, [play("beep")]);
        desk.assert_effects(Input::UserSilent, []);
        let silence = Duration::from_secs(3);
        let take = Effect::TakeMessage { silence };
        desk.assert_effects(Input::PlaybackDone, [Effect::PlayNothing, take]);
        desk.assert_effects(Input::UserKey(key('1')), []);
        desk.pass(30);
        let off = Effect::Record(RecordWord::Off);
        desk.assert_effects(end, [Effect::KeepMessage, off, play("goodbye")]);
        assert_eq!(path(&desk), ["a", "message", "off", "bye"]);
    }
}
