//! Was every call a killed gateway had let go by the next one?
//!
//! Pure: when gateways were up and killed, which calls lived on the platform then, what was asked of it
//! and how the calls ended come in; what became of each comes out.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

/// How long a gateway that is up may take to ask for the end of what a dead one left.
pub(crate) const ASKED_WITHIN: Duration = Duration::from_secs(1);
/// How long after that the platform may have the call, with what its clock and ours differ.
const ENDED_WITHIN: Duration = Duration::from_secs(2);

/// The life of one gateway.
pub(crate) struct Life {
    pub(crate) up: SystemTime,
    /// The calls that lived on the platform when it was up.
    pub(crate) live_at_up: BTreeSet<String>,
    pub(crate) killed: SystemTime,
}

/// A call that lived on the platform when its gateway was killed.
pub(crate) struct LeftBehind {
    pub(crate) call: String,
    /// How many gateways had lived by then, its own among them.
    pub(crate) lives: usize,
    /// When a gateway could first know its id, where its own never learnt it.
    pub(crate) known: Option<SystemTime>,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Became {
    /// A gateway asked for its end, so long after it was up; most ask before they say that they are.
    Terminated(Duration),
    /// It was over before a gateway was up long enough.
    OverBefore,
}

impl LeftBehind {
    /// What became of it, or why that is not good enough; `asked` is every request for its end.
    pub(crate) fn became(
        &self,
        lives: &[Life],
        asked: &[SystemTime],
        ended: SystemTime,
    ) -> Result<Became, String> {
        for (nth, life) in lives.iter().enumerate().skip(self.lives) {
            let known = self.known.map_or(life.up, |known| known.max(life.up));
            let until = known + ASKED_WITHIN;
            let asked = asked.iter().filter(|asked| **asked <= until.min(life.killed)).max();
            if let Some(asked) = asked {
                let took = asked.duration_since(life.up).unwrap_or_default();
                let in_time = ended <= *asked + ENDED_WITHIN;
                let late = || format!("{} went on after its end was asked for", self.call);
                return in_time.then_some(Became::Terminated(took)).ok_or_else(late);
            }
            if !life.live_at_up.contains(&self.call) {
                return Ok(Became::OverBefore);
            }
            if until <= life.killed && ended > until {
                return Err(format!("{}: gateway {nth} was up and did not end it", self.call));
            }
        }
        // Nobody was up long enough, and it is over.
        Ok(Became::OverBefore)
    }
}

#[test]
fn a_call_that_no_gateway_ends_is_found() {
    let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
    let life = |up, killed| {
        let live_at_up = BTreeSet::from(["a".to_owned()]);
        Life { up: at(up), live_at_up, killed: at(killed) }
    };
    let left = |known| LeftBehind { call: "a".into(), lives: 1, known };
    let lives = [life(0, 100), life(200, 700), life(900, 9_000)];
    let became = |asked: &[u64], ended| {
        let asked: Vec<_> = asked.iter().map(|ms| at(*ms)).collect();
        left(None).became(&lives, &asked, at(ended))
    };
    let after = |ms| Ok(Became::Terminated(Duration::from_millis(ms)));
    assert_eq!(became(&[190], 210), after(0), "asked for before it said that it was up");
    assert_eq!(became(&[300], 310), after(100));
    assert_eq!(became(&[1_000], 1_010), after(100), "killed too soon; the next one did it");
    assert_eq!(became(&[], 1_500), Ok(Became::OverBefore), "the user was faster");
    assert!(became(&[], 5_000).is_err(), "the user had to hang up");
    assert!(became(&[2_500], 2_510).is_err(), "too late");
    assert!(became(&[300], 5_000).is_err(), "asked for, and not ended");
    let unknown = left(Some(at(3_000)));
    assert_eq!(unknown.became(&lives, &[at(3_100)], at(3_110)), after(2_200));
    assert!(unknown.became(&lives, &[], at(6_000)).is_err());
    let gone = [life(0, 100), Life { live_at_up: BTreeSet::new(), ..life(200, 9_000) }];
    assert_eq!(left(None).became(&gone, &[], at(150)), Ok(Became::OverBefore));
    let asked = left(None).became(&gone, &[at(180)], at(190));
    assert_eq!(asked, after(0), "asked for and over before it was up");
}
