//! What becomes of packets when the network loses, repeats, spoils and delays them?
//!
//! The engine's own packet core ([`engine::rehearsal`]) in virtual time: one media thread as the
//! platform's edge, on its muxed port, and one for each far end of a few calls, on
//! a socket of its own. Everything between them goes through a
//! network of dice. A seed is the same weather again, not the same story: keys are as random as ever,
//! and so are the moments at which DTLS repeats itself.
//!
//! ```text
//!   user ◀──▶ ┌─ network ─┐ ◀──▶ platform: user's leg ═ business's leg ◀──▶ ┌─ network ─┐ ◀──▶ business
//! ```

mod end;
mod network;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use engine::rehearsal::Rehearsal;
use engine::{LegEvent, MediaWatch, Source};
use media::leg::IceRole;

use self::end::{End, frames};
use self::network::{Delivered, Network, Weather};
use crate::dice::Dice;

/// A turn of every media thread.
const TURN: Duration = Duration::from_millis(2);

/// Between two reports of a leg.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How long the platform bears silence.
const SILENCE: Duration = Duration::from_secs(4);

/// How long calls may take to come up: DTLS repeats a flight after one, two and four seconds.
const SET_UP_MAX: Duration = Duration::from_secs(40);

/// How long people talk, and how long one user is in the dark meanwhile.
const TALK: Duration = Duration::from_secs(6);
const DARK: Duration = Duration::from_secs(6);

/// Packets that may be heard and not passed on: those from before the first one that was.
const EARLIER_MAX: u64 = 8;

/// What is played.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Where all chance comes from.
    pub seed: u64,
    /// Calls at the same time.
    pub calls: u8,
    /// Keeps every so manieth delivered packet out of the network's account: the legs' counts must
    /// then be found wrong. None in an honest run.
    pub hides_every: Option<u64>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What was not as it must be; empty when all is well.
    pub faults: Vec<String>,
    /// What happened when, of each call.
    pub story: Vec<String>,
    /// Packets of media that were delivered as they were sent.
    pub delivered: u64,
    /// Further copies of them.
    pub again: u64,
    /// Copies with a bit turned.
    pub spoiled: u64,
    /// Datagrams from an address nobody has.
    pub strange: u64,
    /// Datagrams that were lost.
    pub lost: u64,
    /// Times a leg was told silent.
    pub silences: u64,
}

/// Plays calls from beginning to end; `start` is the moment virtual time counts from.
///
/// # Panics
///
/// When there is no memory or no descriptor for a media thread.
#[must_use]
pub fn run(plan: Plan, start: Instant) -> Report {
    let mut world = World::new(plan, start);
    world.set_up();
    world.talk();
    world.compare();
    world.hang_up();

    world.finish()
}

struct World {
    start: Instant,
    now: Duration,
    platform: Rehearsal,
    platform_addr: SocketAddr,
    calls: Vec<Call>,
    network: Network,
    report: Report,
}

/// A call's four legs.
struct Call {
    user: End,
    business: End,
    at_user: end::Leg,
    at_business: end::Leg,
}

impl World {
    fn new(plan: Plan, start: Instant) -> Self {
        let mut dice = Dice::new(plan.seed);
        let weather = Weather {
            lost: dice.roll(15),
            twice: dice.roll(8),
            spoiled: dice.roll(8),
            echoed: dice.roll(4),
            way_ms: 1 + dice.roll(60),
        };
        let platform_addr = SocketAddr::from(([10, 0, 0, 1], 3480));
        let mut platform = Rehearsal::new(platform_addr, start, REPORT_EVERY).expect("a thread");
        let calls = (0..plan.calls).map(|nth| Call::new(nth, &mut platform, start)).collect();
        let network = Network::new(plan.seed ^ 0x5EED, weather, plan.hides_every);

        let report = Report::default();
        Self { start, now: Duration::ZERO, platform, platform_addr, calls, network, report }
    }

    /// Lets ICE and DTLS run until all calls are up.
    fn set_up(&mut self) {
        while self.now < SET_UP_MAX && !self.calls.iter().all(Call::is_up) {
            self.turn();
        }
        for (nth, call) in self.calls.iter().enumerate() {
            if !call.is_up() {
                self.report.faults.push(format!("call {nth} did not come up: {:?}", call.news()));
            }
        }
    }

