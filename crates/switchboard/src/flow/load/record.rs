//! `record`: the recording is turned on, paused or off.

use super::{
    super::{
        Step,
        document::Value,
        record::{Record, Turn},
    },
    Reader, Table,
    step::Action,
};

pub(super) const RECORD: Action = Action { name: "record", keys: &["announce", "next"], read };

fn read(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    let turn = match reader.text_of(value) {
        Some("on") => Turn::On,
        Some("pause") => Turn::Pause,
        Some("off") => Turn::Off,
        Some(_) => {
            reader.fault(&value.place, "`record` is \"on\", \"pause\" or \"off\"".into());
            Turn::Off
        }
        None => Turn::Off,
    };
    if reader.supplies.by_platform {
        let why = "the platform records these calls from when they are answered, and a flow cannot \
                   steer that: leave the step out";
        reader.fault(&value.place, why.into());
    }
    let announce = step.get("announce").map(|value| {
        if turn != Turn::On {
            reader.fault(&value.place, "only record = \"on\" is announced".into());
        }
        reader.sound(value)
    });
    Step::Record(Record { turn, announce, next: reader.goto(step, "next") })
}
