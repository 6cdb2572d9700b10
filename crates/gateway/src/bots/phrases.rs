//! What do the built-in bots sound like?
//!
//! Their phrases are recordings in the binary. They are decoded once, when a built-in bot first talks
//! in a language: half a minute of speech that most gateways never need.

use std::{collections::BTreeMap, sync::LazyLock};

use audio::{
    spool::{Format, Hearing, Rate},
    tone,
};
use engine::BotFormats;
use switchboard::builtin::{Language, Phrase};

/// How they hear and speak.
pub(super) const FORMAT: Format = Format::Linear(Rate::Khz16);
/// The same, both ways.
pub(crate) const FORMATS: BotFormats = BotFormats { hears: FORMAT, speaks: FORMAT };

/// What a bot plays before it listens: hertz, dBFS, milliseconds.
const BEEP: (f32, f32, usize) = (1_000.0, -15.0, 300);

static ENGLISH: LazyLock<Phrases> = LazyLock::new(|| Phrases::decoded(Language::English));
static PORTUGUESE: LazyLock<Phrases> = LazyLock::new(|| Phrases::decoded(Language::Portuguese));

/// Recordings as a bot sends them.
#[derive(Debug)]
pub(super) struct Phrases {
    said: BTreeMap<Phrase, Vec<u8>>,
    beep: Vec<u8>,
}

impl Phrases {
    /// Those of a language.
    pub(super) async fn of(language: Language) -> Option<&'static Self> {
        let decoded = tokio::task::spawn_blocking(move || match language {
            Language::English => &*ENGLISH,
            Language::Portuguese => &*PORTUGUESE,
        });
        decoded.await.ok()
    }

    pub(super) fn said(&self, phrase: Phrase) -> Vec<u8> {
        self.said.get(&phrase).cloned().unwrap_or_default()
    }

    pub(super) fn beep(&self) -> Vec<u8> {
        self.beep.clone()
    }

    fn decoded(language: Language) -> Self {
        let said = Phrase::ALL.into_iter().filter_map(|phrase| {
            let samples = audio::prompt::samples(recording(language, phrase));
            match samples {
                Ok(samples) => Some((phrase, Hearing::new(FORMAT).write(&samples))),
                Err(error) => {
                    tracing::error!(?phrase, %error, "a bot cannot say a phrase");
                    None
                }
            }
        });
        let (hz, dbfs, ms) = BEEP;
        let beep = Hearing::new(FORMAT).write(&tone::sine(hz, dbfs, ms));
        Self { said: said.collect(), beep }
    }
}

/// See `assets/phrases/README.md`.
fn recording(language: Language, phrase: Phrase) -> &'static [u8] {
    match language {
        Language::English => english(phrase),
        Language::Portuguese => portuguese(phrase),
    }
}

fn english(phrase: Phrase) -> &'static [u8] {
    match phrase {
        Phrase::Welcome => include_bytes!("../../assets/phrases/en_welcome.ogg"),
        Phrase::Person => include_bytes!("../../assets/phrases/en_person.ogg"),
        Phrase::Echo => include_bytes!("../../assets/phrases/en_echo.ogg"),
        Phrase::Message => include_bytes!("../../assets/phrases/en_message.ogg"),
        Phrase::End => include_bytes!("../../assets/phrases/en_end.ogg"),
        Phrase::Invalid => include_bytes!("../../assets/phrases/en_invalid.ogg"),
        Phrase::Moment => include_bytes!("../../assets/phrases/en_moment.ogg"),
        Phrase::Goodbye => include_bytes!("../../assets/phrases/en_goodbye.ogg"),
        Phrase::EchoBegins => include_bytes!("../../assets/phrases/en_echo_begins.ogg"),
        Phrase::EchoEnds => include_bytes!("../../assets/phrases/en_echo_ends.ogg"),
    }
}

fn portuguese(phrase: Phrase) -> &'static [u8] {
    match phrase {
        Phrase::Welcome => include_bytes!("../../assets/phrases/pt_welcome.ogg"),
        Phrase::Person => include_bytes!("../../assets/phrases/pt_person.ogg"),
        Phrase::Echo => include_bytes!("../../assets/phrases/pt_echo.ogg"),
        Phrase::Message => include_bytes!("../../assets/phrases/pt_message.ogg"),
        Phrase::End => include_bytes!("../../assets/phrases/pt_end.ogg"),
        Phrase::Invalid => include_bytes!("../../assets/phrases/pt_invalid.ogg"),
        Phrase::Moment => include_bytes!("../../assets/phrases/pt_moment.ogg"),
        Phrase::Goodbye => include_bytes!("../../assets/phrases/pt_goodbye.ogg"),
        Phrase::EchoBegins => include_bytes!("../../assets/phrases/pt_echo_begins.ogg"),
        Phrase::EchoEnds => include_bytes!("../../assets/phrases/pt_echo_ends.ogg"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_phrase_is_heard_in_every_language() {
        for language in [Language::English, Language::Portuguese] {
            let phrases = Phrases::of(language).await.unwrap();
            for phrase in Phrase::ALL {
                let seconds = phrases.said(phrase).len() as f32 / 32_000.0;
                assert!((0.5..9.0).contains(&seconds), "{language:?} {phrase:?}: {seconds} s");
                let loudest = FORMAT.read(&phrases.said(phrase)).into_iter().max();
                assert!(loudest.is_some_and(|sample| sample > 5_000), "{phrase:?}: {loudest:?}");
            }
        }
    }
}
