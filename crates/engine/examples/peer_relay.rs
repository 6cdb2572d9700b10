//! What does the engine alone cost when it relays calls as the gateway does?
//!
//! Each call has two legs keyed by DTLS over ICE, opened and bridged as
//! `crates/gateway/src/calls/legs.rs` does: WhatsApp's on a socket of its own where we check paths,
//! the agent's browser on the muxed port where we are ice-lite. Who steers it needs neither HTTP nor
//! webhooks, so that the figures are the media's. `cargo xtask bench peers` runs it.
//!
//! An order is a line of JSON on standard input, its answer a line on standard output:
//!
//! | Order | Answer |
//! |---|---|
//! | `{"call": 3, "whatsapp": SDP, "browser": SDP}`, both offers | `{"whatsapp": SDP, "browser": SDP}` |
//! | `{"end": 3}` | `{}` |
//!
//! What goes wrong is answered with `{"error": …}`.

#![expect(clippy::print_stdout, reason = "the answers to orders")]

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::net::{IpAddr, Ipv4Addr};

use media::leg::IceRole;
use media::sdp::{self, AudioSession};
use media::transport::{DtlsRole, LocalTransport};
use offhook_engine::{
    Config, EVENTS_MAX, Engine, LegEvent, LegHandle, MediaWatch, OpenLeg, Password, PayloadTypes,
    Socket, Source,
};
use serde_json::{Value, json};
use terms::LegId;
use tokio::sync::mpsc;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let bind_ip = match std::env::args().nth(1) {
        Some(ip) => ip.parse()?,
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let muxed = Some((bind_ip, 0).into());
    let engine = Engine::start(Config { bind_ip, muxed, ..Config::default() })?;
    let mut calls = BTreeMap::new();
    println!("{}", json!({ "ready": true, "backend": format!("{:?}", engine.backend()) }));
    for line in std::io::stdin().lock().lines() {
        let order = serde_json::from_str(&line?)?;
        let answer = obey(&engine, &mut calls, &order)
            .unwrap_or_else(|error| json!({ "error": error.to_string() }));
        // In one piece: printed as it is written, it is many small ones.
        let line = answer.to_string();
        println!("{line}");
    }

    Ok(())
}

/// A call's two legs; both close when it is dropped.
struct Call {
    _whatsapp: Party,
    _browser: Party,
}

/// A leg, and the channel its events go to.
struct Party {
    handle: LegHandle,
    _events: mpsc::Receiver<LegEvent>,
}

fn obey(engine: &Engine, calls: &mut BTreeMap<u64, Call>, order: &Value) -> Outcome<Value> {
    if let Some(id) = order["end"].as_u64() {
        calls.remove(&id).ok_or("no such call")?;
        return Ok(json!({}));
    }
    let id = order["call"].as_u64().ok_or("neither a call nor an end")?;
    let offers = [read(&order["whatsapp"])?, read(&order["browser"])?];
    let [whatsapp, browser] = &offers;
    let (w, to_whatsapp) = answer_whatsapp(engine, whatsapp)?;
    let (b, to_browser) = answer_browser(engine, browser, w.handle.id())?;
    w.handle.play(Source::Bridge(b.handle.clone()));
    b.handle.play(Source::Bridge(w.handle.clone()));
    calls.insert(id, Call { _whatsapp: w, _browser: b });

    Ok(json!({ "whatsapp": to_whatsapp, "browser": to_browser }))
}

fn read(text: &Value) -> Outcome<AudioSession> {
    Ok(sdp::parse(text.as_str().ok_or("an offer is missing")?)?.session)
}

fn answer_whatsapp(engine: &Engine, offer: &AudioSession) -> Outcome<(Party, String)> {
    let ice = IceRole::Full { controlling: true };
    let watch = Some(MediaWatch::default());
    let (party, local) = open(engine, Socket::Own, ice, watch, None)?;
    party.handle.set_remote(offer.remote_transport()?, DtlsRole::Client, types(offer)?);
    party.handle.send_gate(true);
    party.handle.watch_from_now();
    party.handle.fill(true);

    Ok((party, sdp::write_gateway_answer(offer, &local)))
}

fn answer_browser(
    engine: &Engine,
    offer: &AudioSession,
    beside: LegId,
) -> Outcome<(Party, String)> {
    let (party, local) = open(engine, Socket::Muxed, IceRole::Lite, None, Some(beside))?;
    party.handle.set_remote(offer.remote_transport()?, DtlsRole::Server, types(offer)?);
    party.handle.send_gate(true);

    Ok((party, sdp::write_browser_answer(offer, &local)))
}

fn open(
    engine: &Engine,
    socket: Socket,
    ice: IceRole,
    media_watch: Option<MediaWatch>,
    beside: Option<LegId>,
) -> Outcome<(Party, LocalTransport)> {
    let (events, heard) = mpsc::channel(EVENTS_MAX);
    let (handle, local) = engine.open(OpenLeg {
        socket,
        ice,
        password: Password::Plain,
        cname: "gw".into(),
        media_watch,
        beside,
        events,
    })?;

    Ok((Party { handle, _events: heard }, local))
}

fn types(offer: &AudioSession) -> Outcome<PayloadTypes> {
    let opus = offer.opus_pt().ok_or("the offer has no opus/48000/2")?;

    Ok(PayloadTypes::opus(opus, offer.dtmf_pt()))
}
