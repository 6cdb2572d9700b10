//! What is kept of what is said in this call?
//!
//! The switchboard's [`Recording`] says whether and when; here an announcement is played and measured,
//! the recorder is ordered and the rows are written. A message that a caller leaves is a recording of
//! its own.

use std::time::{Duration, Instant};

use engine::Source;
use switchboard::{
    call::{Input, State},
    flow::{Announcement, RecordWord},
    recording::{self, Facts, Recording, Refusal, Wish},
};
use tokio::sync::mpsc;
use wire::event::{self, Announced, Pause, RecordingKind, RecordingState};

use super::{actor::CallActor, order::Asker};
use crate::{
    cdr::RecordingRecord,
    config::{PlatformRecording, Words},
    recorder::{Taping, What},
    recordings,
    store::StoreError,
    transcription,
};

/// How much sooner than its length the end of a sound may be reported: its last frames have left.
const END_GRACE: Duration = Duration::from_millis(120);

/// What a call knows of its recordings.
#[derive(Debug)]
pub(super) struct Recordings {
    state: Recording,
    /// What the user hears now, and since when; none when it has no end.
    pub(super) playing: Option<(Instant, Duration)>,
    announced: Option<Announced>,
    call: Option<Running>,
    message: Option<Running>,
    /// Those that began, in order.
    pub(super) made: Vec<RecordingRecord>,
    silent: mpsc::Sender<()>,
    pub(super) silence: mpsc::Receiver<()>,
}

/// One that runs, and its row.
#[derive(Debug)]
struct Running {
    taping: Taping,
    row: event::Recording,
}

impl Default for Recordings {
    fn default() -> Self {
        let (silent, silence) = mpsc::channel(1);
        Self {
            state: Recording::default(),
            playing: None,
            announced: None,
            call: None,
            message: None,
            made: Vec::new(),
            silent,
            silence,
        }
    }
}

impl CallActor {
    /// An agent and the user hear each other: where the configuration says so, that is recorded.
    pub(super) async fn record_talk(&mut self) {
        let wanted = self.office.config.recording.records(&self.line.config.number.digits);
        if wanted && !self.recordings.state.is_on() {
            self.wish(Wish::Start, "configuration").await;
        }
    }

    /// What the flow says.
    pub(super) async fn record_word(&mut self, word: RecordWord) {
        let (wish, announcement) = match word {
            RecordWord::On { announcement } => (Wish::Start, announcement),
            RecordWord::Pause => (Wish::Pause, None),
            RecordWord::Off => (Wish::Stop, None),
        };
        if let Some(announcement) = announcement
            && !self.note_announced(announcement).await
        {
            tracing::warn!("a call is not recorded: its announcement was not heard to the end");
            return;
        }
        self.wish(wish, "flow").await;
    }

    /// What a program, the agent or a supervisor wants; or why not.
    pub(super) async fn record_order(&mut self, wish: Wish, asker: &Asker) -> Result<(), String> {
        if let Asker::Agent(agent) = asker
            && self.call.state().agent() != Some(agent)
        {
            return Err("This call is not yours.".into());
        }
        let effect = self.recordings.state.handle(recording::Input::Wish(wish), self.facts_now());
        match effect {
            Ok(effect) => {
                self.carry_out_recording(effect).await;
                Ok(())
            }
            Err(refusal) => Err(format!("This is not possible: {refusal}.")),
        }
    }

    /// The sound that was played is at its end; whether that was the announcement.
    pub(super) async fn heard_announcement(&mut self) -> bool {
        if !self.recordings.state.is_announcing() {
            return false;
        }
        if let Some(words) = self.office.config.recording.announcement.clone() {
            self.note_announced(words.told()).await;
        }
        self.arrange();
        true
    }

    /// The user hears something else: an announcement that was not at its end is none.
    pub(super) fn cut_announcement(&mut self) {
        if self.recordings.state.is_announcing() {
            let cut = recording::Input::Announced { whole: false };
            let refused = self.recordings.state.handle(cut, self.facts_now());
            debug_assert_eq!(refused, Err(Refusal::NotAnnounced));
            tracing::warn!("a call is not recorded: its announcement was cut short");
        }
    }

    /// Keeps what the user says from here on as a message.
    pub(super) async fn take_message(&mut self, silence: Duration) {
        while self.recordings.silence.try_recv().is_ok() {}
        let silent = self.recordings.silent.clone();
        let what = What::Message { silence, silent };
        self.recordings.message = self.begin(RecordingKind::Voicemail, what).await;
    }

    /// The message is at its end.
    pub(super) async fn keep_message(&mut self) {
        if let Some(running) = self.recordings.message.take() {
            self.keep(running).await;
        }
    }

    /// The call is over.
    pub(super) async fn end_recordings(&mut self) {
        self.keep_message().await;
        let over = self.recordings.state.handle(recording::Input::CallOver, self.facts_now());
        if let Ok(effect) = over {
            self.carry_out_recording(effect).await;
        }
    }

    /// How the platform is asked to record this call, if it is.
    pub(super) fn platform_recording(&self) -> Option<&PlatformRecording> {
        self.office.config.recording.platform_for(&self.line.config.number.digits)
    }

    async fn wish(&mut self, wish: Wish, whose: &'static str) {
        match self.recordings.state.handle(recording::Input::Wish(wish), self.facts_now()) {
            Ok(effect) => self.carry_out_recording(effect).await,
            Err(refusal) => tracing::warn!(whose, %refusal, "a recording is not as it was wanted"),
        }
    }

