//! Two users call, one agent works: both servers, real phones, and an order among those who wait.

use std::{
    process::{Child, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    agent::{Agent, Line},
    http::get,
    process::{Server, free_tcp, gateway_config, offhook, wait_for},
};

const ANA: &str = "5215550000001";
const BRUNO: &str = "5511988887777";
const BUSINESS: &str = "551140000000";
const KEY: Option<&str> = Some("demo-api-key");
const AGENT_HZ: f32 = 620.0;
const USER_HZ: f32 = 440.0;

/// Whoever calls waits for an agent.
pub(crate) const FLOW: &str = r#"
start = "wait"
[step.wait]
queue = "support"
overflow = "end"
[step.end]
hang_up = true
"#;

fn gateway(folder: &std::path::Path, api: &str, listen: &str) -> Server {
    let config = gateway_config(folder, api, listen);
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/flow.toml");
    let flow = folder.join("flow.toml");
    std::fs::write(&flow, FLOW).expect("the flow");
    let text = text.replace(demo, flow.to_str().expect("UTF-8"));
    let text = text.replace("ring_first = true\n", "wrap_up_s = 1\n");
    let text = text.replace("name = \"support\"\n", "name = \"support\"\nskills = [\"pt\"]\n");
    let text = format!("{text}skills = [\"pt\"]\n");
    std::fs::write(&config, text).expect("the configuration");
    Server::start(&["gateway", "--config", &config])
}

/// A phone that speaks a tone and must hear something.
fn caller(api: &str, user: &str) -> Child {
    let args = ["call", "--as", user, "--to", BUSINESS, "--for", "60s", "--expect", "tone:*"];
    let mut call = offhook(&args);
    call.args(["--play", "tone:440", "--platform", api])
        .stdout(Stdio::null())
        .spawn()
        .expect("a caller")
}

/// Lia takes what rings, talks for a moment and hangs up; whose call it was.
async fn serve(lia: &mut Agent) -> Value {
    let ringing = lia.wait_for("ringing").await;
    let (mut line, offer): (Line, String) = lia.open(AGENT_HZ);
    let call_id = &ringing["call"]["call_id"];
    lia.send(json!({ "type": "answer", "call_id": call_id, "sdp": offer })).await;
    lia.connect(&line).await;
    lia.wait_for_state("connected").await;
    let heard = line.listen(Duration::from_millis(1_500)).await;
    assert!(heard.is_tone(USER_HZ), "Lia hears the user: {heard:?}");
    lia.send(json!({ "type": "hang_up", "call_id": call_id })).await;
    ringing["call"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_called_first_is_served_first_and_the_next_after_wrap_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let listen = free_tcp();
    let platform = Server::platform(&listen);
    let api = platform.url("platform");
    let gateway = gateway(folder.path(), &api, &listen);
    let business = gateway.url("gateway");

    let waiting = |count: usize| {
        wait_for("caller in the queue", Duration::from_secs(20), || {
            let queues = get(&format!("{business}/v1/queues"), KEY);
            let waiting = queues["queues"][0]["waiting"].as_array()?.len();
            (waiting == count).then_some(queues)
        })
    };
    let mut ana = caller(&api, ANA);
    waiting(1);
    let mut bruno = caller(&api, BRUNO);
    let queues = waiting(2);
    assert_eq!(queues["queues"][0]["waiting"][1]["contact"]["wa_id"], BRUNO);
    let mut lia = Agent::sign_in(&business, "lia").await;
    assert_eq!(serve(&mut lia).await["contact"]["wa_id"], ANA);
    let second = serve(&mut lia).await;
    assert_eq!(second["contact"]["wa_id"], BRUNO);
    assert!(ana.wait().expect("a caller").success(), "Ana hears something");
    assert!(bruno.wait().expect("a caller").success(), "and Bruno");
    let id = second["call_id"].as_str().expect("an id");
    let record = wait_for("record", Duration::from_secs(10), || {
        let record = get(&format!("{business}/v1/calls/{id}"), KEY);
        (record["state"] == "ended").then_some(record)
    });
    let queue = &record["queue_record"];
    assert_eq!((&queue["left"], &queue["offered_to"]), (&json!("answered"), &json!(["lia"])));
    assert!(queue["waited_s"].as_u64() >= Some(1), "a talk and a wrap-up long: {queue}");
    let today = &get(&format!("{business}/v1/queues"), KEY)["queues"][0]["today"];
    assert_eq!((&today["answered"], &today["service_level_percent"]), (&json!(2), &json!(100)));
}
