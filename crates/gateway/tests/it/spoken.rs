//! Texts are spoken, and flows are looked at without a call.

use std::{fmt::Write as _, path::Path, time::Duration};

use media::dtmf::Digit;
use offhook_gateway::config::{FlowSource, SpeechCommand};
use serde_json::json;

use crate::{
    desk::{CALL, Desk, connect, terminate},
    voice::{Voice, tone_file},
};

const HELLO_HZ: f32 = 450.0;
const ANA_HZ: f32 = 700.0;

const FLOW: &str = r#"
start = "menu"
[step.menu]
menu = { "1" = "note" }
say = "Press one"
tries = 9
silence = "end"
[step.note]
set = { language = "pt" }
next = "hello"
[step.hello]
say = "Hello {name}"
next = "more"
[step.more]
redirect = "more"
"#;

const MORE: &str = "start = \"ask\"\n[step.ask]\ngather = { say = \"Hello {name}\" }\nnext = \"end\"\n\
                    silence = \"end\"\n[step.end]\nhang_up = true\n";

/// A voice that says a tone: one for everybody and one for Ana in Portuguese.
fn voice(folder: &Path) -> SpeechCommand {
    for (name, hz) in [("all", HELLO_HZ), ("Ana", ANA_HZ)] {
        std::fs::write(folder.join(format!("{name}.wav")), tone_file(hz, 600)).unwrap();
    }
    let mut script = String::from("read text; case \"$1 $text\" in ");
    let at = |name: &str| folder.join(name).display().to_string();
    write!(script, "'pt Hello Ana') cat {};; *) cat {};; esac", at("Ana.wav"), at("all.wav"))
        .unwrap();
    let words = ["sh", "-c", &script, "sh", "{language}"].map(str::to_owned);
    let language = Some("en".to_owned());
    SpeechCommand::new(words.into(), language, None, Duration::from_secs(20)).unwrap()
}

async fn desk(folder: &Path) -> Desk {
    let flow = format!("{FLOW}[step.end]\nhang_up = true\n");
    std::fs::write(folder.join("flow.toml"), flow).unwrap();
    std::fs::write(folder.join("more.toml"), MORE).unwrap();
    let (flow, speech) = (FlowSource::File(folder.join("flow.toml")), voice(folder));
    Desk::start_with(None, |config| {
        config.lines.first.flow = Some(flow);
        config.speech = Some(speech);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_spoken_to_all_and_another_to_one_caller() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path()).await;
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    user.connected().await;
    user.expect_tone(HELLO_HZ).await;
    user.leg.send_digit(Digit::new('1').unwrap(), 120);
    user.expect_tone(ANA_HZ).await;
    desk.get_until(&format!("/v1/calls/{CALL}"), |call| call["step"] == "more/ask").await;
    user.leg.send_digit(Digit::new('7').unwrap(), 120);
    desk.upstream.wait_for("terminate").await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    let record = desk.record(CALL).await;
    let steps: Vec<&str> = record["flow"]["path"]
        .as_array()
        .unwrap()
        .iter()
        .map(|visited| visited["step"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["menu", "note", "hello", "more", "more/ask", "more/end"]);
    assert_eq!(record["flow"]["path"][4]["keys"], "7");
    assert_eq!(record["flow"]["variables"], json!({"language": "pt"}));
    let metrics = desk.metrics().await;
    assert!(metrics.contains("offhook_gateway_speech_total{result=\"ok\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_read_check_and_try_flows() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path()).await;
    let flows = desk.get("/v1/flows").await;
    assert_eq!(flows["documents"][0]["name"], "flow");
    assert_eq!(flows["documents"][0]["main"], true);
    assert_eq!(flows["documents"][1], json!({"name": "more", "main": false, "text": MORE}));
    assert_eq!(flows["start"], "menu");
    assert_eq!(flows["speech"], true);
    let steps = flows["steps"].as_array().unwrap();
    let menu = steps.iter().find(|step| step["name"] == "menu").unwrap();
    assert_eq!(
        *menu,
        json!({"name": "menu", "line": 3, "action": "menu",
            "text": "says \"Press one\" and waits for a choice",
            "next": [{"on": "1", "step": "note"}, {"on": "silence", "step": "end"}]})
    );

    let (_, checked) = desk
        .post(
            "/v1/flows/check",
            &json!({"text": "start = \"a\"\n[step.a]\nsay = \"hi\"\nnext = \"b\"\n"}),
            None,
        )
        .await;
    assert_eq!(
        checked,
        json!({"steps": [], "faults": [{"line": 4, "step": "a", "why": "no step is named `b`: did you mean `a`?",
            "text": "line 4, step `a`: no step is named `b`: did you mean `a`?"}]})
    );
    let (_, checked) = desk.post("/v1/flows/check", &json!({"text": "{\"start\": 1}"}), None).await;
    assert_eq!(checked["faults"][0]["path"], "", "the document as a whole: {checked}");

    let run = json!({"name": "Bo", "keys": ["1"], "at": "2026-11-29T10:00:00-03:00"});
    let (status, walked) = desk.post("/v1/flows/dry_run", &run, None).await;
    assert_eq!((status, walked["end"].as_str()), (200, Some("hangs up")), "{walked}");
    assert_eq!(walked["variables"], json!({"language": "pt"}));
    let hello = walked["path"].as_array().unwrap().iter().find(|line| line["step"] == "hello");
    assert_eq!(hello.unwrap()["text"], "says \"Hello Bo\"");
    let (status, refused) =
        desk.post("/v1/flows/dry_run", &json!({"text": "start = 1"}), None).await;
    assert_eq!((status, refused["code"].as_str()), (422, Some("flow")), "{refused}");
}
