//! How soon does `pre_accept` follow a webhook?
//!
//! WhatsApp is played: signed webhooks with an offer each, a Graph API that says yes at once, and an
//! ice-lite far end for every call that connects when its answer is there. Ours is the gateway of the
//! release binary with a data folder on disk; pipecat keeps nothing.

mod business;
mod disk;
mod graph;

use std::{
    collections::BTreeMap,
    path::Path,
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

use self::graph::Asked;
pub(super) use self::{
    business::{Answers as Answered, Business},
    graph::Graph,
};
use super::{
    Numbers,
    far_ends::{Calls, FarEnds},
};
use crate::bench::cases::{Measured, middle, percentile};

/// Pairs of rounds, the calls of each, and how far apart they are: one is over before the next comes.
const ROUNDS: usize = 7;
const CALLS: u64 = 20;
const EVERY: Duration = Duration::from_millis(150);

/// Many calls at once: fifty a second for ten seconds.
const RUSH: u64 = 500;
const RUSH_EVERY: Duration = Duration::from_millis(20);

/// What the 99th percentile may be then: this, or so many commits of the disk.
const RUSH_MAX_MS: f64 = 20.0;
const RUSH_MAX_COMMITS: f64 = 3.0;

/// Commits timed before the rush, and after it.
const COMMITS: u32 = 250;

/// How long the last call of a round may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn measure(work: &Path, numbers: &mut Numbers, far: &mut FarEnds) -> Result<Measured> {
    let graph = Graph::start()?;
    let ours = Business::ours(work, graph.address, Answered::Only)?;
    let pipecat = Business::pipecat(graph.address, Answered::Only)?;
    let (mut pairs, mut all) = (Vec::new(), [Vec::new(), Vec::new()]);
    // The first round warms caches and is thrown away.
    for round in 0..=ROUNDS {
        let mut round_of = |business: &Business| {
            play(business, &graph, numbers, far, (CALLS, EVERY)).with_context(|| business.name)
        };
        let (our_round, their_round) = (round_of(&ours)?, round_of(&pipecat)?);
        if round > 0 {
            let pair = (middle(&our_round), middle(&their_round));
            eprintln!("  ours {:.2} ms, pipecat {:.2} ms", pair.0, pair.1);
            pairs.push(pair);
            all[0].extend(our_round);
            all[1].extend(their_round);
        }
    }
    let mut commits = disk::commits(&work.join("gateway"), COMMITS, RUSH_EVERY / 2)?;
    let rush = play(&ours, &graph, numbers, far, (RUSH, RUSH_EVERY))?;
    commits.extend(disk::commits(&work.join("gateway"), COMMITS, RUSH_EVERY / 2)?);
    let missed = [slower(&all)?, late(&rush, &commits)?];
    Ok(Measured::pairs(&pairs, Some(CALLS)).missing(missed.into_iter().flatten()))
}

/// Whether our slow calls are slower than pipecat's.
fn slower([ours, pipecat]: &[Vec<f64>; 2]) -> Result<Option<String>> {
    let p95 = |figures: &[f64]| percentile(figures, 95).context("nothing was measured");
    let (ours, theirs) = (p95(ours)?, p95(pipecat)?);
    eprintln!("  95th percentile: ours {ours:.2} ms, pipecat {theirs:.2} ms");
    Ok((ours > theirs).then(|| format!("95th percentile {ours:.1} ms, pipecat's {theirs:.1} ms")))
}

/// Whether a rush makes calls wait.
fn late(rush: &[f64], commits: &[f64]) -> Result<Option<String>> {
    let p99 = |figures: &[f64]| percentile(figures, 99).context("nothing was measured");
    let (rush_ms, commit_ms) = (p99(rush)?, p99(commits)?);
    eprintln!(
        "  50 calls a second: median {:.2} ms, 99th percentile {rush_ms:.2} ms; a commit {:.2} and \
         {commit_ms:.2} ms",
        middle(rush),
        middle(commits)
    );
    let allowed = RUSH_MAX_MS.max(RUSH_MAX_COMMITS * commit_ms);
    Ok((rush_ms > allowed).then(|| {
        format!(
            "99th percentile {rush_ms:.1} ms at 50 calls a second, allowed {allowed:.1} ms \
             (the disk's commit: {commit_ms:.1} ms)"
        )
    }))
}

/// Lets calls come at a pace and ends them; milliseconds from each webhook to its `pre_accept`.
fn play(
    business: &Business,
    graph: &Graph,
    numbers: &mut Numbers,
    far: &mut FarEnds,
    pace: (u64, Duration),
) -> Result<Vec<f64>> {
    let (calls, took) = bring(business, graph, numbers, far, pace)?;
    hang_up(business, &calls, far)?;
    Ok(took)
}

