//! A gateway killed again and again at random moments, with calls of both directions up and webhooks in
//! flight: no orphan stays, no acknowledged webhook is lost, and nothing is done twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    agent::Agent,
    http::{ask, get},
    left_behind::{Became, LeftBehind, Life},
    process::{Server, free_tcp, gateway_config, wait_for},
    tee::Tee,
};

const BUSINESS: &str = "551140000000";
const KEY: Option<&str> = Some("demo-api-key");
/// Users who call.
const CALLERS: usize = 8;
/// Users who are called.
const CALLED: usize = 4;
/// When every second caller hangs up: long after the next gateway should have ended the call.
const PATIENCE_MS: u64 = 8_000;
/// How long a gateway lives at most; calls last from 0.3 s to 4 s.
const LIFE_MAX_MS: u64 = 2_000;
/// Kills of one run, and how often all is checked in it.
const KILLS: usize = 20;
const CHECK_EVERY: usize = 10;
/// How long the last words of a run may take.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn twenty_kills_lose_nothing_and_do_nothing_twice() {
    runs(|seed| Run::start(seed).play());
}

/// As many runs as the environment asks for, one when it does not, each with its seed.
pub(crate) fn runs(run: impl Fn(u64) + std::panic::RefUnwindSafe) {
    let number = |name: &str, default| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let first: u64 = number("OFFHOOK_KILL_FIRST", 1);
    for seed in first..first + number("OFFHOOK_KILL_RUNS", 1) {
        let run = std::panic::catch_unwind(|| run(seed));
        if let Err(failed) = run {
            eprintln!("failed with OFFHOOK_KILL_FIRST={seed}");
            std::panic::resume_unwind(failed);
        }
    }
}

/// One platform, and the gateways that live and die beside it.
struct Run {
    random: StdRng,
    folder: tempfile::TempDir,
    platform: Server,
    api: String,
    tee: Tee,
    config: String,
    runtime: tokio::runtime::Runtime,
    /// Calls that a gateway said it had before it was killed.
    orphans: BTreeSet<String>,
    lives: Vec<Life>,
    /// Calls of a gateway that lived on the platform once it was killed.
    left: Vec<LeftBehind>,
    placed: usize,
}

impl Run {
    fn start(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listen = free_tcp();
        let webhook = format!("http://{listen}/webhooks/whatsapp");
        let free = "127.0.0.1:0";
        let platform = Server::start(&[
            "platform",
            "--listen",
            free,
            "--media",
            free,
            "--webhook",
            &webhook,
            "--no-handshake",
        ]);
        let api = platform.url("platform");
        let tee = Tee::to(&api);
        let config = gateway_config(folder.path(), tee.url(), &listen);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let random = StdRng::seed_from_u64(seed);
        let (orphans, lives, left, placed) = (BTreeSet::new(), Vec::new(), Vec::new(), 0);
        let mut run = Self {
            random,
            folder,
            platform,
            api,
            tee,
            config,
            runtime,
            orphans,
            lives,
            left,
            placed,
        };
        run.add_users();
        run
    }

    fn add_users(&mut self) {
        for n in 0..CALLERS + CALLED {
            let hang_up = self.random.random_range(300..4_000);
            let hang_up = if is_patient(n) { PATIENCE_MS } else { hang_up };
            let behaviour = json!({ "answer": { "after_ms": self.random.random_range(50..900) },
                "play": { "tone_hz": 440.0 }, "hang_up": { "after_ms": hang_up } });
            let user =
                json!({ "wa_id": user(n), "name": format!("User {n}"), "behaviour": behaviour });
            let (status, answer) = self.post("users", &user);
            assert_eq!(status, 201, "{answer}");
        }
    }

    fn play(mut self) {
        for kill in 1..=KILLS {
            let gateway = self.gateway();
            self.live(&gateway);
            self.kill(gateway);
            // Some webhooks find nobody.
            if self.random.random_bool(0.5) {
                self.someone_calls();
            }
            if kill % CHECK_EVERY == 0 {
                let gateway = self.gateway();
                self.settle(&gateway.url("gateway"));
                self.check(&gateway.url("gateway"));
            }
        }
        let (orphans, placed) = (self.orphans.len(), self.placed);
        eprintln!("{KILLS} kills, {orphans} orphans, {placed} calls placed");
        assert!(orphans >= KILLS / 2, "the kills hit only {orphans} calls");
        assert!(placed >= KILLS / 10, "only {placed} calls were placed");
        let actions = self.tee.actions();
        for action in ["pre_accept", "accept", "connect", "terminate"] {
            assert!(actions.keys().any(|(asked, _)| asked == action), "no {action} was asked for");
        }
        drop(self.platform);
    }

    fn gateway(&mut self) -> Server {
        let data = self.folder.path().join("data");
        let data = Path::to_str(&data).expect("UTF-8");
        let gateway = Server::start(&["gateway", "--config", &self.config, "--data", data]);
        let (up, live_at_up) = (SystemTime::now(), self.live_calls().into_keys().collect());
        let killed = up + Duration::from_secs(86_400);
        self.lives.push(Life { up, live_at_up, killed });
        gateway
    }

