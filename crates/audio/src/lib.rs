//! What audio is: codecs, tones, measuring, WAV and Ogg.
