//! How does the task of a call begin?
//!
//! With a user's call that arrived, or with a call that an agent, a program or a flow places. A call
//! has one task: a second one for the same id is not started.

use std::sync::Arc;

use sip::CallIn;
use switchboard::{
    call::{Answerer, Call, Input, Plan},
    flow::Caller,
};
use terms::{AgentId, CallId, Timestamp};
use tokio::sync::oneshot;
use wire::{SdpText, console::Peer, trace::TraceParent};

use super::{
    actor::{CallActor, First},
    caller::Caller as Telephone,
    clearance::Cleared,
    facts::Facts,
    legs::{self, AgentLeg},
    placing::{NotPlaced, Placer},
    registry::{CallHandle, OPAQUE_PREFIX, Receipt},
    timeline::Point,
};
use crate::{
    clock,
    events::ConsoleId,
    flows::{ask::Question, facts},
    line::Line,
    office::Office,
    telemetry::trace::CallTrace,
    upstream_sip::dialogue::{Dialogue, Whose},
};

/// What a user's call brought with it.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) call_id: CallId,
    pub(crate) contact: Peer,
    pub(crate) started_at: Timestamp,
    pub(crate) offer: SdpText,
    pub(crate) deeplink_payload: Option<String>,
    pub(crate) cta_payload: Option<String>,
    /// What a flow may know of the user.
    pub(crate) caller: Caller,
    pub(crate) trace: Option<CallTrace>,
    /// Dropped once the call is on disk.
    pub(crate) receipt: Receipt,
    pub(crate) signalling: Signalling,
}

/// By what the platform is spoken to about a user's call.
#[derive(Debug)]
pub(crate) enum Signalling {
    /// Requests and webhooks.
    Graph,
    /// This call of SIP's.
    Sip(CallIn),
}

/// What an agent wants placed.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) to: Cleared,
    pub(crate) name: Option<String>,
    pub(crate) agent: AgentId,
    pub(crate) console: ConsoleId,
    pub(crate) offer: SdpText,
    /// The program that waits to hear, if one does.
    pub(crate) program: Option<oneshot::Sender<Result<CallId, NotPlaced>>>,
}

/// Starts the task of a user's call; `false` when it runs already.
pub(crate) fn take(office: &Arc<Office>, line: &Arc<Line>, incoming: Incoming) -> bool {
    let (handle, inbox) = CallHandle::new(line.id().clone());
    let entered = office.registry.enter(&incoming.call_id, handle.clone());
    let Some(entered) = entered else { return false };
    let dialogue = match incoming.signalling {
        Signalling::Graph => None,
        Signalling::Sip(call) => {
            let (line, call_id) = (Arc::clone(line), incoming.call_id.clone());
            Some(Dialogue::of_user(call, Whose { line, call_id, call: handle }))
        }
    };
    let mut facts = Facts::new(incoming.contact, incoming.started_at);
    let question = Question::new(
        incoming.call_id.clone(),
        line.digits(),
        incoming.started_at,
        &incoming.caller,
    );
    facts.call_id = Some(incoming.call_id);
    facts.theirs = Some(incoming.offer);
    facts.deeplink_payload = incoming.deeplink_payload;
    facts.cta_payload = incoming.cta_payload;
    let mut effects = Vec::new();
    let asker = line.asker.as_ref().filter(|_| !entered.too_late);
    let plan = Plan { flow_asked: asker.is_some(), ..plan(office, line, incoming.caller) };
    let call = Call::incoming(plan, &mut effects);
    let place = (Arc::clone(office), Arc::clone(line));
    let mut actor = CallActor::new(place, call, facts, inbox, entered.running);
    actor.trace = incoming.trace;
    actor.dialogue = dialogue;
    if let Some(asker) = asker.cloned() {
        actor.ask_for_flow(asker, question);
    }
    actor.pass(Point::Arrived);
    let first = First {
        effects,
        input: entered.too_late.then_some(Input::Stop),
        receipt: Some(incoming.receipt),
    };
    tokio::spawn(actor.run(first));
    true
}

/// Why a call cannot be placed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// The agent's browser cannot have a leg.
    #[error(transparent)]
    Leg(legs::AgentLegError),
    /// The gateway stops.
    #[error("The gateway is being stopped and places no more calls.")]
    Stopping,
}

