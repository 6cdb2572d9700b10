//! What stands beside a call when its gateway is killed: an agent who talks and is recorded, a user in a
//! queue, a call that waits for consent, and a receiver of events. None of it is lost or done twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    agent::{Agent, Line},
    event_receiver::EventReceiver,
    http::{ask, get},
    kills::runs,
    process::{Server, free_tcp, gateway_config, wait_for},
    queue::FLOW,
};

const BUSINESS: &str = "551140000000";
const KEY: Option<&str> = Some("demo-api-key");
const KILLS: usize = 5;
const AGENT_HZ: f32 = 620.0;
/// When a user who calls and is forgotten hangs up, and one who is called.
const PATIENCE_MS: u64 = 20_000;
const CALLED_MS: u64 = 3_000;
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn kills_lose_no_event_recording_place_or_parked_call() {
    runs(|seed| Run::start(seed).play());
}

struct Run {
    random: StdRng,
    folder: tempfile::TempDir,
    _platform: Server,
    api: String,
    config: String,
    receiver: EventReceiver,
    runtime: tokio::runtime::Runtime,
    /// How many calls were parked.
    parked: usize,
}

impl Run {
    fn start(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listen = free_tcp();
        let platform = Server::platform(&listen);
        let api = platform.url("platform");
        let receiver = EventReceiver::start();
        let config = configure(folder.path(), &api, &listen, receiver.url());
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let random = StdRng::seed_from_u64(seed);
        Self { random, folder, _platform: platform, api, config, receiver, runtime, parked: 0 }
    }

    fn play(mut self) {
        let mut recorded = 0;
        for kill in 0..KILLS {
            let gateway = self.gateway();
            self.grant(kill.checked_sub(1));
            recorded += usize::from(self.live(&gateway.url("gateway"), kill));
            gateway.kill();
            // Some consent comes while nobody is there, and some when the next one is.
            if self.random.random_bool(0.5) {
                self.grant(Some(kill));
            }
        }
        let gateway = self.gateway();
        let business = gateway.url("gateway");
        (0..KILLS).for_each(|kill| self.grant(Some(kill)));
        self.settle(&business);
        assert!(recorded >= KILLS / 2, "the agent talked at {recorded} kills");
        self.check_events(&business);
        self.check_recordings(&business, recorded);
        self.check_parked(&business);
    }

