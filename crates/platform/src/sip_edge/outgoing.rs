//! How does a user's call reach the business's SIP server, and what comes of it there?

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use rules::{
    call::{Input, LegFailure},
    settings::SipServer,
    sip::{Parting, refused},
};
use sip::{Call, Credentials, End, Invite, Limits, News, Target, Transport, Wish, Word};
use terms::Party;
use tokio::sync::mpsc;

use super::{
    Edge, Line, Order, RINGS,
    incoming::may_call,
    line::{Ear, bye},
};
use crate::{
    calls::{
        Facts, Finding,
        findings::{self, signalling},
    },
    sdp,
    world::World,
};

/// How long the business's server may say nothing to our INVITE.
const ANSWERS: Duration = Duration::from_secs(10);
/// How long a CANCEL or BYE waits for its answer.
const LEAVES: Duration = Duration::from_secs(5);

/// Sends a user's call to its business; what comes of it is told to the call.
pub(crate) fn begin(world: &Arc<World>, facts: &Facts) -> Line {
    let (line, orders) = Line::new();
    if let Some(call) = world.calls.get(&facts.id) {
        let (world, facts, ear) = (Arc::clone(world), facts.clone(), Ear::new(call.inbox));
        let tasks = world.tasks.clone();
        tasks.spawn(async move { run(&world, &facts, orders, &ear).await });
    }
    line
}

async fn run(world: &World, facts: &Facts, mut orders: mpsc::Receiver<Order>, ear: &Ear) {
    let placed = tokio::select! {
        placed = place(world, facts) => placed,
        // Over before it was sent.
        _ = orders.recv() => return,
    };
    match placed {
        Ok(call) => follow(facts, call, orders, ear).await,
        Err(finding) => ear.tell(Some(finding), vec![Input::BusinessUnreachable]).await,
    }
}

/// Finds the server, makes sure of it, and sends the INVITE.
async fn place(world: &World, facts: &Facts) -> Result<Call, Finding> {
    let edge = world.sip.as_ref().ok_or_else(signalling::off)?;
    let servers = facts.number.calling.sip.iter().flat_map(|sip| &sip.servers);
    let server = servers.into_iter().next().ok_or_else(signalling::no_server)?;
    if let Some(app) = server.app.as_ref().filter(|app| !may_call(world, &facts.number, app)) {
        return Err(signalling::not_authorized(app, server));
    }
    let target = reach(edge, server).await?;
    let invite = invite(edge, facts, server, target);
    edge.agent.call(invite).map_err(|fault| signalling::not_sent(&fault.to_string()))
}

/// The first of the server's addresses that is who it says.
async fn reach(edge: &Edge, server: &SipServer) -> Result<Target, Finding> {
    let mut fault = None;
    for address in resolve(server).await? {
        let target = Target {
            address,
            host: Some(server.hostname.as_str().into()),
            transport: Transport::Tls,
            priority: 0,
            weight: 0,
        };
        match edge.agent.reach(&target).await {
            Ok(()) => return Ok(target),
            Err(found) => fault = Some(signalling::unreached(server, &found)),
        }
    }
    Err(fault.unwrap_or_else(|| signalling::no_name(server, "it has no address")))
}

async fn resolve(server: &SipServer) -> Result<Vec<SocketAddr>, Finding> {
    let found = tokio::net::lookup_host((server.hostname.as_str(), server.port)).await;
    let found = found.map_err(|fault| signalling::no_name(server, &fault.to_string()))?;
    Ok(found.collect())
}

/// The INVITE of fact sheet 6.4.
fn invite(edge: &Edge, facts: &Facts, server: &SipServer, target: Target) -> Invite {
    let digits = facts.number.digits.as_str();
    let password = server.password.as_ref().map(|password| password.0.clone());
    let shown = facts.user.shown_wa_id();
    let params: BTreeMap<_, _> = server.request_uri_user_params.clone();
    Invite {
        targets: vec![target],
        extension: format!("+{digits}"),
        call_id: format!("outgoing:{}", facts.id.as_str()),
        user_params: params.into_iter().collect(),
        // Who hides the number is known by the id scoped to the business.
        caller: match &shown {
            Some(wa_id) => format!("+{}", wa_id.as_str()),
            None => facts.user.known_id().as_str().to_owned(),
        },
        caller_host: Some(edge.domain.clone()),
        caller_name: Some(match &shown {
            Some(wa_id) => wa_id.as_str().to_owned(),
            None => facts.user.name.clone(),
        }),
        credentials: password.map(|password| Credentials { user: digits.to_owned(), password }),
        headers: about(facts),
        offer: facts.platform_sdp.clone(),
        limits: Limits {
            answers: ANSWERS,
            progress: RINGS,
            ring: RINGS,
            leave: LEAVES,
            ..Limits::default()
        },
    }
}

