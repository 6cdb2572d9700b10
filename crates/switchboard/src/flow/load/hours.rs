//! `hours`: is the business open now?

use super::{
    super::{
        Hours, Step,
        document::{Value, What},
    },
    Reader, Table,
    step::Action,
};

pub(super) const HOURS: Action = Action { name: "hours", keys: &["open", "closed"], read };

fn read(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    Step::Hours {
        hours: spans(reader, value),
        open: reader.goto(step, "open"),
        closed: reader.goto(step, "closed"),
    }
}

fn spans(reader: &mut Reader<'_>, value: &Value) -> Hours {
    let mut hours = Hours::new(reader.zone.clone());
    let What::List(spans) = &value.what else {
        let why = "write hours as a list: hours = [\"mon-fri 08:00-18:00\"]";
        reader.fault(&value.place, why.into());
        return hours;
    };
    for span in spans {
        let Some(text) = reader.text_of(span) else { continue };
        if !hours.add(text) {
            let why = format!(
                "`{text}` is not opening hours: write \"mon-fri 08:00-18:00\" or \"sat 09:00-13:00\""
            );
            reader.fault(&span.place, why);
        }
    }
    hours
}
