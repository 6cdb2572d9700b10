//! Who is offered which call.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use offhook_switchboard::{
    agent::Skills,
    queue::{Duty, Effect, Entry, Floor, Input, Left, Overflow, Rules, Taker, Ticket},
};
use proptest::prelude::*;
use terms::{AgentId, Timestamp};

use crate::desk::agent;

const AGENTS: [(&str, &[&str]); 3] =
    [("lia", &["billing", "pt"]), ("rui", &["billing"]), ("sol", &[])];
const QUEUES: [(&str, &[&str]); 3] = [("any", &[]), ("billing", &["billing"]), ("pt", &["pt"])];

fn at(seconds: u64) -> Timestamp {
    // Noon, so that no test crosses midnight.
    Timestamp::from_unix(1_782_993_600) + Duration::from_secs(seconds)
}

fn skills(words: &[&str]) -> Skills {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn call(number: usize) -> Ticket {
    Ticket::Call(format!("wacid.{number}").parse().unwrap())
}

fn entry(queue: &str) -> Entry {
    Entry {
        queue: queue.into(),
        priority: 0,
        max_wait: Some(Duration::from_secs(120)),
        max_length: 5,
        unless_nobody: false,
    }
}

struct Hall {
    floor: Floor,
    now: u64,
}

impl Hall {
    fn new() -> Self {
        let rules = |words| Rules {
            skills: skills(words),
            ring_for: Duration::from_secs(15),
            in_time: Duration::from_secs(20),
            zone: jiff::tz::TimeZone::UTC,
        };
        let queues = QUEUES.map(|(name, words)| (name.to_owned(), rules(words)));
        Self { floor: Floor::new(queues, at(0)), now: 0 }
    }

    fn handle(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.floor.handle(input, at(self.now), &mut effects);
        effects
    }

    fn enters(&mut self, number: usize, entry: Entry) -> Vec<Effect> {
        self.handle(Input::Enters { ticket: call(number), entry, since: at(self.now) })
    }

    fn duties(&mut self, duties: &[(&str, Duty)]) -> Vec<Effect> {
        let takers = duties.iter().map(|(name, duty)| taker(&agent(name), *duty)).collect();
        self.handle(Input::Duties(takers))
    }

    fn after(&mut self, seconds: u64) -> Vec<Effect> {
        self.now += seconds;
        self.handle(Input::Tick)
    }
}

/// What one of [`AGENTS`] knows about.
fn known_to(id: &AgentId) -> Skills {
    let known = AGENTS.iter().find(|(name, _)| *name == id.as_str());
    known.map_or_else(Skills::new, |(_, words)| skills(words))
}

fn taker(id: &AgentId, duty: Duty) -> (AgentId, Taker) {
    (id.clone(), Taker { duty, skills: known_to(id) })
}

fn offer(number: usize, to: &str) -> Effect {
    Effect::Offer { ticket: call(number), agent: agent(to) }
}

fn place(number: usize, position: usize, estimate: Option<u64>) -> Effect {
    let estimate = estimate.map(Duration::from_secs);
    Effect::Place { ticket: call(number), position, estimate }
}

fn free(since: u64) -> Duty {
    Duty::Free(at(since))
}

#[test]
fn the_longest_idle_agent_gets_the_longest_waiting_call() {
    let mut hall = Hall::new();
    assert_eq!(hall.enters(1, entry("billing")), [place(1, 1, None)]);
    hall.now = 3;
    assert_eq!(hall.enters(2, entry("billing")), [place(2, 2, None)]);
    let both = [("rui", free(1)), ("lia", free(2))];
    assert_eq!(hall.duties(&both), [offer(1, "rui"), offer(2, "lia")]);
    assert_eq!(hall.duties(&both), [], "each is offered once");
}

#[test]
fn who_learns_a_skill_is_offered_what_waits_for_it_and_who_forgets_it_is_not() {
    let mut hall = Hall::new();
    let knows = |words: &[&str]| {
        let takers = [("nina", skills(words)), ("otto", Skills::new())];
        let taker = |(name, skills)| (agent(name), Taker { duty: free(0), skills });
        Input::Duties(takers.map(taker).into())
    };
    hall.handle(knows(&[]));
    assert_eq!(hall.enters(1, entry("pt")), [place(1, 1, None)], "nobody knows about it");
    assert_eq!(hall.handle(knows(&["pt"])), [offer(1, "nina")]);
    let answered = Left::Answered(agent("nina"));
    hall.handle(Input::Leaves { ticket: call(1), left: answered });
    hall.handle(knows(&[]));
    assert_eq!(hall.enters(2, entry("pt")), [place(2, 1, None)]);
    assert_eq!(hall.floor.staff("pt").free, 0);
}

#[test]
fn who_declines_or_does_not_answer_is_offered_it_again_only_after_a_pause() {
    let mut hall = Hall::new();
    hall.duties(&[("rui", free(0)), ("lia", free(1))]);
    assert_eq!(hall.enters(1, entry("billing")), [offer(1, "rui"), place(1, 1, None)]);
    let passes = Input::Passes { ticket: call(1), agent: agent("rui") };
    assert_eq!(hall.handle(passes), [offer(1, "lia")]);
    let withdraw = |to| Effect::Withdraw { ticket: call(1), agent: agent(to) };
    assert_eq!(hall.floor.next_timeout().unwrap().1, "an agent to answer");
    assert_eq!(hall.after(15), [withdraw("lia"), offer(1, "rui")], "rui's pause is over");
    assert_eq!(hall.after(15), [withdraw("rui"), offer(1, "lia")]);
}

#[test]
fn an_agent_who_goes_away_while_it_rings_leaves_the_call_to_the_next() {
    let mut hall = Hall::new();
    hall.duties(&[("rui", free(0)), ("lia", free(1))]);
    hall.enters(1, entry("billing"));
    let withdrawn = Effect::Withdraw { ticket: call(1), agent: agent("rui") };
    assert_eq!(hall.duties(&[("lia", free(1))]), [withdrawn, offer(1, "lia")]);
}

#[test]
fn the_estimate_is_what_calls_take_shared_among_who_is_on_duty() {
    let mut hall = Hall::new();
    hall.duties(&[("lia", free(0))]);
    hall.enters(1, entry("billing"));
    let left = Left::Answered(agent("lia"));
    assert_eq!(hall.handle(Input::Leaves { ticket: call(1), left }), []);
    assert_eq!(hall.enters(2, entry("billing")), [place(2, 1, None)], "no call was handled yet");
    hall.now = 40;
    hall.duties(&[("lia", Duty::Busy), ("rui", Duty::Busy)]);
    hall.now = 60;
    hall.duties(&[("lia", Duty::WrapUp), ("rui", Duty::Busy)]);
    hall.now = 80;
    let effects = hall.duties(&[("lia", Duty::Ringing), ("rui", Duty::Busy)]);
    assert_eq!(effects, [], "80 s with wrap-up");
    assert_eq!(hall.enters(3, entry("billing")), [place(3, 2, Some(80))]);
    let today = hall.floor.today("billing", at(80)).unwrap();
    assert_eq!((today.answered, today.service_level_percent()), (1, Some(100)));
    assert_eq!(hall.floor.staff("billing").busy, 1);
}

#[test]
fn a_queue_that_cannot_keep_a_call_says_why() {
    let mut hall = Hall::new();
    let over = |number, why| Effect::Overflow { ticket: call(number), why };
    let nobody = Entry { unless_nobody: true, ..entry("pt") };
    assert_eq!(hall.enters(1, nobody.clone()), [over(1, Overflow::NobodyThere)]);
    hall.duties(&[("lia", Duty::Busy)]);
    assert_eq!(hall.enters(1, nobody), [place(1, 1, None)], "lia will be free some time");
    assert_eq!(hall.enters(2, entry("nowhere")), [over(2, Overflow::NoQueue)]);
    let short = Entry { max_length: 1, ..entry("pt") };
    assert_eq!(hall.enters(2, short), [over(2, Overflow::Full)]);
    assert_eq!(hall.after(119), []);
    assert_eq!(hall.after(1), [over(1, Overflow::WaitedTooLong)]);
    assert_eq!(hall.floor.today("pt", at(0)).unwrap().overflowed, 3);
}

#[test]
fn a_call_that_rings_at_an_agent_is_not_let_go_and_a_callback_waits_as_long_as_it_takes() {
    let mut hall = Hall::new();
    hall.enters(1, entry("any"));
    hall.now = 119;
    assert_eq!(hall.duties(&[("sol", free(0))]), [offer(1, "sol")]);
    assert_eq!(hall.after(5), []);
    let left = Input::Leaves { ticket: call(1), left: Left::CalledBack };
    assert_eq!(hall.handle(left), []);
    let ticket = Ticket::Callback("b1".into());
    hall.duties(&[]);
    hall.handle(Input::Enters { ticket: ticket.clone(), entry: entry("any"), since: at(0) });
    hall.enters(2, entry("any"));
    assert_eq!(hall.floor.waiting("any")[0].ticket, ticket, "it kept its place");
    hall.after(119);
    assert_eq!(hall.floor.waiting("any").len(), 2);
    assert_eq!(hall.floor.next_timeout(), Some((at(244), "the longest wait")));
}

#[test]
fn a_higher_priority_goes_first() {
    let mut hall = Hall::new();
    hall.enters(1, entry("any"));
    hall.now = 5;
    hall.enters(2, Entry { priority: 5, ..entry("any") });
    assert_eq!(hall.duties(&[("sol", free(0))]), [offer(2, "sol")]);
}

/// What a test does: to call `n` in queue `q`, or to agent `a`.
#[derive(Debug, Clone)]
enum Deed {
    Enter { n: usize, q: usize, priority: u8 },
    Leave { n: usize },
    Answer { n: usize },
    Pass { n: usize },
    Duty { a: usize, duty: usize },
    Wait { seconds: u64 },
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (0..8usize, 0..3usize, 0..2u8).prop_map(|(n, q, priority)| Deed::Enter { n, q, priority }),
        (0..8usize).prop_map(|n| Deed::Leave { n }),
        (0..8usize).prop_map(|n| Deed::Answer { n }),
        (0..8usize).prop_map(|n| Deed::Pass { n }),
        (0..3usize, 0..5usize).prop_map(|(a, duty)| Deed::Duty { a, duty }),
        (0..40u64).prop_map(|seconds| Deed::Wait { seconds }),
    ]
}

