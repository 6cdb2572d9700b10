//! Do the demo's prompts play as they are, and is speech heard as sound but not as a tone?

use offhook_audio::{FRAME_SAMPLES, measure::Measure, ogg, opus, prompt};

const PROMPTS: [(&str, &[u8]); 8] = [
    ("welcome", include_bytes!("../../../../demo/prompts/welcome.ogg")),
    ("menu", include_bytes!("../../../../demo/prompts/menu.ogg")),
    ("echo", include_bytes!("../../../../demo/prompts/echo.ogg")),
    ("hours", include_bytes!("../../../../demo/prompts/hours.ogg")),
    ("no_agent", include_bytes!("../../../../demo/prompts/no_agent.ogg")),
    ("goodbye", include_bytes!("../../../../demo/prompts/goodbye.ogg")),
    ("closed", include_bytes!("../../../../demo/prompts/closed.ogg")),
    ("invalid", include_bytes!("../../../../demo/prompts/invalid.ogg")),
];

#[test]
fn the_demo_s_prompts_pass_through_untouched() {
    for (name, file) in PROMPTS {
        let packets = prompt::load(file).unwrap();
        assert_eq!(packets, ogg::read(file).unwrap().packets, "{name}");
        for packet in &packets {
            assert_eq!(opus::packet_samples(packet), Some(FRAME_SAMPLES), "{name}");
        }
    }
}

#[test]
fn speech_is_sound_and_no_tone() {
    for (name, file) in PROMPTS {
        let mut decoder = opus::Decoder::new().unwrap();
        let mut measure = Measure::default();
        for packet in prompt::load(file).unwrap() {
            measure.push(decoder.decode(&packet).unwrap());
        }
        let report = measure.report();
        assert!(report.is_sound(), "{name}: {report:?}");
        assert_eq!(report.tone_hz, None, "{name}: {report:?}");
        let level = report.dbfs.unwrap();
        assert!((-30.0..-12.0).contains(&level), "{name} at {level} dBFS");
    }
}
