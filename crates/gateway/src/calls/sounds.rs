//! What does the user hear of prompts, words and music?
//!
//! Words that are not made yet are made beside the task; by then something else may be to be heard, so
//! each change of the sound is counted.

use std::sync::Arc;

use engine::{Repeat, Source};
use switchboard::{
    call::{Effect, Input},
    flow::{Spoken, ToTrunk},
};

use super::{
    actor::{CallActor, Return},
    effects::chain,
};
use crate::flows::speech::Sound;

impl CallActor {
    /// Plays a prompt.
    pub(super) fn play(&mut self, prompt: &str, forever: bool) -> Option<Input> {
        let Some(frames) = self.line.shelf.prompt(prompt) else {
            return Some(Input::PlaybackDone);
        };
        self.play_frames(frames, forever);
        None
    }

    /// Plays words that are made already, or has them made beside the task.
    pub(super) fn say(&mut self, spoken: Spoken, forever: bool) -> Option<Input> {
        let Some(speech) = self.office.speech.clone() else {
            return Some(Input::PlaybackDone);
        };
        if let Some(sound) = speech.ready(&spoken) {
            self.play_frames(sound, forever);
            return None;
        }
        // What was heard before must not go on meanwhile.
        self.play_to_user(Source::Silence);
        let (returns, sounds) = (self.returns.clone(), self.facts.sounds);
        let metrics = Arc::clone(&self.office.metrics);
        tokio::spawn(async move {
            let sound = speech.say(spoken).await;
            metrics.spoken(if sound.is_ok() { "ok" } else { "failed" });
            if let Err(error) = &sound {
                tracing::warn!(error = chain(error), "a text of a flow cannot be spoken");
            }
            // A call that is over does not wait for it.
            drop(returns.send(Return::Spoken { sounds, forever, sound: sound.ok() }).await);
        });
        None
    }

    /// Words are made; they are played unless something else is to be heard by now.
    pub(super) fn spoken(
        &mut self,
        sounds: u64,
        forever: bool,
        sound: Option<Sound>,
    ) -> Option<Input> {
        if sounds != self.facts.sounds {
            return None;
        }
        let Some(sound) = sound else { return Some(Input::PlaybackDone) };
        self.play_frames(sound, forever);
        None
    }

    fn play_frames(&mut self, frames: Sound, forever: bool) {
        let repeat = if forever { Repeat::Forever } else { Repeat::Once };
        self.play_to_user(Source::Packets(frames, repeat));
    }
}

/// Whether the user hears something else from this effect on.
pub(super) fn changes(effect: &Effect) -> bool {
    match effect {
        Effect::Play { .. }
        | Effect::Say { .. }
        | Effect::PlayNothing
        | Effect::Echo
        | Effect::Bridge
        | Effect::Hold
        | Effect::Arrange
        | Effect::BridgeConsult
        | Effect::TakeOver
        | Effect::Trunk(ToTrunk::PutThrough)
        | Effect::Finish(_) => true,
        Effect::OpenLeg
        | Effect::PreAccept
        | Effect::Accept
        | Effect::Reject
        | Effect::Terminate
        | Effect::Connect
        | Effect::ApplyAnswer
        | Effect::OpenGate
        | Effect::WatchMedia
        | Effect::Ring(_)
        | Effect::StopRinging { .. }
        | Effect::Record(_)
        | Effect::TakeMessage { .. }
        | Effect::KeepMessage
        | Effect::Queue(_)
        | Effect::Bot(_)
        | Effect::Trunk(
            ToTrunk::Ring { .. }
            | ToTrunk::UserRings
            | ToTrunk::Answer
            | ToTrunk::Refer { .. }
            | ToTrunk::TakeBack(_)
            | ToTrunk::LetGo,
        )
        | Effect::DropConsulted
        | Effect::DropSupervisor
        | Effect::DropAgent
        | Effect::SendKey(_)
        | Effect::MuteAgent { .. }
        | Effect::Tell => false,
    }
}