/// What must be true, kept apart from the floor.
#[derive(Default)]
struct Model {
    waits: BTreeMap<Ticket, (usize, u8, u64)>,
    offers: BTreeMap<Ticket, AgentId>,
    duty: BTreeMap<AgentId, Duty>,
    passed: BTreeMap<(Ticket, AgentId), u64>,
}

impl Model {
    fn fits(&self, agent: &AgentId, queue: usize) -> bool {
        skills(QUEUES[queue].1).is_subset(&known_to(agent))
    }

    fn take(&mut self, effects: &[Effect], now: u64) {
        for effect in effects {
            match effect {
                Effect::Offer { ticket, agent } => {
                    let (queue, ..) = self.waits[ticket];
                    assert!(self.fits(agent, queue), "{agent} lacks a skill for {ticket:?}");
                    assert!(matches!(self.duty.get(agent), Some(Duty::Free(_))));
                    assert!(
                        self.offers.values().all(|other| other != agent),
                        "two calls, one agent"
                    );
                    let before = self.offers.insert(ticket.clone(), agent.clone());
                    assert_eq!(before, None, "one call, two agents");
                }
                Effect::Withdraw { ticket, agent } => {
                    assert_eq!(self.offers.remove(ticket).as_ref(), Some(agent));
                    self.passed.insert((ticket.clone(), agent.clone()), now + 10);
                }
                Effect::Overflow { ticket, why: _ } => {
                    assert!(!self.offers.contains_key(ticket));
                    self.waits.remove(ticket);
                }
                Effect::Place { .. } => {}
            }
        }
    }

