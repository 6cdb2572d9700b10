//! Which speech do the tests hear?

use offhook_audio::{opus, prompt};

/// The demo's prompts as they are.
pub(crate) const FILES: [(&str, &[u8]); 8] = [
    ("welcome", include_bytes!("../../../../demo/prompts/welcome.ogg")),
    ("menu", include_bytes!("../../../../demo/prompts/menu.ogg")),
    ("echo", include_bytes!("../../../../demo/prompts/echo.ogg")),
    ("hours", include_bytes!("../../../../demo/prompts/hours.ogg")),
    ("no_agent", include_bytes!("../../../../demo/prompts/no_agent.ogg")),
    ("goodbye", include_bytes!("../../../../demo/prompts/goodbye.ogg")),
    ("closed", include_bytes!("../../../../demo/prompts/closed.ogg")),
    ("invalid", include_bytes!("../../../../demo/prompts/invalid.ogg")),
];

/// Their samples.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, Vec<i16>)> {
    FILES.into_iter().map(|(name, file)| (name, samples(file)))
}

/// The samples of a prompt.
pub(crate) fn samples(file: &[u8]) -> Vec<i16> {
    let mut decoder = opus::Decoder::new().expect("a decoder");
    let mut samples = Vec::new();
    for packet in prompt::load(file).expect("a prompt") {
        samples.extend_from_slice(decoder.decode(&packet).expect("Opus"));
    }
    samples
}