    /// Users speak, businesses echo, and one user is not reached for a while.
    fn talk(&mut self) {
        for (nth, call) in self.calls.iter().enumerate() {
            call.speak(u32::try_from(nth).unwrap_or_default());
        }
        self.pass(TALK);
        let Some(first) = self.calls.first() else { return };
        let addr = first.user.addr;
        self.network.darken(addr, true);
        self.pass(DARK);
        self.network.darken(addr, false);
        self.pass(TALK);
        // What is on the way arrives, and nothing new sets out.
        self.network.clear_up();
        for call in &self.calls {
            call.fall_silent();
        }
        self.pass(Duration::from_millis(500));
    }

    fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        while self.now < until {
            self.turn();
        }
    }

    fn turn(&mut self) {
        self.now += TURN;
        let now = self.start + self.now;
        let arrived = self.network.arrived(self.now);
        let (mut at_platform, mut elsewhere) = (Vec::new(), Vec::new());
        for datagram in arrived {
            let here = datagram.to == self.platform_addr;
            if here { &mut at_platform } else { &mut elsewhere }.push(datagram);
        }
        let mut left = self.platform.turn(now, at_platform);
        for call in &mut self.calls {
            for end in [&mut call.user, &mut call.business] {
                let (own, others) = elsewhere.into_iter().partition(|it| it.to == end.addr);
                elsewhere = others;
                left.extend(end.core.turn(now, own));
            }
        }
        for datagram in left {
            self.network.send(datagram, self.now);
        }
        self.hear();
    }

    /// Takes the news of the platform's legs and of the far ends'.
    fn hear(&mut self) {
        for (nth, call) in self.calls.iter_mut().enumerate() {
            for (whose, leg) in call.legs() {
                for event in leg.take_news() {
                    self.report.silences +=
                        u64::from(matches!(event, LegEvent::MediaStopped { .. }));
                    if let Some(fault) = is_wrong(whose, nth, &event) {
                        self.report.faults.push(fault);
                    }
                    let ms = self.now.as_millis();
                    self.report
                        .story
                        .push(format!("{ms} ms, call {nth}, {whose}: {}", name(&event)));
                }
            }
        }
    }

    /// Compares what each leg counted with what the network delivered.
    fn compare(&mut self) {
        let platform = self.platform_addr;
        for nth in 0..self.calls.len() {
            for call in &mut self.calls {
                call.ask();
            }
            self.turn();
            let call = &mut self.calls[nth];
            let (user, business) = (call.user.addr, call.business.addr);
            let ways = [
                ("platform's user leg", user, platform, call.at_user.stats()),
                ("platform's business leg", business, platform, call.at_business.stats()),
                ("user", platform, user, call.user.leg.stats()),
                ("business", platform, business, call.business.leg.stats()),
            ];
            let marks = call.user.leg.marks();
            let faults = &mut self.report.faults;
            for (whose, from, to, stats) in &ways {
                let delivered = self.network.delivered(*from, *to);
                self.report.delivered += delivered.sound;
                self.report.again += delivered.again;
                self.report.spoiled += delivered.spoiled;
                // A socket that is not connected takes datagrams of everybody.
                let strange = if *to == platform { 0 } else { self.network.strange(*to) };
                self.report.strange += strange;
                if let Some(fault) = miscounted(delivered, strange, stats) {
                    faults.push(format!("call {nth}, {whose}: {fault}"));
                }
            }
            let [at_user, at_business, _, at_echo] = ways.map(|(.., stats)| stats);
            for (whose, heard, sent) in [
                ("to the business", &at_user, &at_business),
                ("to the user", &at_business, &at_user),
                ("echo", &at_echo, &at_echo),
            ] {
                let missing = heard.received.packets.abs_diff(sent.sent.packets);
                if missing > EARLIER_MAX {
                    let (heard, sent) = (heard.received.packets, sent.sent.packets);
                    faults.push(format!("call {nth}, {whose}: heard {heard}, passed on {sent}"));
                }
            }
            if marks.foreign > 0 || marks.unmarked > 0 || marks.own == 0 {
                faults.push(format!("call {nth}: the user heard {marks:?}"));
            }
        }
        self.report.strange += self.network.strange(platform);
        self.report.lost = self.network.lost;
    }

    fn hang_up(&mut self) {
        for call in &mut self.calls {
            call.let_go();
        }
        self.turn();
        self.turn();
        if self.platform.legs() > 0 {
            self.report.faults.push(format!("{} legs were not closed", self.platform.legs()));
        }
        for (nth, call) in self.calls.iter().enumerate() {
            if !call.has_ended() {
                self.report.faults.push(format!("call {nth} was not told its end"));
            }
        }
    }

    fn finish(self) -> Report {
        let Self { mut report, calls, .. } = self;
        if report.silences != u64::from(!calls.is_empty()) {
            report.faults.push(format!("{} legs were told silent, not one", report.silences));
        }
        report
    }
}

