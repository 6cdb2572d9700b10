//! Do the pages know every key and word of the frames?
//!
//! The pages' types are written by hand beside ours. A key that was renamed on one side only, or a
//! word that a page has never heard of, fails here rather than in front of a person.

use std::collections::BTreeSet;

use serde_json::Value;
use wire::handset::EndedReason;

use super::{text_of, value};

/// Fields whose texts are words of a list.
const WORD_FIELDS: [&str; 10] =
    ["type", "state", "kind", "from", "choice", "role", "why", "fault", "direction", "reason"];

fn collect(value: &Value, keys: &mut BTreeSet<String>, words: &mut BTreeSet<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|item| collect(item, keys, words)),
        Value::Object(map) => {
            for (key, item) in map {
                keys.insert(key.clone());
                if let (true, Some(word)) = (WORD_FIELDS.contains(&key.as_str()), item.as_str()) {
                    words.insert(word.to_owned());
                }
                collect(item, keys, words);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_pages_know_every_key_and_word() {
    let pages = text_of("../../web/ui/src/wire.ts");
    let (mut keys, mut words) = (BTreeSet::new(), BTreeSet::new());
    for name in ["phone_frames", "platform_frames", "console_frames", "gateway_frames"] {
        collect(&value(name), &mut keys, &mut words);
    }
    words.extend(EndedReason::WORDS.iter().map(|word| (*word).to_owned()));
    assert!(keys.len() > 30 && words.len() > 30, "{keys:?} {words:?}");

    let has_key = |key: &String| {
        [format!(" {key}: "), format!(" {key}?: ")].iter().any(|text| pages.contains(text))
    };
    let strange: Vec<_> = keys.iter().filter(|key| !has_key(key)).collect();
    assert!(strange.is_empty(), "keys the pages do not have: {strange:?}");
    let strange: Vec<_> =
        words.iter().filter(|word| !pages.contains(&format!("\"{word}\""))).collect();
    assert!(strange.is_empty(), "words the pages do not have: {strange:?}");
}