    /// Kills it, and remembers which of its calls live on.
    fn kill(&mut self, gateway: Server) {
        if let Some(life) = self.lives.last_mut() {
            life.killed = SystemTime::now();
        }
        gateway.kill();
        let actions = self.tee.actions();
        for (call, direction) in self.live_calls() {
            let is_taken = actions.contains_key(&("pre_accept".to_owned(), call.clone()));
            // Whom we call is called by a gateway; what no gateway has answered waits for the next.
            if is_taken || direction == "BUSINESS_INITIATED" {
                let is_known = is_taken || self.orphans.contains(&call);
                let known = (!is_known).then(SystemTime::now);
                self.left.push(LeftBehind { call, lives: self.lives.len(), known });
            }
        }
    }

    /// The calls that live on the platform, with their direction.
    fn live_calls(&self) -> BTreeMap<String, String> {
        let calls = self.calls();
        let live = calls.iter().filter(|call| call["state"] != "ended");
        live.map(|call| (text(&call["call_id"]).into(), text(&call["direction"]).into())).collect()
    }

    /// The life of one gateway: calls come and go until its random end.
    fn live(&mut self, gateway: &Server) {
        let business = gateway.url("gateway");
        let agent = self.random.random_bool(0.4).then(|| self.an_agent_calls(&business));
        let end = Instant::now() + Duration::from_millis(self.random.random_range(0..LIFE_MAX_MS));
        while Instant::now() < end {
            self.someone_calls();
            let pause = Duration::from_millis(self.random.random_range(1..250));
            // Load for the gateway, not a wait for something to happen.
            std::thread::sleep(pause.min(end.saturating_duration_since(Instant::now())));
        }
        let (_, body) = ask("GET", &format!("{business}/v1/calls?live=true"), KEY, None);
        let live =
            body["calls"].as_array().into_iter().flatten().filter(|c| c["ended_at"].is_null());
        self.orphans.extend(live.filter_map(|c| c["call_id"].as_str().map(str::to_owned)));
        drop(agent);
    }

    /// One who is not in a call calls; whoever is gets a refusal.
    fn someone_calls(&mut self) {
        let n = self.random.random_range(0..CALLERS);
        let (status, answer) =
            self.post(&format!("users/{}/call", user(n)), &json!({ "to": BUSINESS }));
        assert!(status == 200 || (400..500).contains(&status), "{status} {answer}");
    }

    /// An agent calls a user who allows it; the console stays open until the agent is dropped.
    fn an_agent_calls(&mut self, business: &str) -> (Agent, crate::agent::Line) {
        let to = user(CALLERS + self.random.random_range(0..CALLED));
        let path = |what: &str| format!("users/{to}/{what}");
        self.post(&path("message"), &json!({ "to": BUSINESS, "text": "Please call me" }));
        let allow = json!({ "to": BUSINESS, "action": "accept_permanent" });
        self.post(&path("permission"), &allow);
        self.placed += 1;
        self.runtime.block_on(async {
            let mut agent = Agent::sign_in(business, "lia").await;
            // Users who call get the flow.
            agent.send(json!({ "type": "presence", "state": "away" })).await;
            let (line, offer) = agent.open(620.0);
            agent.send(json!({ "type": "place", "to": to, "sdp": offer })).await;
            (agent, line)
        })
    }

    /// Until no call lives and every webhook was taken.
    fn settle(&self, business: &str) {
        wait_for("quiet platform", SETTLED_WITHIN, || {
            for hook in self.journal().iter().filter(|hook| hook["state"] == "waiting") {
                // Sooner than by the schedule of retries.
                self.post(&format!("webhooks/{}/redeliver", text(&hook["id"])), &json!({}));
            }
            let live = self.calls().iter().any(|call| call["state"] != "ended");
            let waiting = self.journal().iter().any(|hook| hook["state"] != "delivered");
            (!live && !waiting).then_some(())
        });
        wait_for("quiet gateway", SETTLED_WITHIN, || {
            let (_, body) = ask("GET", &format!("{business}/v1/calls?live=true"), KEY, None);
            body["calls"].as_array()?.iter().all(|c| c["ended_at"].is_string()).then_some(())
        });
    }