    fn facts_now(&self) -> Facts {
        Facts {
            must_announce: self.office.config.recording.announcement.is_some(),
            may_speak: matches!(self.call.state(), State::Bridged { .. } | State::ThreeWay(_)),
            by_platform: self.platform_recording().is_some(),
        }
    }

    async fn carry_out_recording(&mut self, effect: Option<recording::Effect>) {
        match effect {
            Some(recording::Effect::Announce) => self.announce(),
            Some(recording::Effect::Begin) => {
                self.recordings.call = self.begin(RecordingKind::Call, What::Call).await;
            }
            Some(recording::Effect::Pause) => self.pause(true).await,
            Some(recording::Effect::Resume) => self.pause(false).await,
            Some(recording::Effect::End) => {
                if let Some(running) = self.recordings.call.take() {
                    self.keep(running).await;
                }
            }
            None => {}
        }
    }

    fn announce(&mut self) {
        let Some(words) = self.office.config.recording.announcement.clone() else { return };
        // What was heard before is no announcement.
        self.recordings.playing = None;
        self.facts.sounds += 1;
        let silent = match words {
            Words::Prompt(prompt) => self.play(&prompt, false),
            Words::Say(spoken) => self.say(spoken, false),
        };
        if matches!(silent, Some(Input::PlaybackDone)) {
            self.cut_announcement();
            self.arrange();
        }
    }

    /// Keeps the proof of an announcement that is over; whether it was heard to its end.
    async fn note_announced(&mut self, words: Announcement) -> bool {
        let (played, lasts) = self
            .recordings
            .playing
            .map_or((Duration::ZERO, None), |it| (it.0.elapsed().min(it.1), Some(it.1)));
        let completed = lasts.is_some_and(|lasts| played + END_GRACE >= lasts);
        let Announcement { text, language } = words;
        let played_ms = u64::try_from(played.as_millis()).unwrap_or(u64::MAX);
        if completed {
            self.recordings.announced = Some(Announced { text, language, played_ms, completed });
        }
        let over = recording::Input::Announced { whole: completed };
        match self.recordings.state.handle(over, self.facts_now()) {
            Ok(effect) => self.carry_out_recording(effect).await,
            Err(refusal) => tracing::warn!(%refusal, "a call is not recorded"),
        }
        completed
    }

    async fn begin(&mut self, kind: RecordingKind, what: What) -> Option<Running> {
        let call_id = self.facts.call_id.clone()?;
        let leg = self.whatsapp.as_ref()?;
        let id = format!("rec_{}", uuid::Uuid::now_v7().simple());
        let taping = self.office.recorder.begin(id.clone(), &leg.handle, leg.audio?, what);
        let Some(taping) = taping else {
            tracing::error!("a call is not recorded: the recorder cannot follow");
            return None;
        };
        let row = event::Recording {
            recording_id: id.clone(),
            phone_number_id: self.line.id().clone(),
            call_id,
            contact: self.facts.contact.clone(),
            kind,
            state: RecordingState::Recording,
            started_at: self.line.now(),
            duration_ms: None,
            incomplete: false,
            announcement: self.recordings.announced.clone(),
            by_platform: false,
            mixed: false,
            why: None,
            pauses: Vec::new(),
            held: false,
            transcript: None,
        };
        self.recordings.made.push(RecordingRecord { recording_id: id, kind });
        self.save_recording(row.clone()).await;
        Some(Running { taping, row })
    }

    async fn pause(&mut self, on: bool) {
        let Some(running) = &mut self.recordings.call else { return };
        running.taping.pause(on);
        let now = running.taping.now_ms();
        match running.row.pauses.last_mut().filter(|_| !on) {
            Some(pause) => pause.to_ms = Some(now),
            None => running.row.pauses.push(Pause { from_ms: now, to_ms: None }),
        }
        let row = running.row.clone();
        self.save_recording(row).await;
    }

    async fn keep(&self, Running { taping, mut row }: Running) {
        let made = taping.end().await;
        row.state = RecordingState::Ready;
        row.transcript = transcription::wanted(&self.office);
        row.incomplete = made.is_none_or(|made| made.incomplete);
        let lasts = made.map(|made| u64::try_from(made.lasts.as_millis()).unwrap_or(u64::MAX));
        row.duration_ms = Some(lasts.unwrap_or(0));
        self.save_recording(row).await;
    }

    async fn save_recording(&self, row: event::Recording) {
        let kept: Result<(), StoreError> = recordings::keep(&self.office, row).await;
        if let Err(error) = kept {
            tracing::error!(%error, "a recording has no row");
        }
    }

    /// Nothing is announced by silence.
    pub(super) fn note_playing(&mut self, source: &Source) {
        self.recordings.playing = match source {
            Source::Packets(frames, engine::Repeat::Once) => {
                let lasts = frames.iter().filter_map(|it| audio::opus::packet_samples(it.bytes()));
                let samples: usize = lasts.sum();
                let lasts = Duration::from_micros(samples as u64 * 1_000 / 48);
                Some((Instant::now(), lasts))
            }
            Source::Packets(_, engine::Repeat::Forever)
            | Source::Silence
            | Source::Echo
            | Source::Mix(_)
            | Source::Bridge(_)
            | Source::Transcoded { .. } => None,
        };
    }
}
