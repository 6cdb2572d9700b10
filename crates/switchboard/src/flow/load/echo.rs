//! `echo`: the caller hears the caller.

use super::{
    super::{Step, document::Value},
    Reader, Table,
    step::Action,
};

pub(super) const ECHO: Action = Action { name: "echo", keys: &["next"], read };

fn read(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    Step::Echo { lasting: reader.span_of(value), next: reader.goto(step, "next") }
}
