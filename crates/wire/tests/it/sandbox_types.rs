//! Are the pages' types of the sandbox API ours?
//!
//! `web/ui/src/sandbox.ts` is written by hand. Here every interface in it is held against the Rust type
//! of the same name: the field names that serde reads, exactly; and the goldens against what the
//! interface says of each field: its type, and whether it may be absent.

use std::collections::BTreeMap;

use serde::{
    Serialize,
    de::{self, DeserializeOwned, Visitor},
    forward_to_deserialize_any,
};
use serde_json::Value;
use wire::{
    graph::settings,
    sandbox::{self as ours, PermissionAction},
};

use super::{text_of, value};

/// An interface of the pages: its keys with their types, and whether each may be absent.
type Interface = BTreeMap<String, (String, bool)>;

#[test]
fn every_interface_has_the_keys_of_its_type() {
    let pages = interfaces();
    let same = [
        ("Refused", fields::<ours::Refused>()),
        ("State", fields::<ours::State>()),
        ("Clock", fields::<ours::Clock>()),
        ("App", fields::<ours::App>()),
        ("TokenScope", fields::<ours::TokenScope>()),
        ("Account", fields::<ours::Account>()),
        ("BusinessNumber", fields::<ours::Number>()),
        ("User", fields::<ours::User>()),
        ("Consent", fields::<ours::Consent>()),
        ("Counter", fields::<ours::Counter>()),
        ("Client", fields::<ours::Client>()),
        ("Behaviour", fields::<ours::Behaviour>()),
        ("KeyPress", fields::<ours::KeyPress>()),
        ("CallSummary", fields::<ours::CallSummary>()),
        ("CallEnd", fields::<ours::CallEnd>()),
        ("CallPage", fields::<ours::CallPage>()),
        ("CallInspection", fields::<ours::CallInspection>()),
        ("MessageInCall", fields::<ours::MessageInCall>()),
        ("StateChange", fields::<ours::StateChange>()),
        ("Legs", fields::<ours::Legs>()),
        ("LegReport", fields::<ours::LegReport>()),
        ("Heard", fields::<ours::Heard>()),
        ("Verdict", fields::<ours::Verdict>()),
        ("WebhookRecord", fields::<ours::WebhookRecord>()),
        ("WebhookAttempt", fields::<ours::WebhookAttempt>()),
        ("FaultDone", fields::<ours::FaultDone>()),
        ("Faults", fields::<ours::Faults>()),
        ("WebhookFaults", fields::<ours::WebhookFaults>()),
        ("GraphFaults", fields::<ours::GraphFaults>()),
        ("MediaFaults", fields::<ours::MediaFaults>()),
    ];
    for (name, fields) in same {
        let keys: Vec<_> = pages[name].keys().map(String::as_str).collect();
        let mut ours = fields.to_vec();
        ours.sort_unstable();
        assert_eq!(keys, ours, "the pages' {name} (left) is not the API's (right)");
    }
    // Of Graph's own shapes a page may leave out what it does not show.
    let parts = [
        ("Calling", fields::<settings::Calling>()),
        ("CallHours", fields::<settings::CallHours>()),
        ("OpeningHours", fields::<settings::OpeningHours>()),
        ("Holiday", fields::<settings::Holiday>()),
        ("Sip", fields::<settings::Sip>()),
        ("SipServer", fields::<settings::SipServer>()),
        ("Restriction", fields::<settings::Restriction>()),
    ];
    for (name, fields) in parts {
        for key in pages[name].keys() {
            assert!(fields.contains(&key.as_str()), "{name}.{key} is not in Graph's shape");
        }
    }
}

#[test]
fn every_list_of_words_is_the_same() {
    for (name, words) in [
        ("ClockMode", fields::<ours::ClockMode>()),
        ("PermissionAction", fields::<PermissionAction>()),
        ("Party", fields::<terms::Party>()),
        ("WebhookFault", fields::<ours::WebhookFault>()),
        ("FaultScope", fields::<ours::FaultScope>()),
    ] {
        let (mut pages, mut ours) = (words_of(name), words.to_vec());
        pages.sort();
        ours.sort_unstable();
        assert_eq!(pages, ours, "{name}");
    }
}