/// What the INVITE says of the call (fact sheet 6.3).
fn about(facts: &Facts) -> Vec<(String, String)> {
    let user = &facts.user;
    let said = [
        ("x-wa-meta-wacid", Some(facts.id.as_str())),
        ("x-wa-meta-cta-payload", facts.cta_payload.as_deref()),
        ("x-wa-meta-deeplink-payload", facts.deeplink_payload.as_deref()),
        ("x-wa-meta-phone-number-id", Some(facts.number.id.as_str())),
        ("x-wa-meta-user-id", user.user_id.as_ref().map(|id| id.as_str())),
        ("x-wa-meta-parent-user-id", user.parent_user_id.as_ref().map(|id| id.as_str())),
        ("x-wa-meta-username", user.username.as_deref()),
    ];
    let said = said.into_iter();
    said.filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect()
}

/// Carries orders to the business's server and its words to the call, until the dialog is over.
async fn follow(facts: &Facts, mut call: Call, mut orders: mpsc::Receiver<Order>, ear: &Ear) {
    let (mut is_wanted, mut rang, sent) = (true, false, Instant::now());
    loop {
        let word = tokio::select! {
            order = orders.recv(), if is_wanted => {
                is_wanted = order.is_some();
                obey(facts, &call, order);
                continue;
            }
            word = call.word() => word,
        };
        match word {
            None => return,
            // Calls are not negotiated again (fact sheet 6.2).
            Some(Word::Wish(Wish::Reoffer(reoffer))) => reoffer.refuse_with(500),
            // Neither INFO nor REFER is among the methods of the edge.
            Some(Word::Wish(Wish::Key(_) | Wish::Refer(_) | Wish::LateAnswer(_))) => {}
            Some(Word::News(news)) => {
                rang |= matches!(news, News::Ringing);
                let silent_for = (!rang).then(|| sent.elapsed());
                hear(facts, &call, news, silent_for, ear).await;
            }
        }
    }
}

fn obey(facts: &Facts, call: &Call, order: Option<Order>) {
    match order {
        // Orders of the other direction.
        Some(Order::Ring | Order::Answer(_)) => {}
        Some(Order::Leave(Parting::Bye { duration_s, reason })) => {
            call.part(&bye(&facts.id, duration_s, reason));
        }
        Some(Order::Leave(Parting::Cancel | Parting::Refuse(_))) | None => call.hang_up(None),
    }
}

/// `silent_for`: how long ago the INVITE was sent, if it does not ring.
async fn hear(facts: &Facts, call: &Call, news: News, silent_for: Option<Duration>, ear: &Ear) {
    match news {
        // The user hears it ring already, and nothing of the business before its answer.
        News::Ringing | News::Early(_) | News::Ended(End::Ours) => {}
        News::Answered { target: _, answer } => answered(facts, call, &answer, ear).await,
        News::Ended(End::Theirs | End::Lost) => ear.tell(None, vec![Input::Terminate]).await,
        News::Ended(End::Busy | End::NoAnswer | End::Refused(_) | End::Unavailable) => {
            let (input, finding) = match call.status() {
                Some(status) => {
                    let input = refused(status);
                    let cannot = input != Input::Reject;
                    (input, cannot.then(|| signalling::refused(status)))
                }
                None => (Input::BusinessUnreachable, silent_for.map(unanswered)),
            };
            ear.tell(finding, vec![input]).await;
        }
    }
}

/// Nothing came back.
fn unanswered(after: Duration) -> Finding {
    if after < ANSWERS { signalling::closed() } else { signalling::silent(ANSWERS) }
}

/// A 200 is `pre_accept` and `accept` in one.
async fn answered(facts: &Facts, call: &Call, answer: &str, ear: &Ear) {
    let Some(offer) = facts.offer() else { return };
    if let Err(refusal) = sdp::read_business_answer(&offer, answer) {
        let finding = findings::session::refused("200 OK", &refusal);
        let failed = Input::LegFailed { whose: Party::Business, failure: LegFailure::SetUp };
        return ear.tell(Some(finding), vec![failed]).await;
    }
    let sdp: Box<str> = answer.into();
    let accept = Input::Accept { sdp: sdp.clone(), opaque: None, capture: None };
    let finding = call.routes_lost().then(signalling::routes_lost);
    ear.tell(finding, vec![Input::PreAccept { sdp }, accept]).await;
}
