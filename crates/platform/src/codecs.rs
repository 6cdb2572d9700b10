//! Which codecs may a call of a number have, and what do they mean to our own ears?

use audio::{opus::CodecError, playout::Playout};
use media::frame::AudioCodec;
use rules::settings::{CallingSettings, Codec};

/// What the number's `audio.additional_codecs` adds to Opus.
pub(crate) fn beside_opus(settings: &CallingSettings) -> Vec<AudioCodec> {
    let codecs = settings.additional_codecs.iter().flatten();
    codecs
        .map(|codec| match codec {
            Codec::Pcma => AudioCodec::Pcma,
            Codec::Pcmu => AudioCodec::Pcmu,
        })
        .collect()
}

/// Puts a stream of this codec in order and decodes it.
///
/// # Errors
///
/// libopus has no memory.
pub(crate) fn playout(codec: AudioCodec) -> Result<Playout, CodecError> {
    engine::coding(codec).map_or_else(Playout::new, |coding| Ok(Playout::telephone(coding)))
}
