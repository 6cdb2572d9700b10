//! Is `docs/verdicts.md` what the table says? `UPDATE_DOCS=1` writes it.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use rules::call::Verdict;

use super::{Code, code::Family};

const DOC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/verdicts.md");

const HEAD: &str = "# Why was this call silent?\n\n\
`GET /sandbox/v1/calls/{id}` lists `verdicts`: each has a `code` of this table, a `text` with the figures\n\
of that call, and a `fix`. The first one is the one to mend: without a path there are no keys, without\n\
keys no sound. Addresses stand in the answer, never in the log.\n\n\
Written from the table in `crates/platform/src/calls/findings/code.rs` by its test\n\
(`UPDATE_DOCS=1 cargo test -p offhook-platform verdicts_md`).\n";

#[test]
fn verdicts_md_is_the_table() {
    let mut doc = HEAD.to_owned();
    for (family, title) in [
        (Family::Fault, "On purpose"),
        (Family::Delivery, "Not heard of (webhooks)"),
        (Family::Signalling, "Not heard of (SIP)"),
        (Family::Path, "No path (ICE)"),
        (Family::Keys, "No keys (DTLS, SRTP)"),
        (Family::Sound, "No sound (RTP)"),
        (Family::Session, "The words of the SDP"),
    ] {
        write!(doc, "\n## {title}\n\n| Code | Cause | Cure |\n|---|---|---|\n").unwrap();
        for code in Code::ALL.iter().filter(|code| code.family() == family) {
            writeln!(doc, "| `{}` | {} | {} |", code.as_str(), code.cause(), code.cure()).unwrap();
        }
    }
    doc.push_str("\n## Legal, and worth knowing\n\n| Code | Cause | Cure |\n|---|---|---|\n");
    for note in [
        Verdict::MediaBeforeAccept,
        Verdict::MediaBeforePickUp,
        Verdict::NoPreAccept,
        Verdict::NotAnnounced,
        Verdict::VoicemailNotPlayed,
        Verdict::NotKept,
    ] {
        writeln!(doc, "| `{}` | {} | {} |", note.as_str(), note.text(), note.fix()).unwrap();
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(DOC, &doc).unwrap();
    }
    let written = std::fs::read_to_string(Path::new(DOC)).unwrap_or_default();
    assert!(written == doc, "docs/verdicts.md is out of date; run with UPDATE_DOCS=1");
}

#[test]
fn names_are_unique() {
    let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len());
}