    /// No free agent sits while a call waits that the agent may be offered, and who was offered
    /// one had no call before it to take.
    fn check(&self, effects: &[Effect], now: u64) {
        let may = |ticket: &Ticket, agent: &AgentId| {
            let passed = self.passed.get(&(ticket.clone(), agent.clone()));
            self.fits(agent, self.waits[ticket].0) && passed.is_none_or(|until| *until <= now)
        };
        let waits: Vec<&Ticket> =
            self.waits.keys().filter(|ticket| !self.offers.contains_key(ticket)).collect();
        let busy: BTreeSet<&AgentId> = self.offers.values().collect();
        for (agent, _) in self.duty.iter().filter(|(_, duty)| matches!(duty, Duty::Free(_))) {
            if !busy.contains(agent) {
                assert!(!waits.iter().any(|ticket| may(ticket, agent)), "{agent} sits");
            }
        }
        for effect in effects {
            let Effect::Offer { ticket, agent } = effect else { continue };
            let Some((_, priority, since)) = self.waits.get(ticket) else { continue };
            for other in waits.iter().filter(|other| may(other, agent)) {
                let (_, their_priority, their_since) = self.waits[*other];
                let behind = (their_priority, std::cmp::Reverse(their_since))
                    <= (*priority, std::cmp::Reverse(*since));
                assert!(behind, "{other:?} waited longer than {ticket:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_offered_twice_and_nothing_is_lost(deeds in prop::collection::vec(deed(), 1..60)) {
        let mut hall = Hall::new();
        let mut model = Model::default();
        for deed in deeds {
            let input = match deed {
                Deed::Enter { n, q, priority } => {
                    let ticket = call(n);
                    if model.waits.contains_key(&ticket) {
                        continue;
                    }
                    model.passed.retain(|(passed, _), _| *passed != ticket);
                    model.waits.insert(ticket.clone(), (q, priority, hall.now));
                    let entry = Entry { priority, ..entry(QUEUES[q].0) };
                    Input::Enters { ticket, entry, since: at(hall.now) }
                }
                Deed::Leave { n } => {
                    model.waits.remove(&call(n));
                    model.offers.remove(&call(n));
                    Input::Leaves { ticket: call(n), left: Left::Abandoned }
                }
                Deed::Answer { n } => {
                    let Some(agent) = model.offers.remove(&call(n)) else { continue };
                    model.waits.remove(&call(n));
                    model.duty.insert(agent.clone(), Duty::Busy);
                    Input::Leaves { ticket: call(n), left: Left::Answered(agent) }
                }
                Deed::Pass { n } => {
                    let Some(agent) = model.offers.remove(&call(n)) else { continue };
                    model.passed.insert((call(n), agent.clone()), hall.now + 10);
                    Input::Passes { ticket: call(n), agent }
                }
                Deed::Duty { a, duty } => {
                    let all = [free(hall.now), Duty::Ringing, Duty::Busy, Duty::WrapUp, Duty::Off];
                    model.duty.insert(agent(AGENTS[a].0), all[duty]);
                    Input::Duties(model.duty.iter().map(|(id, duty)| taker(id, *duty)).collect())
                }
                Deed::Wait { seconds } => {
                    hall.now += seconds;
                    Input::Tick
                }
            };
            let effects = hall.handle(input);
            model.take(&effects, hall.now);
            model.check(&effects, hall.now);
            let names = QUEUES.iter();
            let kept: BTreeSet<Ticket> = names
                .flat_map(|(name, _)| hall.floor.waiting(name))
                .map(|waiting| waiting.ticket)
                .collect();
            let wanted: BTreeSet<Ticket> = model.waits.keys().cloned().collect();
            prop_assert_eq!(kept, wanted, "nothing is lost");
        }
    }
}
