//! What does a call cost that is set up and ended by SIP: by our user agent, and by the stack below it alone?
//!
//! The first argument says who does it: `agent` is [`offhook_sip::UserAgent`], `bare` is `rsipstack` with
//! as little around it as answers and places calls. Both speak UDP, answer every call at once and hang up on
//! every call they place as soon as it is answered. `cargo xtask bench sip` runs it.
//!
//! An order is a line of JSON on standard input, its answer a line on standard output:
//!
//! | Order | Answer |
//! |---|---|
//! | `{"place": 500, "to": "127.0.0.1:5070", "every_us": 5000}` | `{"done": 500}` when all have ended: those that were answered and whose BYE was |
//! | `{"taken": true}` | `{"taken": 1500}`: calls that came in, were answered and hung up on |
//!
//! What goes wrong is answered with `{"error": …}`.

#![expect(clippy::print_stdout, reason = "the answers to orders")]

mod agent;
mod bare;

use std::future::Future;
use std::io::BufRead as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use agent::Agent;
use bare::Bare;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Where both listen.
const LOCAL: &str = "127.0.0.1:0";

/// What both offer and answer: no audio follows.
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n";

/// Who sets calls up.
enum Party {
    Agent(Agent),
    Bare(Bare),
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let party = match std::env::args().nth(1).as_deref() {
        Some("agent") => Party::Agent(Agent::start().await?),
        Some("bare") => Party::Bare(Bare::start().await?),
        Some(_) | None => return Err("agent or bare?".into()),
    };
    println!("{}", json!({ "ready": true, "address": party.address() }));
    // Orders are read where no call waits for it.
    let (give, mut orders) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if give.blocking_send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = orders.recv().await {
        let answer = match serde_json::from_str(&line) {
            Ok(order) => party.obey(&order).await,
            Err(error) => Err(error.into()),
        };
        println!("{}", answer.unwrap_or_else(|error| json!({ "error": error.to_string() })));
    }

    Ok(())
}

impl Party {
    fn address(&self) -> SocketAddr {
        match self {
            Self::Agent(agent) => agent.address,
            Self::Bare(bare) => bare.address,
        }
    }

    async fn obey(&self, order: &Value) -> Outcome<Value> {
        if order["taken"] == true {
            let taken = match self {
                Self::Agent(agent) => agent.taken(),
                Self::Bare(bare) => bare.taken(),
            };
            return Ok(json!({ "taken": taken }));
        }
        let calls = order["place"].as_u64().ok_or("neither calls to place nor a question")?;
        let every = Duration::from_micros(order["every_us"].as_u64().ok_or("how often?")?);
        let to: SocketAddr = order["to"].as_str().ok_or("to whom?")?.parse()?;
        let done = match self {
            Self::Agent(agent) => paced(calls, every, || agent.place(to)).await,
            Self::Bare(bare) => paced(calls, every, || bare.place(to)).await,
        };

        Ok(json!({ "done": done }))
    }
}

/// Places calls one after the other, however long each takes; how many went well.
async fn paced<F>(calls: u64, every: Duration, place: impl Fn() -> F) -> u64
where
    F: Future<Output = bool> + Send + 'static,
{
    let mut ticks = tokio::time::interval(every);
    let mut under_way = JoinSet::new();
    for _ in 0..calls {
        ticks.tick().await;
        under_way.spawn(place());
    }
    let mut done = 0;
    while let Some(went_well) = under_way.join_next().await {
        done += u64::from(went_well.unwrap_or(false));
    }

    done
}
