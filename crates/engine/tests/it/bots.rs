//! Many bots at once: each is heard by its own user, and by nobody else.

use std::time::Duration;

use audio::{
    opus::Complexity,
    playout::Playout,
    spool::{Format, Rate},
    tone,
};
use engine::{
    Backend, BotFormats, BotLine, BotNews, BotNotice, BotOrder, Bots, Direction, Engine, Tapped,
    Voice,
};
use media::frame::AudioCodec;

use crate::support::{Party, TYPES, business, connect, level_of, platform, until};

/// Fewer than are thought to fit on one processor before anything is measured.
const CALLS: u16 = 60;

const FORMAT: Format = Format::Linear(Rate::Khz48);

/// One call: the user, what the user hears, and the bot.
struct Call {
    hz: f32,
    user: Party,
    heard: Tapped,
    bot: BotLine,
    _business: Party,
}

impl Call {
    fn new(engines: &[Engine; 2], bots: &Bots, number: u16) -> Self {
        let mut user = Party::full(&engines[0]);
        let mut business = Party::lite(&engines[1], None);
        connect(&mut user, &mut business);
        user.leg.fill(true);
        let voice = Voice {
            leg: business.leg.clone(),
            audio: TYPES.audio,
            codec: AudioCodec::Opus,
            noise: None,
        };
        let formats = BotFormats { hears: FORMAT, speaks: FORMAT };
        let notice = BotNotice { without_voice: true, ..BotNotice::default() };
        let bot = bots.open(&voice, formats, notice).expect("there is room for it");
        let heard = user.tap(Direction::Received);
        let hz = 400.0 + 40.0 * f32::from(number);

        Self { hz, user, heard, bot, _business: business }
    }

    /// What the user has heard so far.
    fn samples(&mut self) -> Vec<i16> {
        let packets: Vec<_> = self.heard.try_iter().collect();
        let mut playout = Playout::new().unwrap();
        for packet in &packets {
            let at = packet.at.saturating_duration_since(packets[0].at);
            playout.push(packet.sequence, packet.timestamp, at, &packet.payload);
        }
        playout.take()
    }
}

#[test]
fn sixty_bots_speak_at_once_and_each_is_heard_by_its_own_user() {
    let engines = [business(Backend::Auto), platform(Backend::Auto)];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let bots = Bots::start(Complexity::LEAST, runtime.handle()).unwrap();
    let mut calls: Vec<_> = (0..CALLS).map(|number| Call::new(&engines, &bots, number)).collect();
    for call in &calls {
        let tone = FORMAT.write(&tone::sine(call.hz, -18.0, 1_000));
        call.bot.orders.blocking_send(BotOrder::Audio(tone)).unwrap();
        call.bot.orders.blocking_send(BotOrder::Mark("said".into())).unwrap();
    }
    for call in &mut calls {
        let news = &mut call.bot.news;
        until("mark", || matches!(news.try_recv(), Ok(BotNews::Passed(passed)) if !passed.cleared));
    }
    std::thread::sleep(Duration::from_millis(200));
    let tones: Vec<_> = calls.iter().map(|call| call.hz).collect();
    for call in &mut calls {
        let samples = call.samples();
        let level = |piece: &[i16]| level_of(piece, call.hz);
        let pieces = samples.chunks_exact(9_600);
        let loudest = pieces.max_by(|one, other| level(one).total_cmp(&level(other))).unwrap();
        assert!(level(loudest) > -24.0, "{} Hz: {:.1} dBFS", call.hz, level(loudest));
        for other in tones.iter().filter(|other| (*other - call.hz).abs() > 1.0) {
            assert!(level_of(loudest, *other) < -36.0, "{} Hz hears {other} Hz", call.hz);
        }
        assert_eq!(call.user.stats().received.lost, 0, "{} Hz", call.hz);
    }
}
