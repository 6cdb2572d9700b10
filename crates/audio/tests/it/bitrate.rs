//! How much of the line does a voice of ours take?

use offhook_audio::{
    SAMPLE_RATE,
    opus::{BITRATE_MAX, Settings, WIDEBAND_RATE, WIDEBAND_SAMPLES, WidebandEncoder},
    resample::resample,
};

use crate::prompts;

/// `maxaveragebitrate` of WhatsApp's SDP. At 24 kbit/s asked for, speech took that.
#[test]
fn a_voice_takes_no_more_than_whatsapp_asks_for() {
    for complexity in [0, 5, 10] {
        let mut encoder =
            WidebandEncoder::new(Settings { complexity, ..Settings::default() }).unwrap();
        let (mut bits, mut frames) = (0, 0);
        for (_, speech) in prompts::all() {
            let speech = resample(&speech, SAMPLE_RATE, WIDEBAND_RATE).unwrap();
            for frame in speech.chunks_exact(WIDEBAND_SAMPLES) {
                bits += 8 * encoder.encode(frame).unwrap().len();
                frames += 1;
            }
        }
        let bitrate = bits * 50 / frames;
        println!("effort {complexity}: {bitrate} bit/s");
        assert!(bitrate <= usize::try_from(BITRATE_MAX).unwrap(), "{complexity}: {bitrate} bit/s");
        assert!(bitrate > 15_000, "{complexity}: {bitrate} bit/s of speech");
    }
}