#[test]
fn every_golden_is_what_its_interface_says() {
    let pages = Pages(interfaces());
    pages.check::<ours::State>("State", &value("sandbox_state"));
    pages.check::<ours::CallInspection>("CallInspection", &value("sandbox_call"));
    pages.check::<ours::Faults>("Faults", &value("sandbox_faults"));
    pages.check::<ours::WebhookRecord>("WebhookRecord", &value("sandbox_webhook"));
    for behaviour in value("sandbox_behaviours").as_array().unwrap() {
        pages.check::<ours::Behaviour>("Behaviour", behaviour);
    }
}

struct Pages(BTreeMap<String, Interface>);

impl Pages {
    /// Holds a golden against a type of the pages.
    fn check<T: Serialize + DeserializeOwned>(&self, of: &str, golden: &Value) {
        // A key may be absent if the API reads the golden without it and does not write it either.
        let may_lack = |pointer: &str, key: &str| {
            let mut cut = golden.clone();
            cut.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key);
            let read: Result<T, _> = serde_json::from_value(cut);
            let written = read.map(|it| serde_json::to_value(it).unwrap());
            written.is_ok_and(|it| it.pointer(pointer).is_some_and(|it| it.get(key).is_none()))
        };
        self.look(of, golden, "", &may_lack);
    }

    fn look(&self, of: &str, value: &Value, at: &str, may_lack: &dyn Fn(&str, &str) -> bool) {
        let of = of.trim();
        if let Some(item) = of.strip_suffix("[]") {
            let list = value.as_array().unwrap_or_else(|| wrong(at, value, of)).iter().enumerate();
            list.for_each(|(nth, value)| self.look(item, value, &format!("{at}/{nth}"), may_lack));
        } else if let Some(item) = of.strip_prefix("Record<string, ") {
            let item = item.trim_end_matches('>');
            for (key, value) in value.as_object().unwrap_or_else(|| wrong(at, value, of)) {
                self.look(item, value, &format!("{at}/{key}"), may_lack);
            }
        } else if let Some(interface) = self.0.get(of) {
            let map = value.as_object().unwrap_or_else(|| wrong(at, value, of));
            for (key, (of, optional)) in interface {
                let absent = map.get(key).is_none() || may_lack(at, key);
                assert!(*optional || !absent, "{at}/{key} may be absent, the pages count on it");
                if let Some(value) = map.get(key) {
                    self.look(of, value, &format!("{at}/{key}"), may_lack);
                }
            }
        } else {
            let fits = match of {
                "string" | "Time" => value.is_string(),
                "number" => value.is_number(),
                "boolean" => value.is_boolean(),
                // Another file's type, or a union: its words are looked at above.
                _ => true,
            };
            if !fits {
                wrong(at, value, of);
            }
        }
    }
}

fn wrong(at: &str, value: &Value, of: &str) -> ! {
    panic!("{at}: {value} is no {of}")
}

/// Every `export interface` of the file.
fn interfaces() -> BTreeMap<String, Interface> {
    let text = text_of("../../web/ui/src/sandbox.ts");
    let mut found = BTreeMap::new();
    for part in text.split("export interface ").skip(1) {
        let (name, rest) = part.split_once(" {").unwrap();
        let body = rest.split("\n}").next().unwrap();
        let lines = body.lines().map(str::trim).filter(|line| !line.starts_with(['/', '*']));
        let keys = lines.filter_map(|line| line.strip_suffix(';')?.split_once(": "));
        let interface = keys.map(|(key, of)| {
            let bare = key.trim_end_matches('?');
            (bare.to_owned(), (of.to_owned(), bare != key))
        });
        found.insert(name.to_owned(), interface.collect());
    }
    found
}

/// The words of an `export type NAME = "a" | "b";`.
fn words_of(name: &str) -> Vec<String> {
    let text = text_of("../../web/ui/src/sandbox.ts");
    let (_, rest) = text.split_once(&format!("export type {name} =")).unwrap();
    let (union, _) = rest.split_once(';').unwrap();
    union.split('|').map(|word| word.trim().trim_matches('"').to_owned()).collect()
}

/// The names serde reads a struct's fields or an enum's words by.
fn fields<T: DeserializeOwned>() -> &'static [&'static str] {
    let Err(Asked(names)) = T::deserialize(Ask) else { panic!("it asked for nothing") };
    names
}

/// A deserializer that only listens to what it is asked for.
struct Ask;

/// What was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{0:?}")]
struct Asked(&'static [&'static str]);

impl de::Error for Asked {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self(&[])
    }
}

impl<'de> de::Deserializer<'de> for Ask {
    type Error = Asked;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked(&[]))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Asked> {
        Err(Asked(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Asked> {
        Err(Asked(words))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}
