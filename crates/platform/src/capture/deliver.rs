//! How do recordings, transcripts and voicemails reach the business?
//!
//! As files with a webhook each, soon after the call. It is best effort, as the real one: what fails
//! is logged and never told, and a platform that is killed meanwhile delivers nothing. A recording does
//! not wait for another call's transcript.

use std::{sync::Arc, time::Duration};

use audio::{
    keep::{self, Received},
    ogg::{self, OpusStream},
    prompt::{self, PromptError},
    tone,
};
use rules::{
    call::Voicemail,
    capture::{self, Plan},
    media_files::UseCase,
    rulebook::Rulebook,
};
use terms::Timestamp;
use tokio::sync::Semaphore;
use wire::webhook::{MediaRef, envelope::Change};

use super::{Tools, finish::Sides, transcribe::document};
use crate::{
    api::chain,
    calls::{Ear, Facts},
    media_files::{self, MediaFile, NewFile},
    store::StoreFault,
    webhooks::{Lane, compose},
    world::World,
};

/// Recordings made at the same time; each takes a core.
static MAKING: Semaphore = Semaphore::const_new(2);

/// Transcripts made at the same time; each holds a command of the operator for as long as it likes.
static TRANSCRIBING: Semaphore = Semaphore::const_new(2);

/// Type of every sound we make.
const OGG_OPUS: &str = "audio/ogg; codecs=opus";

/// What was kept of a call: who listened, and until when.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) business: Ear,
    pub(crate) user: Ear,
    pub(crate) lasts: Duration,
}

/// Makes and delivers what the plan asks for.
pub(crate) async fn deliver(world: Arc<World>, facts: Facts, plan: Plan, kept: Kept) {
    let book = world.book(&facts.number);
    let (business, user) = (packets(&kept.business, &book).await, packets(&kept.user, &book).await);
    if kept.business.is_given_up() || kept.user.is_given_up() {
        return tracing::error!("no recording: the platform could not keep it whole");
    }
    let codec = kept.business.codec();
    let sides = Arc::new(Sides { business, codec, user, lasts: kept.lasts });
    if plan.records {
        record(&world, &facts, Arc::clone(&sides)).await;
    }
    if plan.transcribes {
        transcribe(&world, &facts, sides).await;
    }
}

async fn record(world: &World, facts: &Facts, sides: Arc<Sides>) {
    // The semaphore is never closed.
    let Ok(_turn) = MAKING.acquire().await else { return };
    match tokio::task::spawn_blocking(move || sides.to_ogg()).await {
        Ok(Ok(ogg)) => log(tell(world, facts, OGG_OPUS, ogg, UseCase::CallRecording).await),
        Ok(Err(fault)) => tracing::error!(fault = %chain(&fault), "no recording"),
        Err(fault) => tracing::error!(%fault, "no recording"),
    }
}

async fn transcribe(world: &World, facts: &Facts, sides: Arc<Sides>) {
    let Ok(_turn) = TRANSCRIBING.acquire().await else { return };
    let (tools, now) = (world.tools.clone(), world.clock.now());
    let made = tokio::task::spawn_blocking(move || document(&tools, &sides, now));
    let json = made.await.ok().and_then(|document| serde_json::to_vec(&document).ok());
    let Some(json) = json else { return };
    log(tell(world, facts, "application/json", json, UseCase::CallTranscript).await);
}

/// Delivers what a user said to voicemail, if it is a message.
pub(crate) async fn deliver_voicemail(world: Arc<World>, facts: Facts, ear: Ear) {
    let book = world.book(&facts.number);
    ear.settled().await;
    if ear.is_given_up() {
        return tracing::error!("no voicemail: the platform could not keep it whole");
    }
    let packets = keep::in_order(&ear.received());
    let channels = if packets.iter().all(|packet| audio::opus::is_mono(packet)) { 1 } else { 2 };
    let stream = OpusStream { channels, pre_skip: 0, packets };
    if !Voicemail::is_message(stream.lasts(), &book) {
        return;
    }
    match ogg::write(&stream, 1) {
        Ok(ogg) => log(tell(&world, &facts, OGG_OPUS, ogg, UseCase::Voicemail).await),
        Err(fault) => tracing::error!(fault = %chain(&fault), "no voicemail"),
    }
}