/// Lets calls come at a pace until all are connected; milliseconds from each webhook to its `pre_accept`.
pub(super) fn bring(
    business: &Business,
    graph: &Graph,
    numbers: &mut Numbers,
    far: &mut FarEnds,
    (count, every): (u64, Duration),
) -> Result<(Calls, Vec<f64>)> {
    let calls = numbers.take(count);
    let mut offers = Vec::new();
    for call in calls.clone() {
        offers.push(connect(call, &far.whatsapp_offer(call)?)?);
    }
    let mut left = Vec::new();
    let mut answers = Answers::default();
    let mut due = Instant::now();
    for webhook in &offers {
        while let Some(asked) = graph.next(due.saturating_duration_since(Instant::now())) {
            answers.note(asked, far)?;
        }
        left.push(business.send(webhook));
        due += every;
    }
    let until = Instant::now() + PATIENCE;
    while answers.accepted < count {
        let asked = graph.next(until.saturating_duration_since(Instant::now()));
        answers.note(asked.context("a call was not accepted")?, far)?;
    }
    far.whatsapp_connects(&calls)?;
    let mut took = Vec::new();
    for (call, left) in calls.clone().zip(left) {
        let left = sent(left)?;
        let at = answers.pre_accepted.get(&id(call)).context("a call without pre_accept")?;
        took.push(at.saturating_duration_since(left).as_secs_f64() * 1e3);
    }
    Ok((calls, took))
}

/// The users hang up, one after the other.
pub(super) fn hang_up(business: &Business, calls: &Calls, far: &mut FarEnds) -> Result<()> {
    for call in calls.clone() {
        sent(business.send(&terminate(call)?))?;
    }
    // What the process still does belongs to this round.
    thread::sleep(Duration::from_millis(200));
    far.close(calls)
}

/// When a webhook left.
fn sent(sender: JoinHandle<Result<Instant>>) -> Result<Instant> {
    sender.join().map_err(|_| anyhow!("a webhook's sender panicked"))?
}

/// What the business asked for.
#[derive(Debug, Default)]
struct Answers {
    pre_accepted: BTreeMap<String, Instant>,
    accepted: u64,
}

impl Answers {
    fn note(&mut self, asked: Asked, far: &mut FarEnds) -> Result<()> {
        match asked.action.as_str() {
            "pre_accept" => {
                let number = asked.call.rsplit('.').next().and_then(|call| call.parse().ok());
                let sdp = asked.sdp.context("a pre_accept without SDP")?;
                self.pre_accepted.insert(asked.call, asked.at);
                far.whatsapp_takes(number.context("a call that is not ours")?, &sdp)?;
            }
            "accept" => self.accepted += 1,
            // What is asked about calls that are over.
            _ => {}
        }
        Ok(())
    }
}

fn id(call: u64) -> String {
    format!("wacid.{call}")
}

fn connect(call: u64, offer: &str) -> Result<Value> {
    let session = json!({ "sdp_type": "offer", "sdp": offer });
    webhook(call, json!({ "event": "connect", "session": session }))
}

fn terminate(call: u64) -> Result<Value> {
    let now = now()?;
    let figures = json!({ "event": "terminate", "status": "COMPLETED", "duration": 1,
        "start_time": (now - 1).to_string(), "end_time": now.to_string() });
    webhook(call, figures)
}

/// A webhook about a call; every call is another user's.
fn webhook(call: u64, more: Value) -> Result<Value> {
    let user = format!("55119{call:08}");
    let mut entry = json!({ "id": id(call), "from": user, "to": "551140000000",
        "direction": "USER_INITIATED", "timestamp": now()?.to_string() });
    if let (Some(entry), Value::Object(more)) = (entry.as_object_mut(), more) {
        entry.extend(more);
    }
    Ok(json!({ "object": "whatsapp_business_account", "entry": [{ "id": "201234567890123",
        "changes": [{ "field": "calls", "value": { "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "551140000000",
                "phone_number_id": "109876543210987" },
            "contacts": [{ "profile": { "name": "Ana" }, "wa_id": user }],
            "calls": [entry] } }] }] }))
}

fn now() -> Result<u64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Ok(since.context("the clock is before 1970")?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rush_may_take_as_long_as_three_commits_on_a_slow_disk() {
        let rush = vec![45.0; 100];
        assert_eq!(late(&rush, &[20.0; 100]).unwrap(), None);
        assert!(late(&rush, &[5.0; 100]).unwrap().is_some());
        assert_eq!(late(&[15.0; 100], &[1.0; 100]).unwrap(), None);
    }

    #[test]
    fn a_webhook_is_one_the_gateway_reads() {
        let body = connect(7, "v=0\r\n").unwrap().to_string();
        let envelope = wire::webhook::envelope::Envelope::parse(body.as_bytes());
        assert!(envelope.is_ok(), "{envelope:?}");
    }
}
