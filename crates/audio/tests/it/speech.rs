//! Do the demo's prompts play as they are, and is speech heard as sound but not as a tone?

use offhook_audio::{FRAME_SAMPLES, measure::Measure, ogg, opus, prompt};

use crate::prompts;

#[test]
fn the_demo_s_prompts_pass_through_untouched() {
    for (name, file) in prompts::FILES {
        let packets = prompt::load(file).unwrap();
        assert_eq!(packets, ogg::read(file).unwrap().packets, "{name}");
        for packet in &packets {
            assert_eq!(opus::packet_samples(packet), Some(FRAME_SAMPLES), "{name}");
        }
    }
}

#[test]
fn speech_is_sound_and_no_tone() {
    for (name, speech) in prompts::all() {
        let mut measure = Measure::default();
        measure.push(&speech);
        let report = measure.report();
        assert!(report.is_sound(), "{name}: {report:?}");
        assert_eq!(report.tone_hz, None, "{name}: {report:?}");
        let level = report.dbfs.unwrap();
        assert!((-30.0..-12.0).contains(&level), "{name} at {level} dBFS");
    }
}
