//! What a wrong flow is told.

use offhook_switchboard::flow::{Flow, Supplies};

use crate::desk::{FLOW, supplies};

fn faults(text: &str) -> String {
    Flow::load(text, &supplies()).unwrap_err().to_string()
}

#[test]
fn a_sound_flow_loads() {
    let flow = Flow::load(FLOW, &supplies()).unwrap();
    assert_eq!(flow.step_names().count(), 7);
}

#[test]
fn every_fault_has_its_line_and_its_cure() {
    let text = r#"start = "welcom"
timezone = "America/Sao_Paolo"
stat = 1

[step.welcome]
play = "welcme"
nxt = "menu"

[step.menu]
gather = "menu"
digits = 99
wait = "5 seconds"
next = "choose"

[step.choose]
branch = { "1" = "echo", "x" = "menu" }
otherwise = "menu"

[step.two]
play = "menu"
echo = "5s"

[step.three]
paly = "menu"

[step.four]
something = 1

[step.echo]
echo = "1h"
next = 7

[step.open]
hours = ["mon-fri 8-18"]
open = "menu"
closed = "menu"

[step.people]
ring = []
no_answer = "menu"

[step.end]
hang_up = false
"#;
    insta::assert_snapshot!(faults(text));
}

#[test]
fn circles_dead_ends_and_lost_steps_are_found() {
    let circle = r#"start = "a"
[step.a]
play = "menu"
next = "b"
[step.b]
play = "welcome"
next = "a"
[step.lost]
hang_up = true
"#;
    insta::assert_snapshot!(faults(circle));
}

#[test]
fn what_is_no_toml_or_no_flow_is_said_so() {
    let texts = ["", "start = ", "start = \"a\"\nstep = 3", "start = \"a\"\n[step]\na = 1"];
    insta::assert_snapshot!(texts.map(faults).join("\n---\n"));
}

#[test]
fn the_faults_of_the_later_steps_are_told_as_well() {
    let text = r#"start = "a"
[step.a]
menu = { "1" = "b", "x" = "c" }
silence = "b"
[step.b]
set = { Topic = "{who}", keys = "1" }
next = "c"
[step.c]
when = [
  { country = "Brazil", next = "d" },
  { past_calls = "many", next = "d" },
  { next = "d" },
  { window = "opn", variable = { topik = "1" } },
]
otherwise = "d"
[step.d]
redirect = "biling"
[step.e]
say = "Open {brace"
voice = "-v"
next = "a"
"#;
    let mut supplies = supplies();
    supplies.documents.insert("billing".into(), "start = \"x\"".into());
    supplies.speech = false;
    insta::assert_snapshot!(Flow::load(text, &supplies).unwrap_err().to_string());
}

#[test]
fn a_fault_of_another_document_is_told_with_its_name_and_circles_are_found_across_them() {
    let main = "start = \"a\"\n[step.a]\nredirect = \"b\"\n";
    let load = |other: &str| {
        let mut supplies = supplies();
        supplies.documents.insert("b".into(), other.into());
        supplies.main = Some("main".into());
        Flow::load(main, &supplies).unwrap_err().to_string()
    };
    let back = "start = \"x\"\n[step.x]\nredirect = \"main\"\n";
    let wrong = "start = \"x\"\n[step.x]\nplay = \"gone\"\nnext = \"x\"\n";
    insta::assert_snapshot!([back, wrong, "start ="].map(load).join("\n---\n"));
}

#[test]
fn a_flow_cannot_steer_what_the_platform_records_and_still_takes_messages() {
    let theirs = Supplies { by_platform: true, ..supplies() };
    let step = |step: &str| {
        format!("start = \"a\"\n[step.a]\n{step}\nnext = \"b\"\n[step.b]\nhang_up = true\n")
    };
    for word in ["on", "pause", "off"] {
        let text = step(&format!("record = \"{word}\""));
        assert!(Flow::load(&text, &supplies()).is_ok());
        let told = Flow::load(&text, &theirs).unwrap_err().to_string();
        assert!(told.contains("the platform records these calls"), "{told}");
    }
    assert!(Flow::load(&step("voicemail = \"menu\""), &theirs).is_ok());
}
