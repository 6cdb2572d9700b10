//! A mark goes through a relay untouched, and tells a call that is crossed with another.

use std::sync::Arc;
use std::time::Duration;

use engine::{Backend, Engine, Repeat, Source};
use media::frame::AudioFrame;
use media::mark::{self, Marks};

use crate::support::{Party, business, connect, for_each_backend, frames, platform, until};

for_each_backend!(
    marks_pass_a_relay_and_tell_delay_and_loss,
    a_crossed_bridge_is_told_by_its_marks,
    an_unmarked_leg_sends_what_it_was_given,
    what_a_thread_waits_is_no_part_of_the_way,
);

/// party ↔ (leg ▸ another call's leg) on the relay
struct End {
    party: Party,
    leg: Party,
}

impl End {
    fn new(caller: &Engine, relay: &Engine, beside: Option<&Party>) -> Self {
        let (mut party, mut leg) = (Party::full(caller), Party::lite(relay, beside));
        connect(&mut party, &mut leg);
        Self { party, leg }
    }

    fn play(&self, tag: u32, expects: u32) {
        self.party.leg.mark(tag, expects);
        self.party.leg.play(Source::Packets(roomy(), Repeat::Forever));
    }

    fn heard(&self) -> Marks {
        self.party.leg.marks().blocking_recv().unwrap()
    }
}

fn roomy() -> Arc<[AudioFrame]> {
    let roomy = |frame: &AudioFrame| AudioFrame::new(mark::make_room(frame.bytes()).unwrap());
    frames(1, 50).iter().map(|frame| roomy(frame).unwrap()).collect()
}

fn bridge(one: &End, other: &End) {
    one.leg.leg.play(Source::Bridge(other.leg.leg.clone()));
    other.leg.leg.play(Source::Bridge(one.leg.leg.clone()));
}

fn marks_pass_a_relay_and_tell_delay_and_loss(backend: Backend) {
    let (caller, relay) = (business(backend), platform(backend));
    let user = End::new(&caller, &relay, None);
    let agent = End::new(&caller, &relay, Some(&user.leg));
    bridge(&user, &agent);
    user.play(1, 2);
    agent.play(2, 1);
    until("half a second is heard", || user.heard().own > 25 && agent.heard().own > 25);
    for end in [&user, &agent] {
        let heard = end.heard();
        assert_eq!((heard.foreign, heard.unmarked, heard.lost()), (0, 0, 0), "{heard:?}");
        assert_eq!(heard.delays.len(), heard.own);
        let longest = heard.delays.quantile(1.0).unwrap();
        assert!(longest < Duration::from_secs(2), "{longest:?}");
    }
}

fn a_crossed_bridge_is_told_by_its_marks(backend: Backend) {
    let (caller, relay) = (business(backend), platform(backend));
    let user = End::new(&caller, &relay, None);
    let agent = End::new(&caller, &relay, Some(&user.leg));
    let stranger = End::new(&caller, &relay, Some(&user.leg));
    bridge(&user, &stranger);
    user.play(1, 2);
    agent.play(2, 1);
    stranger.play(3, 4);
    until("the stranger is heard", || user.heard().foreign > 0);
    let heard = user.heard();
    assert_eq!((heard.own, heard.foreign_tag), (0, Some(3)));
    assert_eq!(agent.heard().own, 0);
}

fn an_unmarked_leg_sends_what_it_was_given(backend: Backend) {
    let (caller, relay) = (business(backend), platform(backend));
    let user = End::new(&caller, &relay, None);
    let agent = End::new(&caller, &relay, Some(&user.leg));
    bridge(&user, &agent);
    agent.party.leg.mark(2, 1);
    user.party.leg.play(Source::Packets(roomy(), Repeat::Forever));
    until("something is heard", || agent.heard().unmarked > 0);
    assert_eq!(agent.heard().own, 0);
    assert!(user.party.leg.marks().blocking_recv().is_err(), "nobody asked it to look for marks");
}

/// What leaves at the end of a turn is in the socket long before the next one.
fn what_a_thread_waits_is_no_part_of_the_way(backend: Backend) {
    let engine = platform(backend);
    let mut one = Party::full(&engine);
    let mut other = Party::lite(&engine, Some(&one));
    connect(&mut one, &mut other);
    for party in [&one, &other] {
        party.leg.mark(1, 1);
        party.leg.play(Source::Packets(roomy(), Repeat::Forever));
    }
    let heard = || one.leg.marks().blocking_recv().unwrap();
    until("the network stack has begun with stamps", || heard().own > 25);
    let before = heard().delays;
    // Whoever asks wakes the thread.
    std::thread::sleep(Duration::from_secs(1));
    let half = heard().delays.since(&before).quantile(0.5).unwrap();
    assert!(half < Duration::from_millis(2), "{half:?}");
}
