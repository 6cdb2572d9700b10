//! Can every step be reached, and can every caller get out?
//!
//! A step nothing leads to is a slip. A circle of steps in which the caller is never asked, rung
//! through or heard would turn until the caller hangs up, and is refused with its steps named.

use super::Flow;

/// Finds the faults of a flow whose steps are sound one by one; callers come in at the entries.
/// Each is told with the step it is in.
pub(super) fn reach(flow: &Flow, entries: &[usize], mut fault: impl FnMut(usize, String)) {
    let mut reached = vec![false; flow.steps.len()];
    let mut ahead = entries.to_vec();
    while let Some(index) = ahead.pop() {
        let Some(seen) = reached.get_mut(index) else { continue };
        if !std::mem::replace(seen, true) {
            ahead.extend(flow.nexts(index).into_iter().map(|(_, next)| next));
        }
    }
    for (index, _) in reached.iter().enumerate().filter(|(_, reached)| !**reached) {
        fault(index, "nothing leads to it: use it or remove it".into());
    }
    if let Some(circle) = deaf_circle(flow) {
        let mut names: Vec<&str> = circle.iter().map(|&index| flow.name_of(index)).collect();
        names.extend(names.first().copied());
        let why = format!("the caller would go round without being asked: {}", names.join(" → "));
        fault(circle.first().copied().unwrap_or(0), why);
    }
}

/// The first circle made of deaf steps alone, in walking order.
fn deaf_circle(flow: &Flow) -> Option<Vec<usize>> {
    let mut cleared = vec![false; flow.steps.len()];
    (0..flow.steps.len()).find_map(|from| walk(flow, from, &mut Vec::new(), &mut cleared))
}

fn walk(flow: &Flow, at: usize, path: &mut Vec<usize>, cleared: &mut [bool]) -> Option<Vec<usize>> {
    if let Some(start) = path.iter().position(|&step| step == at) {
        return path.get(start..).map(<[usize]>::to_vec);
    }
    let deaf = flow.steps.get(at).is_some_and(|named| named.step.is_deaf());
    if !deaf || cleared.get(at).copied().unwrap_or(true) {
        return None;
    }
    path.push(at);
    for (_, next) in flow.nexts(at) {
        if let Some(circle) = walk(flow, next, path, cleared) {
            return Some(circle);
        }
    }
    path.pop();
    if let Some(cleared) = cleared.get_mut(at) {
        *cleared = true;
    }
    None
}