    fn gateway(&self) -> Server {
        let data = self.data();
        let data = Path::to_str(&data).expect("UTF-8");
        Server::start(&["gateway", "--config", &self.config, "--data", data])
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Two users call, the agent talks with one of them, and a call is parked; whether they were still
    /// talking at the kill.
    fn live(&mut self, business: &str, kill: usize) -> bool {
        let mut agent = self.runtime.block_on(Agent::sign_in(business, "lia"));
        for caller in [2 * kill, 2 * kill + 1] {
            let caller = self.add_user("61", caller, PATIENCE_MS);
            let (status, answer) =
                self.post(&format!("users/{caller}/call"), &json!({ "to": BUSINESS }));
            assert_eq!(status, 200, "{answer}");
        }
        let _line = self.runtime.block_on(take(&mut agent));
        self.park(business, kill);
        wait_for("a user in the queue", Duration::from_secs(10), || {
            let queues = get(&format!("{business}/v1/queues"), KEY);
            (!queues["queues"][0]["waiting"].as_array()?.is_empty()).then_some(())
        });
        // A recording has a page for each second; one is to have some.
        let least = if kill == 0 { 2_500 } else { 0 };
        let pause = Duration::from_millis(least + self.random.random_range(0..1_500));
        // Load for the gateway, not a wait for something to happen.
        std::thread::sleep(pause);
        let live = get(&format!("{business}/v1/calls?live=true"), KEY);
        live["calls"].as_array().is_some_and(|calls| {
            calls.iter().any(|call| call["state"] == "connected" && call["agent"] == "lia")
        })
    }

    fn park(&mut self, business: &str, kill: usize) {
        let to = self.add_user("62", kill, CALLED_MS);
        let message = json!({ "to": BUSINESS, "text": "Please call me" });
        self.post(&format!("users/{to}/message"), &message);
        let body = json!({ "to": to, "flow": true, "wait_for_consent": "P2D" });
        let (status, answer) = ask("POST", &format!("{business}/v1/calls"), KEY, Some(&body));
        assert_eq!((status, &answer["state"]), (201, &json!("waiting")), "{answer}");
        self.parked += 1;
    }

    /// The user of this kill's parked call consents, once.
    fn grant(&self, kill: Option<usize>) {
        let Some(kill) = kill else { return };
        let action = json!({ "to": BUSINESS, "action": "accept_permanent" });
        self.post(&format!("users/{}/permission", user("62", kill)), &action);
    }

    fn add_user(&self, kind: &str, n: usize, hang_up_ms: u64) -> String {
        let id = user(kind, n);
        let behaviour = json!({ "answer": { "after_ms": 200 }, "play": { "tone_hz": 440.0 },
            "hang_up": { "after_ms": hang_up_ms } });
        let new = json!({ "wa_id": id, "name": format!("User {n}"), "behaviour": behaviour });
        let (status, answer) = self.post("users", &new);
        assert_eq!(status, 201, "{answer}");
        id
    }

    /// Until no call lives, every webhook was taken, every event arrived and no parked call is open.
    fn settle(&self, business: &str) {
        wait_for("quiet platform", SETTLED_WITHIN, || {
            let journal = get(&format!("{}/sandbox/v1/webhooks", self.api), None);
            let journal = journal.as_array()?.clone();
            for hook in journal.iter().filter(|hook| hook["state"] == "waiting") {
                // Sooner than by the schedule of retries.
                let id = hook["id"].as_str().expect("an id");
                self.post(&format!("webhooks/{id}/redeliver"), &json!({}));
            }
            let live = self.calls().iter().any(|call| call["state"] != "ended");
            let waiting = journal.iter().any(|hook| hook["state"] != "delivered");
            (!live && !waiting).then_some(())
        });
        wait_for("settled parked calls", SETTLED_WITHIN, || {
            let open =
                |parked: &&Value| parked["state"] == "waiting" || parked["state"] == "placing";
            parked(business).iter().find(open).is_none().then_some(())
        });
        wait_for("quiet gateway", SETTLED_WITHIN, || {
            let (_, metrics) = ask("GET", &format!("{business}/v1/calls?live=true"), KEY, None);
            let over = |call: &Value| call["ended_at"].is_string();
            metrics["calls"].as_array()?.iter().all(over).then_some(())
        });
        let queues = get(&format!("{business}/v1/queues"), KEY);
        assert_eq!(queues["queues"][0]["waiting"], json!([]), "nobody waits whose call is over");
    }

    /// Every call that ended was told to the receiver as one event, however often that was delivered.
    fn check_events(&self, business: &str) {
        let records = get(&format!("{business}/v1/calls?limit=1000"), KEY);
        let records = records["calls"].as_array().expect("a list").clone();
        let calls: BTreeSet<String> =
            self.calls().iter().map(|call| text(&call["call_id"]).to_owned()).collect();
        let ours: BTreeSet<String> =
            records.iter().map(|record| text(&record["call_id"]).to_owned()).collect();
        assert_eq!(ours, calls, "each call has a record");
        assert_eq!(ours.len(), records.len(), "and only one");
        let ended = wait_for("an end of each call", SETTLED_WITHIN, || {
            let mut ended: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for event in self.receiver.taken().iter().filter(|it| it["type"] == "call.ended") {
                let (call, id) = (text(&event["subject"]), text(&event["id"]));
                ended.entry(call.to_owned()).or_default().insert(id.to_owned());
            }
            calls.iter().all(|call| ended.contains_key(call)).then_some(ended)
        });
        for (call, ids) in ended {
            assert_eq!(ids.len(), 1, "the end of {call} was told as {ids:?}");
        }
        assert!(self.receiver.refused() > 0, "the receiver failed now and then");
    }

    /// What was recorded when the gateway was killed can be heard.
    fn check_recordings(&self, business: &str, recorded: usize) {
        let list = wait_for("ready recordings", Duration::from_secs(10), || {
            let list = get(&format!("{business}/v1/recordings?limit=100"), KEY);
            let list = list["recordings"].as_array()?.clone();
            list.iter().all(|it| it["state"] == "ready").then_some(list)
        });
        let cut = list.iter().filter(|it| it["incomplete"] == true).count();
        eprintln!("{recorded} talks were cut off, {} recordings, {cut} incomplete", list.len());
        assert!(list.len() >= recorded, "{recorded} talks: {list:?}");
        let mut heard = 0;
        for recording in list {
            let id = text(&recording["recording_id"]);
            let url = format!("{business}/v1/recordings/{id}/audio?format=wav");
            let (status, _) = ask("GET", &url, KEY, None);
            let file = self.data().join("recordings").join(id).join("user.opus");
            let size = std::fs::metadata(&file).map_or(0, |file| file.len());
            // One that began less than a page before the kill has no whole page.
            assert!(status == 200 || size < 400, "{status} of {recording}");
            heard += usize::from(size > 1_000);
        }
        assert!(heard > 0, "no recording has a second of sound");
    }

    /// A parked call is placed once, or given up; and not given up without reason.
    fn check_parked(&self, business: &str) {
        let list = parked(business);
        assert_eq!(list.len(), self.parked, "{list:?}");
        let mut placed = 0;
        for parked in &list {
            let to = parked["to"].as_str().unwrap_or_else(|| panic!("{parked}"));
            let calls = self.calls();
            let calls = calls
                .iter()
                .filter(|call| call["direction"] == "BUSINESS_INITIATED" && call["user"] == to);
            let (count, is_placed) = (calls.count(), parked["state"] == "placed");
            assert!(count == 1 || (count == 0 && !is_placed), "{count} calls: {parked}");
            assert!(is_placed || parked["state"] == "given_up", "{parked}");
            placed += usize::from(is_placed);
        }
        eprintln!("{placed} of {} parked calls were placed", list.len());
        assert!(placed >= self.parked / 2, "{list:?}");
    }

    fn calls(&self) -> Vec<Value> {
        let state = get(&format!("{}/sandbox/v1/state", self.api), None);
        state["calls"].as_array().cloned().expect("calls")
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        ask("POST", &format!("{}/sandbox/v1/{path}", self.api), None, Some(body))
    }
}

/// The gateway's configuration: a queue, every talk recorded, and a receiver of events that is told
/// again soon after it failed.
fn configure(folder: &Path, api: &str, listen: &str, receiver: &str) -> String {
    let config = gateway_config(folder, api, listen);
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/flow.toml");
    let flow = folder.join("flow.toml");
    std::fs::write(&flow, FLOW).expect("the flow");
    let text = text.replace(demo, flow.to_str().expect("UTF-8"));
    let text = text.replace("ring_first = true\n", "");
    let text = format!(
        "{text}\n[recording]\nmode = \"agents\"\n\n[outbox]\nretries_s = [1, 1, 1, 1, 1, 1, 1, 1]\n\n\
         [[events]]\nname = \"crm\"\nurl = \"{receiver}\"\nsecret_file = \"secret\"\n"
    );
    std::fs::write(folder.join("secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .expect("the secret");
    std::fs::write(&config, text).expect("the configuration");
    config
}

/// Takes what rings, and talks.
async fn take(agent: &mut Agent) -> Line {
    let ringing = agent.wait_for("ringing").await;
    let (line, offer) = agent.open(AGENT_HZ);
    let call_id = &ringing["call"]["call_id"];
    agent.send(json!({ "type": "answer", "call_id": call_id, "sdp": offer })).await;
    agent.connect(&line).await;
    agent.wait_for_state("connected").await;
    line
}

fn parked(business: &str) -> Vec<Value> {
    let list = get(&format!("{business}/v1/parked_calls?limit=100"), KEY);
    list["parked_calls"].as_array().expect("a list").clone()
}

fn user(kind: &str, n: usize) -> String {
    format!("521555{kind}000{n:02}")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
