//! How does a voice go on in another codec while it is spoken?
//!
//! ```text
//!   packets ──▶ playout (order, losses) ──▶ samples ──▶ encoder ──▶ frames of 20 ms ──▶ (wait for a leg)
//! ```
//!
//! What comes in order goes on at once; a gap is waited for a little. A voice that pauses is followed
//! by as much silence and then by nothing, so nobody hears more than was said. What came late would wait
//! for its leg as long as the voice goes on; it is given back before it is encoded ([`crate::catch_up`]).
//! With [`Transcode::comfort`] a pause is the noise of the party's room instead, as long as it lasts.

use std::time::Duration;

use crate::{
    FRAME_MS, FRAME_SAMPLES,
    catch_up::CatchUp,
    coding::Coding,
    comfort::Comfort,
    encoder::Encoder,
    opus::{self, CodecError, Complexity, Settings},
    playout::Playout,
};

/// How long a packet that is missing is waited for.
const PATIENCE: Duration = Duration::from_millis(60);

/// After a pause of this length the voice begins anew.
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// So many packets in a row from the past are a sender that counts anew.
const STALE_MAX: u32 = 10;

/// Frames that may always wait for a leg: it takes one while the next is made.
const KEPT: usize = 1;

/// 20 ms.
const FRAME: Duration = Duration::from_millis(FRAME_MS as u64);

/// Packets further apart than this were held back.
const HELD_BACK: Duration = Duration::from_millis(60);

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From Opus to a telephone's codec.
    ToTelephone(Coding),
    /// From a telephone's codec to Opus.
    ToOpus(Coding),
}

/// One voice being transcoded.
#[derive(Debug)]
pub struct Transcode {
    way: Way,
    playout: Playout,
    /// Frames that voices before this one needed.
    concealed_before: u64,
    encoder: Encoder,
    catch_up: CatchUp,
    comfort: Option<Comfort>,
    /// Up to when there is sound.
    made: Duration,
    /// When the voice began, and when its newest packet came.
    spoken: Option<(Duration, Duration)>,
    stale: u32,
}

impl Transcode {
    /// Starts.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus has no memory.
    pub fn new(way: Way) -> Result<Self, CodecError> {
        Self::trying(way, Complexity::default())
    }

    /// Starts with an Opus encoder that tries so hard.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus has no memory.
    pub fn trying(way: Way, effort: Complexity) -> Result<Self, CodecError> {
        let settings = Settings { complexity: effort.get(), ..Settings::default() };
        let encoder = match way {
            Way::ToTelephone(coding) => Encoder::telephone(coding),
            Way::ToOpus(Coding::G711(_)) => Encoder::narrow_opus(settings)?,
            Way::ToOpus(Coding::G722) => Encoder::opus(settings)?,
        };
        let (playout, catch_up) = (way.playout()?, CatchUp::new(KEPT));
        Ok(Self {
            way,
            playout,
            concealed_before: 0,
            encoder,
            catch_up,
            comfort: None,
            made: Duration::ZERO,
            spoken: None,
            stale: 0,
        })
    }

    /// How many frames were restored or concealed.
    #[must_use]
    pub fn concealed(&self) -> u64 {
        self.concealed_before + self.playout.concealed()
    }

    /// Fills the party's pauses with the noise of its room.
    #[must_use]
    pub fn comfort(self) -> Self {
        Self { comfort: Some(Comfort::default()), ..self }
    }

    /// Sets the effort of an Opus encoder, 0 to 10, from the next frame on.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] for another number.
    pub fn set_complexity(&mut self, complexity: i32) -> Result<(), CodecError> {
        self.encoder.set_complexity(complexity)
    }

    /// Takes a packet of comfort noise (RFC 3389) that arrived `at`; a voice may begin with a pause.
    pub fn noise(&mut self, at: Duration, payload: &[u8]) {
        let Some(comfort) = &mut self.comfort else { return };
        comfort.told(payload);
        if self.spoken.is_none() {
            self.made = at;
            self.spoken = Some((at, at.saturating_sub(PAUSE_MAX)));
        }
    }