/// Why there is no sample.
#[derive(Debug)]
pub(crate) enum SampleFault {
    Store(StoreFault),
    NotMade(String),
}

/// Makes a file as a call would leave it, and what tells of it: for a test that wants the webhook
/// without the call.
pub(crate) async fn sample(
    world: &World,
    facts: &Facts,
    use_case: UseCase,
) -> Result<Change, SampleFault> {
    let now = world.clock.now();
    let tools = Tools { transcriber: None, ..world.tools.clone() };
    let made = tokio::task::spawn_blocking(move || sample_bytes(use_case, &tools, now)).await;
    let not_made = |fault: String| SampleFault::NotMade(fault);
    let (mime, bytes) = made.map_err(|fault| not_made(fault.to_string()))?.map_err(not_made)?;
    let file = keep_file(world, facts, mime, bytes, use_case).await.map_err(SampleFault::Store)?;
    Ok(change(world, facts, &file))
}

fn sample_bytes(
    use_case: UseCase,
    tools: &Tools,
    now: Timestamp,
) -> Result<(&'static str, Vec<u8>), String> {
    let said = tone_packets().map_err(|fault| chain(&fault))?;
    let business = said.clone();
    let sides = Sides { business, user: said, lasts: Duration::from_secs(1), ..Sides::default() };
    match use_case {
        UseCase::CallTranscript => {
            let json = serde_json::to_vec(&document(tools, &sides, now))
                .map_err(|fault| fault.to_string())?;
            Ok(("application/json", json))
        }
        UseCase::CallRecording => Ok((OGG_OPUS, sides.to_ogg().map_err(|fault| chain(&fault))?)),
        UseCase::Voicemail | UseCase::Message | UseCase::CallVoicemailAnnouncement => {
            let packets = keep::in_order(&sides.user);
            let stream = OpusStream { channels: 1, pre_skip: 0, packets };
            Ok((OGG_OPUS, ogg::write(&stream, 1).map_err(|fault| chain(&fault))?))
        }
    }
}

/// A second of 440 Hz, as it would have come.
fn tone_packets() -> Result<Vec<Received>, PromptError> {
    let packets = prompt::encode(&tone::sine(440.0, -12.0, 1_000))?;
    let received = |(n, payload): (u16, _)| Received {
        sequence: n,
        timestamp: u32::from(n) * 960,
        at: Duration::from_millis(u64::from(n) * 20),
        payload,
    };
    Ok((0..).zip(packets).map(received).collect())
}

async fn packets(ear: &Ear, book: &Rulebook) -> Vec<Received> {
    ear.settled().await;
    let mut packets = ear.received();
    packets.retain(|packet| capture::keeps(packet.at, book));
    packets
}

async fn tell(
    world: &World,
    facts: &Facts,
    mime: &str,
    bytes: Vec<u8>,
    use_case: UseCase,
) -> Result<(), StoreFault> {
    let file = keep_file(world, facts, mime, bytes, use_case).await?;
    let change = change(world, facts, &file);
    let lane = Lane(facts.id.as_str().to_owned());
    world.outbox.emit(&facts.number, &lane, change).await
}

async fn keep_file(
    world: &World,
    facts: &Facts,
    mime: &str,
    bytes: Vec<u8>,
    use_case: UseCase,
) -> Result<MediaFile, StoreFault> {
    let number = facts.number.id.clone();
    let new = NewFile { number, mime: mime.to_owned(), bytes, use_case, description: None };
    media_files::add(world, new).await
}

fn change(world: &World, facts: &Facts, file: &MediaFile) -> Change {
    let now = world.clock.now();
    let url = media_files::link(world, &facts.number, file);
    let media = MediaRef {
        id: file.id.clone(),
        sha256: file.sha256.clone(),
        mime_type: file.mime.clone(),
        url: None,
    };
    let linked = MediaRef { url: Some(url), ..media.clone() };
    match file.use_case {
        UseCase::CallRecording => compose::recording(facts, &linked, now),
        UseCase::CallTranscript => compose::transcript(facts, &linked, now),
        UseCase::Voicemail | UseCase::Message | UseCase::CallVoicemailAnnouncement => {
            compose::voicemail(facts, &media, now)
        }
    }
}

fn log(result: Result<(), StoreFault>) {
    if let Err(fault) = result {
        tracing::error!(fault = %chain(&fault), "cannot deliver what was kept of a call");
    }
}
