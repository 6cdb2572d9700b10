//! Rules of media files.

use std::time::Duration;

use offhook_rules::{
    media_files::{Upload, UseCase, check, expires_at, link_until},
    rulebook::Rulebook,
};

use super::{Case, around, said};
use crate::facts::at;

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "files.upload_types",
        other: ["audio/ogg 10", "image/png 10"],
        verdict: upload_types,
    },
    Case {
        rule: "files.announcement_types",
        other: ["audio/mpeg", "audio/aac"],
        verdict: announcement_types,
    },
    Case { rule: "files.announcement_below", other: ["30 s", "31 s"], verdict: announcement_below },
    Case { rule: "files.description_chars_max", other: ["10", "20"], verdict: description },
    Case { rule: "files.upload_lifetime", other: ["1 d", "2 d"], verdict: upload_lifetime },
    Case { rule: "files.capture_lifetime", other: ["1 d", "2 d"], verdict: capture_lifetime },
    Case { rule: "files.link_lifetime", other: ["1 min", "2 min"], verdict: link_lifetime },
];

fn upload() -> Upload<'static> {
    Upload {
        mime: "audio/ogg",
        bytes: 1,
        use_case: UseCase::Message,
        ogg_opus: None,
        description_chars: 0,
    }
}

fn upload_types(book: &Rulebook) -> String {
    around(16_777_216, |bytes| {
        said(check(&Upload { bytes: bytes.unsigned_abs(), ..upload() }, book))
    })
}

fn announcement(mime: &str, ms: u64, book: &Rulebook) -> &'static str {
    let use_case = UseCase::CallVoicemailAnnouncement;
    let ogg_opus = Some(Duration::from_millis(ms));
    said(check(&Upload { mime, use_case, ogg_opus, ..upload() }, book))
}

fn announcement_types(book: &Rulebook) -> String {
    let types = ["audio/ogg", "audio/mpeg", "audio/aac"];
    types.map(|mime| format!("{mime} {}", announcement(mime, 1, book))).join(" | ")
}

fn announcement_below(book: &Rulebook) -> String {
    around(60_000, |ms| announcement("audio/ogg", ms.unsigned_abs(), book))
}

fn description(book: &Rulebook) -> String {
    around(512, |chars| {
        let description_chars = usize::try_from(chars).unwrap();
        said(check(&Upload { description_chars, ..upload() }, book))
    })
}

fn life(use_case: UseCase, book: &Rulebook, second: i64) -> &'static str {
    let end = expires_at(use_case, at(0), book).unwrap();
    if end <= at(second) { "gone" } else { "kept" }
}

fn upload_lifetime(book: &Rulebook) -> String {
    around(30 * 86_400, |second| life(UseCase::Message, book, second))
}

fn capture_lifetime(book: &Rulebook) -> String {
    around(7 * 86_400, |second| life(UseCase::CallRecording, book, second))
}

fn link_lifetime(book: &Rulebook) -> String {
    around(300, |second| if link_until(at(0), book) <= at(second) { "over" } else { "works" })
}