    /// Takes one packet that arrived `at` after any fixed moment, its timestamp on its codec's clock.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when the voice begins anew and libopus has no memory.
    pub fn push(
        &mut self,
        sequence: u16,
        timestamp: u32,
        at: Duration,
        payload: &[u8],
    ) -> Result<(), CodecError> {
        let goes_on = self.spoken.filter(|(_, newest)| at.saturating_sub(*newest) <= PAUSE_MAX);
        let began = match goes_on {
            Some((began, newest)) if self.stale < STALE_MAX => {
                if at.saturating_sub(newest) >= HELD_BACK {
                    self.catch_up.missed();
                }
                began
            }
            Some(_) | None => {
                self.catch_up.begin();
                self.concealed_before = self.concealed();
                self.playout = self.way.playout()?;
                self.stale = 0;
                at
            }
        };
        self.spoken = Some((began, at));
        let taken = self.playout.push(sequence, timestamp, at.saturating_sub(began), payload);
        self.stale = if taken { 0 } else { self.stale + 1 };
        Ok(())
    }

    /// The frames that are ready `now`, by the same clock, where so many still wait for their leg.
    ///
    /// # Errors
    ///
    /// [`CodecError::Encode`] from libopus.
    pub fn frames(&mut self, now: Duration, waiting: usize) -> Result<Vec<Box<[u8]>>, CodecError> {
        let Some((began, newest)) = self.spoken else { return Ok(Vec::new()) };
        let mut samples = self.playout.take();
        if now.saturating_sub(newest) <= PAUSE_MAX {
            let is_silent = self.playout.keep_up(now.saturating_sub(began), PATIENCE);
            let more = self.playout.take();
            match &mut self.comfort {
                Some(comfort) if is_silent => {
                    comfort.hear(&samples);
                    samples.extend(comfort.fill(more.len()));
                }
                Some(_) | None => samples.extend(more),
            }
            self.made = now;
        } else {
            samples.extend(self.pause(now));
        }
        if samples.len() >= FRAME_SAMPLES {
            self.catch_up.look(waiting * FRAME_SAMPLES);
            self.catch_up.shorten(&mut samples);
        }
        self.encoder.push(&samples)
    }

    /// The noise of a pause that goes on, as much as is due.
    fn pause(&mut self, now: Duration) -> Vec<i16> {
        let Some(comfort) = &mut self.comfort else { return Vec::new() };
        // Who was held up for longer does not make up for it.
        self.made = self.made.max(now.saturating_sub(PAUSE_MAX));
        let mut noise = Vec::new();
        while self.made + FRAME <= now {
            self.made += FRAME;
            noise.extend(comfort.frame().into_iter().flatten());
        }
        noise
    }
}

impl Way {
    fn playout(self) -> Result<Playout, CodecError> {
        match self {
            Self::ToTelephone(_) => Playout::new(),
            Self::ToOpus(coding) => Ok(Playout::telephone(coding)),
        }
    }
}

