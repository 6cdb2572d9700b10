//! Can every step be reached, and can every caller get out?
//!
//! A step nothing leads to is a slip. A circle of steps in which the caller is never asked, rung
//! through or heard would turn until the caller hangs up, and is refused with its steps named.

use std::time::Duration;

use super::{Fault, Flow, Step};

/// Adds the faults of a flow whose steps are sound one by one; `lines` are the lines of its steps.
pub(super) fn reach(flow: &Flow, faults: &mut Vec<Fault>, lines: &[usize]) {
    let mut reached = vec![false; flow.steps.len()];
    let mut ahead = vec![flow.start];
    while let Some(index) = ahead.pop() {
        if !std::mem::replace(&mut reached[index], true) {
            ahead.extend(next_steps(&flow.steps[index].step));
        }
    }
    for (index, _) in reached.iter().enumerate().filter(|(_, reached)| !**reached) {
        let why =
            format!("nothing leads to step `{}`: use it or remove it", flow.steps[index].name);
        faults.push(Fault { line: lines[index], why });
    }
    if let Some(circle) = deaf_circle(flow) {
        let names: Vec<&str> = circle.iter().map(|&i| flow.steps[i].name.as_str()).collect();
        let why = format!(
            "the caller would go round without being asked: {} → {}",
            names.join(" → "),
            names[0]
        );
        faults.push(Fault { line: lines[circle[0]], why });
    }
}

/// Reads `5s`, `500ms`, `2m` or `1h`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|sign: char| !sign.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    match &text[digits..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(number.checked_mul(3_600)?)),
        _ => None,
    }
}

fn next_steps(step: &Step) -> Vec<usize> {
    match step {
        Step::Hours { open, closed, hours: _ } => vec![*open, *closed],
        Step::Play { next, prompt: _ } | Step::Echo { next, lasting: _ } => vec![*next],
        Step::Gather(gather) => vec![gather.next, gather.silence],
        Step::Branch { on, otherwise } => on.values().copied().chain([*otherwise]).collect(),
        Step::Ring(ringing) => vec![ringing.no_answer],
        Step::Queue(queue) => {
            let callback = queue.callback.map(|(_, next)| next);
            [queue.overflow].into_iter().chain(queue.no_agents).chain(callback).collect()
        }
        Step::HangUp => Vec::new(),
    }
}

/// Whether the caller cannot do anything in this step but listen.
fn is_deaf(step: &Step) -> bool {
    match step {
        Step::Hours { .. } | Step::Play { .. } | Step::Branch { .. } => true,
        Step::Gather(_) | Step::Ring(_) | Step::Queue(_) | Step::Echo { .. } | Step::HangUp => {
            false
        }
    }
}

/// The first circle made of deaf steps alone, in walking order.
fn deaf_circle(flow: &Flow) -> Option<Vec<usize>> {
    let mut cleared = vec![false; flow.steps.len()];
    (0..flow.steps.len()).find_map(|from| walk(flow, from, &mut Vec::new(), &mut cleared))
}

fn walk(flow: &Flow, at: usize, path: &mut Vec<usize>, cleared: &mut [bool]) -> Option<Vec<usize>> {
    if let Some(start) = path.iter().position(|&step| step == at) {
        return Some(path[start..].to_vec());
    }
    if cleared[at] || !is_deaf(&flow.steps[at].step) {
        return None;
    }
    path.push(at);
    for next in next_steps(&flow.steps[at].step) {
        if let Some(circle) = walk(flow, next, path, cleared) {
            return Some(circle);
        }
    }
    path.pop();
    cleared[at] = true;
    None
}
