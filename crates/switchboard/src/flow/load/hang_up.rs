//! `hang_up`: the call ends.

use super::{
    super::{
        Step,
        document::{Value, What},
    },
    Reader, Table,
    step::Action,
};

pub(super) const HANG_UP: Action = Action { name: "hang_up", keys: &[], read };

fn read(reader: &mut Reader<'_>, _step: &Table<'_>, value: &Value) -> Step {
    if !matches!(value.what, What::Truth(true)) {
        reader.fault(&value.place, "write hang_up = true".into());
    }
    Step::HangUp
}
