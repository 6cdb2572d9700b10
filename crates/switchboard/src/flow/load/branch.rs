//! `branch`: the keys that were pressed choose the next step.

use std::collections::BTreeMap;

use super::{
    super::{
        Key, Step,
        document::{Entry, Value, What},
    },
    Reader, Table,
    step::Action,
};

pub(super) const BRANCH: Action = Action { name: "branch", keys: &["otherwise"], read };

fn read(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    let on = if let What::Table(entries) = &value.what {
        branches(reader, entries)
    } else {
        reader.fault(&value.place, "write branch = { \"1\" = \"step\" }".into());
        BTreeMap::new()
    };
    Step::Branch { on, otherwise: reader.goto(step, "otherwise") }
}

/// Keys and the steps they lead to.
pub(super) fn branches(reader: &mut Reader<'_>, entries: &[Entry]) -> BTreeMap<String, usize> {
    let mut on = BTreeMap::new();
    for Entry { name, value } in entries {
        let keys = &name.text;
        if keys.is_empty() || !keys.chars().all(|sign| Key::new(sign).is_some()) {
            let why = format!("`{keys}` cannot be pressed: a branch is on keys 0-9, * and #");
            reader.fault(&name.place, why);
        }
        on.insert(keys.clone(), reader.step_named(value));
    }
    on
}