/// A prompt of Opus packets in a telephone's codec.
///
/// # Errors
///
/// [`CodecError`] when a packet is not Opus.
pub fn prompt_to_telephone<'a>(
    packets: impl IntoIterator<Item = &'a [u8]>,
    coding: Coding,
) -> Result<Vec<Box<[u8]>>, CodecError> {
    let mut decoder = opus::Decoder::new()?;
    let mut samples = Vec::new();
    for packet in packets {
        samples.extend_from_slice(decoder.decode(packet)?);
    }
    let mut encoder = Encoder::telephone(coding);
    let mut frames = encoder.push(&samples)?;
    frames.extend(encoder.finish()?);
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decoder::Decoder,
        g711::{self, Law},
        measure::{Measure, Report},
        prompt, tone,
    };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Packets every 20 ms, looked at every 5; those of `lost` never come. The frames, and when.
    fn run(
        transcode: &mut Transcode,
        (from, step): (u64, u32),
        packets: &[Box<[u8]>],
        lost: &[usize],
    ) -> Vec<Box<[u8]>> {
        let mut frames = Vec::new();
        for (n, packet) in packets.iter().enumerate() {
            let place = u32::try_from(n).unwrap();
            let at = from + 20 * u64::from(place);
            if !lost.contains(&n) {
                let sequence = u16::try_from(n).unwrap();
                transcode.push(sequence, place * step, ms(at), packet).unwrap();
            }
            for look in (0..20).step_by(5) {
                frames.extend(transcode.frames(ms(at + look), 0).unwrap());
            }
        }
        frames
    }

    fn heard(samples: &[i16]) -> Report {
        let mut measure = Measure::default();
        measure.push(samples);
        measure.report()
    }

    fn from_opus(frames: &[Box<[u8]>]) -> Vec<i16> {
        let mut decoder = opus::Decoder::new().unwrap();
        frames.iter().flat_map(|frame| decoder.decode(frame).unwrap().to_vec()).collect()
    }

    fn from_telephone(coding: Coding, frames: &[Box<[u8]>]) -> Vec<i16> {
        let mut decoder = Decoder::telephone(coding);
        frames.iter().flat_map(|frame| decoder.decode(frame).unwrap().to_vec()).collect()
    }

    fn gaps(samples: &[i16]) -> usize {
        samples.chunks_exact(960).filter(|c| c.iter().all(|s| s.abs() < 200)).count()
    }

    const CODINGS: [Coding; 3] = [Coding::G711(Law::Mu), Coding::G711(Law::A), Coding::G722];

    /// A tone of this pitch goes to a telephone and back.
    fn there_and_back(coding: Coding, hz: f32) -> [Vec<i16>; 2] {
        let opus = prompt::encode(&tone::sine(hz, -15.0, 2_000)).unwrap();
        let mut down = Transcode::new(Way::ToTelephone(coding)).unwrap();
        let frames = run(&mut down, (1_000, 960), &opus, &[]);
        assert_eq!(frames.len(), 100);
        let mut up = Transcode::new(Way::ToOpus(coding)).unwrap();
        let opus = run(&mut up, (7_000, 160), &frames, &[]);
        assert_eq!(opus.len(), 100);
        [from_telephone(coding, &frames), from_opus(&opus)]
    }

    #[test]
    fn a_tone_goes_both_ways_at_the_pace_it_comes() {
        for coding in CODINGS {
            let [there, back] = there_and_back(coding, 440.0);
            let report = heard(&there);
            assert!(report.is_tone(440.0), "{coding:?} {report:?}");
            assert!((report.dbfs.unwrap() + 15.0).abs() < 2.0, "{coding:?} {report:?}");
            let report = heard(&back);
            assert!(report.is_tone(440.0), "{coding:?} {report:?}");
            assert!((report.dbfs.unwrap() + 15.0).abs() < 3.0, "{coding:?} {report:?}");
            assert_eq!(gaps(&back[4_800..]), 0);
        }
    }

    /// Of 5 kHz, which G.711 cannot carry.
    #[test]
    fn a_wide_voice_stays_wide_in_g722_alone() {
        for samples in there_and_back(Coding::G722, 5_000.0) {
            let report = heard(&samples);
            assert!(report.is_tone(5_000.0), "{report:?}");
            assert!((report.dbfs.unwrap() + 15.0).abs() < 3.0, "{report:?}");
        }
        for samples in there_and_back(Coding::G711(Law::A), 5_000.0) {
            let level = heard(&samples).dbfs.unwrap_or(f32::NEG_INFINITY);
            assert!(level < -50.0, "{level} dBFS of what is not there");
        }
    }

    #[test]
    fn a_loss_is_filled_and_costs_no_time() {
        let opus = prompt::encode(&tone::sine(440.0, -15.0, 1_000)).unwrap();
        for coding in CODINGS {
            let mut down = Transcode::new(Way::ToTelephone(coding)).unwrap();
            let frames = run(&mut down, (0, 960), &opus, &[20, 30]);
            assert_eq!(frames.len(), 50);
            assert_eq!(gaps(&from_telephone(coding, &frames)[4_800..]), 0);
            let mut up = Transcode::new(Way::ToOpus(coding)).unwrap();
            let back = run(&mut up, (0, 160), &frames, &[20, 30]);
            assert_eq!(back.len(), 50);
            assert_eq!(gaps(&from_opus(&back)[4_800..]), 0);
            assert_eq!(up.concealed(), 2);
        }
    }

    /// Of a leg that takes a frame every 20 ms: what a spike made late is not late for ever.
    #[test]
    fn what_was_held_back_waits_for_its_leg_no_longer_than_must_be() {
        let opus = prompt::encode(&tone::sine(440.0, -15.0, 6_000)).unwrap();
        let mut down = Transcode::new(Way::ToTelephone(Law::A.into())).unwrap();
        let g711 = run(&mut down, (0, 960), &opus, &[]);
        for (way, packets, step) in [
            (Way::ToTelephone(Law::A.into()), &opus, 960),
            (Way::ToOpus(Law::A.into()), &g711, 160),
        ] {
            let mut transcode = Transcode::new(way).unwrap();
            let (mut waiting, mut most, mut left) = (0usize, 0, 0);
            for (n, packet) in (0u16..).zip(packets) {
                let at = if (50..55).contains(&n) { 1_100 } else { u64::from(n) * 20 };
                transcode.push(n, u32::from(n) * step, ms(at), packet).unwrap();
                if !(50..55).contains(&n) {
                    waiting += transcode.frames(ms(at), waiting).unwrap().len();
                    most = most.max(waiting);
                }
                waiting = waiting.saturating_sub(1);
                left = waiting;
            }
            assert!(most >= 4, "{way:?}: {most} frames");
            assert!(left <= 1, "{way:?}: {left} frames are late for ever");
        }
    }

    #[test]
    fn who_pauses_is_followed_by_a_little_silence_and_none_is_made_up_for() {
        let opus = prompt::encode(&tone::sine(440.0, -15.0, 200)).unwrap();
        let mut down = Transcode::new(Way::ToTelephone(Law::A.into())).unwrap();
        assert_eq!(run(&mut down, (0, 960), &opus, &[]).len(), 10);
        let mut after = 0;
        for at in (200..5_000).step_by(5) {
            after += down.frames(ms(at), 0).unwrap().len();
        }
        assert!((5..=8).contains(&after), "{after}");
        assert_eq!(run(&mut down, (5_000, 960), &opus, &[]).len(), 10);
    }

    /// The noise of a room of −60 dBov, or what the party says it is, as long as the pause lasts, a frame
    /// every 20 ms; and not a gap, nor anything later, when the party speaks again.
    #[test]
    fn a_pause_is_as_loud_as_the_room_and_lasts_as_long() {
        for (told, expected) in [(None, -60.0), (Some(50), -50.0)] {
            let mut room = Comfort::default();
            room.told(&[60]);
            let mut said = room.fill(48_000);
            for (sample, tone) in said[9_600..33_600].iter_mut().zip(tone::sine(440.0, -15.0, 500))
            {
                *sample = tone;
            }
            let packets = g711::Encoder::new(Law::A).encode_all(&said);
            let mut up = Transcode::new(Way::ToOpus(Law::A.into())).unwrap().comfort();
            let before = run(&mut up, (0, 160), &packets, &[]);
            told.iter().for_each(|level| up.noise(ms(1_000), &[*level]));
            let mut pause = Vec::new();
            for at in (1_000..4_000).step_by(5) {
                pause.extend(up.frames(ms(at), 0).unwrap());
            }
            assert!((143..=151).contains(&pause.len()), "{} frames of 3 s", pause.len());
            let mut decoder = opus::Decoder::new().unwrap();
            let mut decode = |frames: &[Box<[u8]>]| -> Vec<i16> {
                frames.iter().flat_map(|frame| decoder.decode(frame).unwrap().to_vec()).collect()
            };
            decode(&before);
            let level = heard(&decode(&pause)[9_600..]).dbfs.unwrap();
            assert!((level - expected).abs() < 4.0, "{level} dBov, not {expected}");
            let after = run(&mut up, (4_000, 160), &packets, &[]);
            assert!((49..=51).contains(&after.len()), "{}", after.len());
        }
    }

    #[test]
    fn a_sender_that_counts_anew_is_heard_again() {
        let opus = prompt::encode(&tone::sine(440.0, -15.0, 1_000)).unwrap();
        let mut down = Transcode::new(Way::ToTelephone(Law::A.into())).unwrap();
        assert_eq!(run(&mut down, (0, 960), &opus, &[]).len(), 50);
        let again = run(&mut down, (1_000, 960), &opus, &[]);
        assert!((38..=52).contains(&again.len()), "{}", again.len());
    }

    #[test]
    fn a_prompt_keeps_its_length_and_tone() {
        let opus = prompt::encode(&tone::sine(440.0, -15.0, 500)).unwrap();
        let frames =
            prompt_to_telephone(opus.iter().map(|it| &**it), Coding::G711(Law::Mu)).unwrap();
        assert_eq!(frames.len(), 25);
        assert!(heard(&from_telephone(Coding::G711(Law::Mu), &frames)).is_tone(440.0));
    }
}
