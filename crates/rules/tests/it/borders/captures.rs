//! Rules of voicemail, recording and transcription.

use std::time::Duration;

use offhook_rules::{
    call::{Effect, Input, Voicemail},
    capture::{Wish, check, keeps},
    rulebook::Rulebook,
};

use super::{Case, around, said};
use crate::{
    facts::{Story, at},
    voicemail::number_with,
};

pub(super) const CASES: &[Case] = &[
    Case { rule: "voicemail.greeting_max", other: ["10 s", "11 s"], verdict: greeting },
    Case { rule: "voicemail.recording_max", other: ["10 s", "11 s"], verdict: recording },
    Case { rule: "voicemail.recording_min", other: ["1 s", "2 s"], verdict: shortest },
    Case { rule: "voicemail.terminate", other: ["start", "end"], verdict: terminate },
    Case { rule: "capture.purpose_chars_max", other: ["10", "20"], verdict: purpose },
    Case { rule: "capture.recording_languages", other: ["en", "pt"], verdict: recorded_in },
    Case { rule: "capture.transcription_languages", other: ["en", "pt"], verdict: written_in },
    Case { rule: "capture.transcription_in_english", other: ["pt", "fr"], verdict: announced_in },
    Case { rule: "capture.length_max", other: ["1 h", "3 h"], verdict: length },
    Case { rule: "capture.english", other: ["en_GB", "en_US"], verdict: announced_in },
];

fn story(book: &Rulebook) -> Story {
    let voicemail = Voicemail::of(&number_with(&["REJECT"], None), book);
    let mut story = Story::user_calls(book, false);
    story.call = story.call.with_voicemail(voicemail);
    story.effects = story.then(Input::Reject, at(1));
    story
}

fn greeting(book: &Rulebook) -> String {
    around(66, |second| {
        let mut story = story(book);
        story.then(Input::DeadlineReached, at(second));
        story.call.state().name()
    })
}

fn recording(book: &Rulebook) -> String {
    around(182, |second| {
        let mut story = story(book);
        story.then(Input::AnnouncementPlayed, at(2));
        story.then(Input::DeadlineReached, at(second));
        story.call.state().name()
    })
}

fn shortest(book: &Rulebook) -> String {
    around(500, |ms| Voicemail::is_message(Duration::from_millis(ms.unsigned_abs()), book))
}

fn terminate(book: &Rulebook) -> String {
    let mut story = story(book);
    let tells = |effects: &[Effect]| {
        effects.iter().filter(|it| matches!(it, Effect::SendTerminate(_))).count()
    };
    let at_start = tells(&story.effects);
    let at_end = tells(&story.then(Input::UserHungUp, at(9)));
    format!("{at_start} at the start, {at_end} at the end")
}

fn purpose(book: &Rulebook) -> String {
    around(250, |chars| {
        let purpose = "ã".repeat(usize::try_from(chars).unwrap());
        let wish = Wish { enabled: true, purpose: Some(&purpose), language: Some("pt") };
        said(check(Some(wish), None, book))
    })
}

const LANGUAGES: [&str; 7] = ["en", "en_IN", "nl", "es_ES", "pt", "fr", "ja"];

fn wish(language: &str) -> Wish<'_> {
    Wish { enabled: true, purpose: Some("quality"), language: Some(language) }
}

fn recorded_in(book: &Rulebook) -> String {
    LANGUAGES.map(|it| format!("{it} {}", said(check(Some(wish(it)), None, book)))).join(" | ")
}

fn written_in(book: &Rulebook) -> String {
    LANGUAGES.map(|it| format!("{it} {}", said(check(None, Some(wish(it)), book)))).join(" | ")
}

fn length(book: &Rulebook) -> String {
    around(7_200, |second| keeps(Duration::from_secs(second.unsigned_abs()), book))
}

fn announced_in(book: &Rulebook) -> String {
    let announced = |language| match check(None, Some(wish(language)), book) {
        Ok(plan) => plan.map_or_else(String::new, |plan| plan.language.into()),
        Err(refusal) => refusal.rule().to_owned(),
    };
    LANGUAGES.map(|it| format!("{it} {}", announced(it))).join(" | ")
}
