//! Which action is this step's, and who reads it?

use terms::nearest;

use super::{
    super::{
        Step,
        document::{Entry, Value},
    },
    Reader, Table, bot, branch, echo, gather, hang_up, hours, play, queue, record, redirect, ring,
    say, set, trunk, voicemail, when,
};

/// One thing a step can do.
pub(super) struct Action {
    /// The key that names it.
    pub(super) name: &'static str,
    /// What the step may say beside it.
    pub(super) keys: &'static [&'static str],
    /// Reads the step; the value is that of the action's own key.
    pub(super) read: fn(&mut Reader<'_>, &Table<'_>, &Value) -> Step,
}

/// Every action.
const ACTIONS: [Action; 17] = [
    hours::HOURS,
    play::PLAY,
    say::SAY,
    gather::GATHER,
    gather::MENU,
    branch::BRANCH,
    when::WHEN,
    set::SET,
    redirect::REDIRECT,
    ring::RING,
    queue::QUEUE,
    bot::BOT,
    trunk::TRUNK,
    record::RECORD,
    voicemail::VOICEMAIL,
    echo::ECHO,
    hang_up::HANG_UP,
];

impl Reader<'_> {
    pub(super) fn step(&mut self, step: &Table<'_>) -> Step {
        let mut actions: Vec<&Action> =
            ACTIONS.iter().filter(|action| step.get(action.name).is_some()).collect();
        // What stands beside another action, such as the `say` of a menu, is a key of that one.
        let beside: Vec<&str> = actions.iter().flat_map(|action| action.keys).copied().collect();
        actions.retain(|action| !beside.contains(&action.name));
        let (&[action], Some(value)) =
            (actions.as_slice(), actions.first().and_then(|action| step.get(action.name)))
        else {
            self.not_one_action(step, actions.len());
            return Step::HangUp;
        };
        let known: Vec<&str> =
            std::iter::once(action.name).chain(action.keys.iter().copied()).collect();
        for Entry { name, value: _ } in step.entries {
            self.known(name, &known, &format!("in a `{}` step", action.name));
        }
        (action.read)(self, step, value)
    }

    fn not_one_action(&mut self, step: &Table<'_>, found: usize) {
        if found > 0 {
            self.fault(step.place, format!("it does {found} things: split it, one action a step"));
            return;
        }
        let actions = ACTIONS.map(|action| action.name);
        let near = |entry: &Entry| Some((entry.name.clone(), nearest(&entry.name.text, &actions)?));
        if let Some((name, nearest)) = step.entries.iter().find_map(near) {
            let why = format!("unknown key `{}`: did you mean `{nearest}`?", name.text);
            self.fault(&name.place, why);
            return;
        }
        self.fault(step.place, format!("it does nothing: give it one of {}", actions.join(", ")));
    }
}