impl Call {
    fn new(nth: u8, platform: &mut Rehearsal, start: Instant) -> Self {
        let watch = MediaWatch { start: Duration::from_secs(60), mid_call: SILENCE };
        let at_user = end::Leg::open(platform, IceRole::Lite, Some(watch), None);
        let at_business = end::Leg::open(platform, IceRole::Lite, None, Some(at_user.id()));
        let user = End::new([10, 0, 1, nth], start, REPORT_EVERY);
        let business = End::new([10, 0, 2, nth], start, REPORT_EVERY);
        user.leg.meet(&at_user);
        business.leg.meet(&at_business);
        at_user.bridge(&at_business);

        Self { user, business, at_user, at_business }
    }

    fn legs(&mut self) -> [(&'static str, &mut end::Leg); 4] {
        [
            ("user", &mut self.user.leg),
            ("platform's user leg", &mut self.at_user),
            ("platform's business leg", &mut self.at_business),
            ("business", &mut self.business.leg),
        ]
    }

    fn all(&self) -> [&end::Leg; 4] {
        [&self.user.leg, &self.at_user, &self.at_business, &self.business.leg]
    }

    fn is_up(&self) -> bool {
        self.all().iter().all(|leg| leg.is_up)
    }

    fn has_ended(&self) -> bool {
        self.all().iter().all(|leg| leg.has_ended)
    }

    fn news(&self) -> [bool; 4] {
        self.all().map(|leg| leg.is_up)
    }

    /// The business's gate opens before the user's, and the platform's before both.
    fn speak(&self, tag: u32) {
        self.at_user.speaks(None);
        self.at_business.speaks(None);
        self.business.leg.speaks(Some(Source::Echo));
        self.user.leg.speaks(Some(frames()));
        self.user.leg.mark(tag);
    }

    fn fall_silent(&self) {
        self.user.leg.falls_silent();
    }

    fn ask(&mut self) {
        for (_, leg) in self.legs() {
            leg.ask();
        }
    }

    fn let_go(&mut self) {
        for (_, leg) in self.legs() {
            leg.close();
        }
    }
}

/// How a leg's counts differ from what was delivered to it; none when they agree. What came before there
/// were keys is among the unknown, with checks nobody could read; what nobody sent may be among the rest.
fn miscounted(delivered: Delivered, strange: u64, stats: &engine::LegStats) -> Option<String> {
    let heard = stats.received.packets + stats.received.reports;
    let early = stats.drops.unknown;
    let all = heard + stats.drops.replay + stats.drops.auth;
    let told = [heard, stats.drops.replay, stats.drops.auth];
    let known = [delivered.sound, delivered.again, delivered.spoiled];
    let agrees = (delivered.all().saturating_sub(early)..=delivered.all() + strange).contains(&all)
        && told
            .iter()
            .zip(known)
            .all(|(told, known)| (known.saturating_sub(early)..=known + strange).contains(told));

    (!agrees).then(|| format!("{delivered:?} were delivered, and it counted {stats:?}"))
}

/// What a leg must never be told here.
fn is_wrong(whose: &str, nth: usize, event: &LegEvent) -> Option<String> {
    let wrong = match event {
        LegEvent::Failed { reason } => format!("failed: {reason:?}"),
        LegEvent::Digit(digit) => format!("heard a key {digit:?} nobody pressed"),
        LegEvent::MediaStopped { for_ms, from_start } => {
            let limit = u64::try_from(SILENCE.as_millis()).unwrap_or_default();
            let is_due = !from_start && (limit..limit + 100).contains(for_ms) && nth == 0;
            return (!is_due).then(|| format!("call {nth}, {whose}: silent for {for_ms} ms"));
        }
        LegEvent::IceConnected { .. }
        | LegEvent::DtlsConnected { .. }
        | LegEvent::FirstMedia
        | LegEvent::PlaybackDone
        | LegEvent::MediaResumed
        | LegEvent::Closed(_) => return None,
    };

    Some(format!("call {nth}, {whose}: {wrong}"))
}

fn name(event: &LegEvent) -> &'static str {
    match event {
        LegEvent::IceConnected { .. } => "has a path",
        LegEvent::DtlsConnected { .. } => "has keys",
        LegEvent::FirstMedia => "hears",
        LegEvent::Digit(_) => "heard a key",
        LegEvent::PlaybackDone => "has played",
        LegEvent::MediaStopped { .. } => "hears no more",
        LegEvent::MediaResumed => "hears again",
        LegEvent::Failed { .. } => "failed",
        LegEvent::Closed(_) => "is closed",
    }
}