/// Starts the task of a call to a user. The agent is claimed for it.
///
/// # Errors
///
/// The browser's offer cannot be used, or the gateway stops.
pub(crate) fn place(
    office: &Arc<Office>,
    line: &Arc<Line>,
    outgoing: Outgoing,
    parent: Option<TraceParent>,
) -> Result<(), PlaceError> {
    let Outgoing { to, name, agent, console, offer, program } = outgoing;
    let leg = legs::answer_agent(&office.engine, None, agent.clone(), console, &offer)
        .map_err(PlaceError::Leg)?;
    let answerer = Answerer::Agent(agent);
    let placer = match program {
        Some(program) => Placer::Both { console, program },
        None => Placer::Console(console),
    };
    let ours = Ours { placer: Some(placer), leg: Some(leg), caller: None };
    start_placed((office, line), (to, name), answerer, ours, parent)
}

/// Starts the task of a call to a user that the flow answers on our side.
///
/// # Errors
///
/// The gateway stops.
pub(super) fn place_flow(
    office: &Arc<Office>,
    line: &Arc<Line>,
    to: Cleared,
    name: Option<String>,
    placer: Placer,
    parent: Option<TraceParent>,
) -> Result<(), PlaceError> {
    let ours = Ours { placer: Some(placer), leg: None, caller: None };
    start_placed((office, line), (to, name), Answerer::Flow, ours, parent)
}

/// Starts the task of a call to a user that a telephone of the house places.
///
/// # Errors
///
/// The gateway stops.
pub(crate) fn place_telephone(
    office: &Arc<Office>,
    line: &Arc<Line>,
    to: Cleared,
    caller: Telephone,
) -> Result<(), PlaceError> {
    let answerer = Answerer::Telephone {
        trunk: caller.road.trunk.name.clone(),
        extension: caller.extension.clone(),
    };
    let ours = Ours { placer: None, leg: None, caller: Some(caller) };
    start_placed((office, line), (to, None), answerer, ours, None)
}

/// The same of an agent's telephone. The agent is claimed for it.
///
/// # Errors
///
/// The gateway stops.
pub(crate) fn place_for(
    office: &Arc<Office>,
    line: &Arc<Line>,
    to: Cleared,
    agent: AgentId,
    caller: Telephone,
) -> Result<(), PlaceError> {
    let ours = Ours { placer: None, leg: None, caller: Some(caller) };
    start_placed((office, line), (to, None), Answerer::Agent(agent), ours, None)
}

/// Who of ours is in a call that is placed.
struct Ours {
    placer: Option<Placer>,
    leg: Option<AgentLeg>,
    caller: Option<Telephone>,
}

fn start_placed(
    (office, line): (&Arc<Office>, &Arc<Line>),
    (to, name): (Cleared, Option<String>),
    answerer: Answerer,
    ours: Ours,
    parent: Option<TraceParent>,
) -> Result<(), PlaceError> {
    let (handle, inbox) = CallHandle::new(line.id().clone());
    let opaque = format!("{OPAQUE_PREFIX}{}", uuid::Uuid::now_v7());
    let running = office.registry.enter_placed(&opaque, handle).ok_or(PlaceError::Stopping)?;
    let now = clock::now();
    let asked_at = to.asked_at();
    let (to, parent_user_id) = to.into_user();
    let caller = facts::of_placed(&to, name.as_deref());
    let contact = Peer { parent_user_id, ..Peer::of(&to, name) };
    // As a user's call, by the platform's clock: waits and months are counted in it.
    let mut facts = Facts::new(contact, line.now());
    facts.opaque = Some(opaque);
    facts.agent = answerer.agent().cloned();
    facts.placer = ours.placer;
    let mut effects = Vec::new();
    let call = Call::outgoing(plan(office, line, caller), answerer, now, &mut effects);
    let place = (Arc::clone(office), Arc::clone(line));
    let mut actor = CallActor::new(place, call, facts, inbox, running);
    actor.agent_leg = ours.leg;
    actor.caller = ours.caller;
    actor.trace = office.telemetry.call(parent, asked_at);
    if let Some(trace) = &actor.trace {
        trace.note("rule_check", asked_at, now);
    }
    tokio::spawn(actor.run(First { effects, input: None, receipt: None }));
    Ok(())
}

fn plan(office: &Office, line: &Line, caller: Caller) -> Plan {
    Plan {
        ring_for: office.config.ring_for,
        return_for: office.config.return_for,
        ring_first: office.config.ring_first.unwrap_or_else(|| line.organisation.queues.are_none()),
        flow: line.shelf.flow.as_ref().map(Arc::clone),
        flow_asked: false,
        caller,
    }
}
