//! Every state against every input, in one snapshot.

use std::fmt::Write as _;

use offhook_switchboard::call::{
    Answerer, Consulted, Destination, Input, LegTrouble, Manner, Outcome, Side, State, Status,
    Termination,
};

use offhook_switchboard::{
    flow::{FromBot, FromQueue, FromTrunk, Room},
    queue::Overflow,
};

use crate::desk::{Desk, agent, key, refused, unreachable};

/// A name and how to get there.
type Place = (&'static str, fn() -> Desk);

fn states() -> Vec<Place> {
    vec![
        ("Opening", || Desk::incoming(true)),
        ("Offered, nobody asked", offered),
        ("Offered, lia rings", || offered().after(Input::Rung(vec![agent("lia")]))),
        ("Offered, lia answered", || {
            offered()
                .after(Input::Rung(vec![agent("lia")]))
                .after(Input::AgentAnswered(agent("lia")))
        }),
        ("Accepting", accepting),
        ("Joining", joining),
        ("InFlow, menu", || {
            offered()
                .after(Input::Rung(vec![]))
                .after(Input::PreAccepted(Outcome::Done))
                .after(Input::MediaConnected)
                .after(Input::Accepted(Outcome::Done))
        }),
        ("Bridged", bridged),
        ("Held", || bridged().after(Input::AgentHolds(agent("lia")))),
        ("Held, lia is away", || bridged().after(Input::AgentGone(agent("lia")))),
        ("Transferring, rui rings", || bridged().after(to_rui())),
        ("Transferring, back to lia", || {
            bridged().after(to_rui()).after(Input::AgentDeclined(agent("rui")))
        }),
        ("Consulting, rui rings", || bridged().after(asks_rui())),
        ("Consulting, rui talks", || {
            bridged().after(asks_rui()).after(Input::AgentAnswered(agent("rui")))
        }),
        ("Inquiring, the telephone rings", || bridged().after(asks_telephone())),
        ("Inquiring, the telephone talks", || {
            bridged().after(asks_telephone()).after(Input::Trunk(FromTrunk::Answers))
        }),
        ("ThreeWay", || {
            bridged()
                .after(asks_rui())
                .after(Input::AgentAnswered(agent("rui")))
                .after(Input::AgentMerges(agent("lia")))
        }),
        ("ThreeWay, with the telephone", || {
            bridged()
                .after(asks_telephone())
                .after(Input::Trunk(FromTrunk::Answers))
                .after(Input::AgentMerges(agent("lia")))
        }),
        ("Bridged, sol listens", || bridged().after(Input::SupervisorListens(agent("sol")))),
        ("Placing", Desk::outgoing),
        ("Dialing", dialing),
        ("Ringing", || dialing().after(Input::Status(Status::Ringing))),
        ("Ringing, the flow will speak", || {
            Desk::outgoing_by(Answerer::Flow)
                .after(Input::Placed(Outcome::Done))
                .after(Input::Status(Status::Ringing))
        }),
        ("Ending", || joining().after(Input::AgentHungUp(agent("lia")))),
        ("Ending, never placed", || Desk::outgoing().after(Input::AgentHungUp(agent("lia")))),
        ("Ended", || {
            joining().after(Input::Terminated(Termination { picked_up: true, error: None }))
        }),
    ]
}

fn offered() -> Desk {
    Desk::incoming(true).after(Input::LegReady)
}

fn accepting() -> Desk {
    offered()
        .after(Input::Rung(vec![agent("lia")]))
        .after(Input::AgentAnswered(agent("lia")))
        .after(Input::PreAccepted(Outcome::Done))
}

fn joining() -> Desk {
    accepting().after(Input::Accepted(Outcome::Done))
}

fn bridged() -> Desk {
    joining().after(Input::MediaConnected)
}

fn to_rui() -> Input {
    Input::AgentTransfers { agent: agent("lia"), to: Destination::Agent(agent("rui")) }
}

fn asks_telephone() -> Input {
    let with = Consulted::Telephone { trunk: "pbx".into(), extension: "201".into() };
    Input::AgentConsults { agent: agent("lia"), with }
}

fn asks_rui() -> Input {
    Input::AgentConsults { agent: agent("lia"), with: Consulted::Agent(agent("rui")) }
}

fn dialing() -> Desk {
    Desk::outgoing().after(Input::Placed(Outcome::Done))
}

fn turns(to: Manner) -> Input {
    Input::SupervisorTurns { supervisor: agent("sol"), to }
}

fn to_step(step: Option<&str>) -> Input {
    let to = Destination::Flow { step: step.map(str::to_owned) };
    Input::AgentTransfers { agent: agent("lia"), to }
}

fn inputs() -> Vec<Input> {
    let mut inputs = of_the_platform();
    inputs.extend(of_us());
    inputs
}

fn of_the_platform() -> Vec<Input> {
    vec![
        Input::LegReady,
        Input::LegUnusable(LegTrouble::TheirSession("no audio".into())),
        Input::LegUnusable(LegTrouble::OurSocket("no port".into())),
        Input::PreAccepted(Outcome::Done),
        Input::PreAccepted(refused(100)),
        Input::PreAccepted(unreachable()),
        Input::Accepted(Outcome::Done),
        Input::Accepted(refused(100)),
        Input::Accepted(unreachable()),
        Input::Placed(Outcome::Done),
        Input::Placed(refused(138_006)),
        Input::Placed(unreachable()),
        Input::Closed(Outcome::Done),
        Input::Closed(refused(100)),
        Input::Closed(unreachable()),
        Input::AnswerArrived,
        Input::Status(Status::Ringing),
        Input::Status(Status::Accepted),
        Input::Status(Status::Rejected),
        Input::Terminated(Termination { picked_up: false, error: None }),
        Input::Terminated(Termination { picked_up: true, error: None }),
        Input::Terminated(Termination {
            picked_up: true,
            error: Some((138_021, "timeout".into())),
        }),
    ]
}

fn of_us() -> Vec<Input> {
    let lia = || agent("lia");
    vec![
        Input::Rung(vec![]),
        Input::Rung(vec![lia()]),
        Input::AgentAnswered(lia()),
        Input::AgentDeclined(lia()),
        Input::AgentHungUp(lia()),
        Input::AgentGone(lia()),
        Input::AgentAnswered(agent("rui")),
        Input::AgentDeclined(agent("rui")),
        Input::AgentHungUp(agent("rui")),
        Input::AgentGone(agent("rui")),
        Input::AgentHolds(lia()),
        Input::AgentResumes(lia()),
        Input::AgentReturned(lia()),
        Input::AgentTransfers { agent: lia(), to: Destination::Agent(agent("rui")) },
        Input::AgentTransfers { agent: lia(), to: Destination::Agent(lia()) },
        to_step(None),
        to_step(Some("nowhere")),
        Input::AgentTransfers { agent: lia(), to: Destination::Room(Room::Bot("b".into())) },
        Input::AgentConsults { agent: lia(), with: Consulted::Agent(agent("rui")) },
        Input::AgentConsults { agent: lia(), with: Consulted::Agent(lia()) },
        asks_telephone(),
        Input::AgentCompletes(lia()),
        Input::AgentMerges(lia()),
        Input::SupervisorListens(agent("sol")),
        turns(Manner::Whispering),
        turns(Manner::Joined),
        Input::SupervisorLeaves(agent("sol")),
        Input::AgentKey(key('5')),
        Input::AgentMute { agent: lia(), on: true },
        Input::AgentMute { agent: agent("rui"), on: true },
        Input::MediaConnected,
        Input::MediaHeard,
        Input::MediaStopped { seconds: 20 },
        Input::MediaStopped { seconds: 30 },
        Input::MediaFailed { side: Side::Whatsapp, why: "gone".into() },
        Input::MediaFailed { side: Side::Agent, why: "gone".into() },
        Input::MediaFailed { side: Side::Consulted, why: "gone".into() },
        Input::MediaFailed { side: Side::Supervisor, why: "gone".into() },
        Input::FlowChosen(None),
        Input::UserKey(key('1')),
        Input::UserSilent,
        Input::Queue(FromQueue::Offered(lia())),
        Input::Queue(FromQueue::Overflow(Overflow::Full)),
        Input::Bot(FromBot::Done),
        Input::Trunk(FromTrunk::Answers),
        Input::PlaybackDone,
        Input::Stop,
        Input::Tick,
    ]
}

fn short(state: &State) -> &'static str {
    match state {
        State::Opening => "Opening",
        State::Offered(_) => "Offered",
        State::Accepting { .. } => "Accepting",
        State::Joining { .. } => "Joining",
        State::InFlow(_) => "InFlow",
        State::Bridged { .. } => "Bridged",
        State::Held(_) => "Held",
        State::Transferring(_) => "Transferring",
        State::Consulting(_) => "Consulting",
        State::Inquiring(_) => "Inquiring",
        State::ThreeWay(_) => "ThreeWay",
        State::Placing(_) => "Placing",
        State::Dialing(_) => "Dialing",
        State::Ringing(_) => "Ringing",
        State::Ending { .. } => "Ending",
        State::Ended { .. } => "Ended",
    }
}

