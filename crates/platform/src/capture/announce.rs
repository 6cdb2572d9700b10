//! What do the parties hear before a call is kept, and a user before voicemail?
//!
//! A shipped prompt says that the call is recorded, in the language asked for; the purpose is free
//! text, so it is spoken by the operator's speech command, and without one a tone stands for it. A
//! voicemail greets with what the business uploaded.

use std::{borrow::Cow, sync::Arc, time::Duration};

use audio::{prompt, tone, transcode};
use media::frame::{AudioCodec, AudioFrame};
use rules::capture::Plan;
use rust_embed::RustEmbed;
use terms::{MediaId, PhoneNumberId};

use super::command::Run;
use crate::{api::chain, media_files, world::World};

/// How long a speech command may take: the parties talk on meanwhile, unrecorded.
const SPEECH_LIMIT: Duration = Duration::from_secs(10);

/// The longest speech: two minutes of 16 bits at 48 kHz.
const SPEECH_BYTES_MAX: usize = 12 * 1024 * 1024;

/// The tone in place of a purpose nobody can speak.
const PURPOSE_TONE_HZ: f32 = 1_000.0;

/// Its length.
const PURPOSE_TONE_MS: usize = 600;

#[derive(RustEmbed)]
#[folder = "prompts/"]
struct Prompts;

type Frames = Arc<[AudioFrame]>;

/// What is played, for each side in its codec.
#[derive(Debug, Clone)]
pub(crate) struct Announcement {
    pub(crate) for_user: Frames,
    pub(crate) for_business: Frames,
}

/// What both sides hear, the business in its codec; `None` if nothing can be played.
pub(crate) async fn announcement_of(
    world: &World,
    plan: Plan,
    business: AudioCodec,
) -> Option<Announcement> {
    let speech = world.tools.speech.clone();
    let made = tokio::task::spawn_blocking(move || {
        let mut packets = shipped(&plan)?;
        packets.extend(purpose(speech.as_deref(), &plan)?);
        announcement(packets, business)
    });
    made.await.ok().flatten()
}

/// The announcement a business uploaded for its voicemail.
pub(crate) async fn greeting_of(
    world: &World,
    number: &PhoneNumberId,
    media_id: u64,
) -> Option<Announcement> {
    let id: MediaId = media_id.to_string().parse().ok()?;
    let file = media_files::find(world, &id).await.ok().flatten()?;
    if file.number != *number {
        return None;
    }
    let bytes = media_files::bytes(world, &id).await.ok().flatten()?;
    let made = tokio::task::spawn_blocking(move || match prompt::load(&bytes) {
        // Nobody but the user hears it.
        Ok(packets) => announcement(packets, AudioCodec::Opus),
        Err(fault) => {
            tracing::warn!(fault = %chain(&fault), "cannot play an announcement of voicemail");
            None
        }
    });
    made.await.ok().flatten()
}

fn shipped(plan: &Plan) -> Option<Vec<Box<[u8]>>> {
    let kind = match (plan.records, plan.transcribes) {
        (true, true) => "both",
        (true, false) => "recording",
        (false, _) => "transcription",
    };
    let (language, family) = (&*plan.language, plan.language.split('_').next()?);
    let file = [language, family]
        .iter()
        .find_map(|language| Prompts::get(&format!("{language}_{kind}.ogg")))?;
    let bytes: Cow<'_, [u8]> = file.data;
    prompt::load(&bytes).ok()
}

/// The purpose, spoken or for a tone.
fn purpose(speech: Option<&str>, plan: &Plan) -> Option<Vec<Box<[u8]>>> {
    let spoken = speech.and_then(|command| speak(command, plan));
    spoken.or_else(|| prompt::encode(&tone::sine(PURPOSE_TONE_HZ, -20.0, PURPOSE_TONE_MS)).ok())
}

fn speak(command: &str, plan: &Plan) -> Option<Vec<Box<[u8]>>> {
    let language = plan.language.replace('_', "-").to_lowercase();
    let run = Run {
        command,
        fill: &[("language", &language), ("text", &plan.purpose)],
        input: plan.purpose.as_bytes(),
        limit: SPEECH_LIMIT,
        bytes_max: SPEECH_BYTES_MAX,
    };
    let wav = match run.output() {
        Ok(wav) => wav,
        Err(fault) => {
            tracing::warn!(fault = %chain(&fault), "the speech command said nothing");
            return None;
        }
    };
    prompt::load(&wav)
        .inspect_err(|fault| tracing::warn!(%fault, "the speech command gave no WAV"))
        .ok()
}

fn announcement(packets: Vec<Box<[u8]>>, business: AudioCodec) -> Option<Announcement> {
    let for_business = engine::coding(business).map(|coding| {
        transcode::prompt_to_telephone(packets.iter().map(|packet| &**packet), coding)
            .inspect_err(|fault| tracing::error!(fault = %chain(fault), "no announcement in G.711"))
    });
    let for_user = frames(packets)?;
    let for_business = match for_business {
        Some(packets) => frames(packets.ok()?)?,
        None => Arc::clone(&for_user),
    };
    Some(Announcement { for_user, for_business })
}

fn frames(packets: Vec<Box<[u8]>>) -> Option<Frames> {
    packets.into_iter().map(|packet| AudioFrame::new(packet).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::rulebook::Rulebook;

    #[test]
    fn every_language_of_the_rulebooks_has_its_prompts() {
        let book = Rulebook::beta();
        for language in &book.capture.recording_languages.value {
            for (records, transcribes) in [(true, true), (true, false), (false, true)] {
                let language = language.as_str().into();
                let plan = Plan { records, transcribes, purpose: "x".into(), language };
                let packets = shipped(&plan).unwrap();
                assert!((50..400).contains(&packets.len()), "{plan:?}: {}", packets.len());
            }
        }
    }

    #[test]
    fn each_side_hears_it_in_its_codec() {
        let packets = prompt::encode(&tone::sine(440.0, -12.0, 100)).unwrap();
        let opus = announcement(packets.clone(), AudioCodec::Opus).unwrap();
        assert_eq!(opus.for_user, opus.for_business);
        let g711 = announcement(packets, AudioCodec::Pcma).unwrap();
        assert_eq!(g711.for_user, opus.for_user);
        assert_eq!(g711.for_business.len(), 5);
        assert!(g711.for_business.iter().all(|frame| frame.bytes().len() == 160));
    }

    #[test]
    fn a_purpose_is_spoken_by_the_command_or_a_tone() {
        let language = "pt".into();
        let plan =
            Plan { records: true, transcribes: false, purpose: "qualidade".into(), language };
        let tone = purpose(None, &plan).unwrap();
        assert_eq!(tone.len(), PURPOSE_TONE_MS / 20);
        assert_eq!(purpose(Some("false"), &plan).unwrap(), tone, "a command that fails");
        assert_eq!(purpose(Some("echo {text}"), &plan).unwrap(), tone, "a command without sound");
    }
}