    /// Billing and inbox: each call that ended has its one record, with the platform's figures.
    fn check(&self, business: &str) {
        let records = wait_for("records of all calls", Duration::from_secs(15), || {
            let records = records(business);
            let has = |call: &Value| records.contains_key(text(&call["call_id"]));
            self.calls().iter().all(has).then_some(records)
        });
        for call in self.calls() {
            let id = text(&call["call_id"]);
            let seen = get(&format!("{}/sandbox/v1/calls/{id}", self.api), None);
            self.check_once(&seen);
            let [record] = records[id].as_slice() else { panic!("records of {id}: {records:?}") };
            assert!(record["ended_at"].is_string(), "{record}");
        }
        let known: BTreeSet<String> =
            self.calls().iter().map(|call| text(&call["call_id"]).to_owned()).collect();
        assert!(records.keys().all(|id| known.contains(id)), "records of calls that never were");
        for id in &self.orphans {
            assert!(records.contains_key(id), "no record of {id}, which a killed gateway had");
        }
        self.check_left_behind();
        for ((action, call), times) in self.tee.actions() {
            // Terminating what a dead gateway left may take more than one try.
            let times = times.len();
            assert!(times == 1 || action == "terminate", "{action} of {call}: {times} times");
        }
        let mut billed = 0;
        for hook in self.journal() {
            billed += usize::from(self.check_billing(&hook, business));
        }
        assert!(billed > 0, "no call was talked in");
    }

    /// A call lives on no longer than until a gateway is up, unless its user hangs up first: the
    /// platform bills every second. A gateway may be killed before it can ask; the next one must.
    fn check_left_behind(&self) {
        let (actions, journal) = (self.tee.actions(), self.journal());
        let mut took = Vec::new();
        for left in &self.left {
            let call = get(&format!("{}/sandbox/v1/calls/{}", self.api, left.call), None);
            let ended = moment(&call["end"]["at"]);
            let asked = actions.get(&("terminate".to_owned(), left.call.clone()));
            let asked = asked.map_or(&[][..], Vec::as_slice);
            // One whose id its gateway never learnt is known by the first webhook that tells of it.
            let told = || first_told(&journal, &left.call).unwrap_or(ended);
            let left =
                LeftBehind { call: left.call.clone(), known: left.known.map(|_| told()), ..*left };
            match left.became(&self.lives, asked, ended) {
                Ok(Became::Terminated(after)) => took.push(after),
                Ok(Became::OverBefore) => {}
                Err(why) => panic!("{why}; asked at {asked:?}: {call}"),
            }
        }
        let (all, ended) = (self.left.len(), took.len());
        eprintln!("of {all} calls left behind {ended} were ended, within {:?}", took.iter().max());
        assert!(ended >= self.lives.len() / 4, "only {ended} of {all} calls were ended");
    }

    /// A call went through each state once: one pre_accept, one accept, one end.
    fn check_once(&self, call: &Value) {
        let states = call["states"].as_array().expect("states");
        let names: Vec<&str> = states.iter().filter_map(|it| it["state"].as_str()).collect();
        let once: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), once.len(), "something was done twice: {call}");
        assert_eq!(names.last(), Some(&"ended"), "{call}");
    }

    /// The duration the platform bills stands in the record; `false` for other webhooks.
    fn check_billing(&self, hook: &Value, business: &str) -> bool {
        let event = &hook["body"]["entry"][0]["changes"][0]["value"]["calls"][0];
        let (Some("terminate"), Some(billed)) =
            (event["event"].as_str(), event["duration"].as_i64())
        else {
            return false;
        };
        let id = text(&event["id"]);
        let what = format!("{billed} s of {id}");
        wait_for(&what, Duration::from_secs(5), || {
            let record = get(&format!("{business}/v1/calls/{id}"), KEY);
            let ours = record["duration_s"].as_i64()?;
            ((ours - billed).abs() <= 1).then_some(())
        });
        true
    }

    fn calls(&self) -> Vec<Value> {
        let state = get(&format!("{}/sandbox/v1/state", self.api), None);
        state["calls"].as_array().cloned().expect("calls")
    }

    fn journal(&self) -> Vec<Value> {
        let rows = get(&format!("{}/sandbox/v1/webhooks", self.api), None);
        let rows = rows.as_array().cloned().expect("a journal");
        assert!(rows.len() < 1_000, "the journal has more than one page");
        rows
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        ask("POST", &format!("{}/sandbox/v1/{path}", self.api), None, Some(body))
    }
}

/// Every record, by call.
fn records(business: &str) -> BTreeMap<String, Vec<Value>> {
    let body = get(&format!("{business}/v1/calls?limit=1000"), KEY);
    let mut records: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for record in body["calls"].as_array().expect("a list") {
        records.entry(text(&record["call_id"]).to_owned()).or_default().push(record.clone());
    }
    records
}

/// When a webhook of this call was first taken.
fn first_told(journal: &[Value], call: &str) -> Option<SystemTime> {
    let of_call = journal.iter().filter(|hook| hook["call_id"] == call);
    let attempts = of_call.flat_map(|hook| hook["attempts"].as_array().into_iter().flatten());
    attempts.filter(|attempt| attempt["status"] == 200).map(|taken| moment(&taken["at"])).min()
}

fn moment(at: &Value) -> SystemTime {
    text(at).parse::<jiff::Timestamp>().expect("a moment").into()
}

/// Every second caller.
fn is_patient(n: usize) -> bool {
    n < CALLERS && n.is_multiple_of(2)
}

fn user(n: usize) -> String {
    format!("52155500001{n:02}")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