#[test]
fn every_state_knows_what_to_do_with_every_input() {
    let mut table = String::new();
    for (name, state) in states() {
        writeln!(table, "\n## {name}").unwrap();
        for input in inputs() {
            let mut desk = state();
            let shown = format!("{input:?}");
            let before = format!("{:?}", desk.call.state());
            let (handled, effects) = desk.handle(input);
            match handled {
                Ok(()) => {
                    let after = short(desk.call.state());
                    writeln!(table, "{shown} -> {after} {effects:?}").unwrap();
                }
                Err(_) => {
                    assert_eq!(format!("{:?}", desk.call.state()), before, "{name}: {shown}");
                    let rest =
                        if effects.is_empty() { String::new() } else { format!(" {effects:?}") };
                    writeln!(table, "{shown} -> refused{rest}").unwrap();
                }
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_same_input_twice_never_starts_a_second_thing() {
    use offhook_switchboard::call::Effect;
    for (name, state) in states() {
        for input in inputs() {
            let mut desk = state();
            let _first = desk.handle(input.clone());
            let (_, effects) = desk.handle(input.clone());
            let starts = |effect: &Effect| {
                matches!(
                    effect,
                    Effect::Accept | Effect::PreAccept | Effect::Connect | Effect::OpenGate
                )
            };
            assert!(!effects.iter().any(starts), "{name}: {input:?} twice: {effects:?}");
        }
    }
}
