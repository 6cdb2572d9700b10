//! What is audio? Samples at 48 kHz, mono, in frames of 20 ms, and the ways in and out of that form.
//!
//! ```text
//!   WAV, Ogg Opus ──▶ prompt ──▶ Opus packets ──▶ (a leg sends them)
//!   (a leg receives) ──▶ playout ──▶ samples ──▶ measure: how loud, which tone
//!                                          └──▶ wav: a recording
//!   Opus packets ◀── transcode ──▶ G.711 and G.722 packets
//!   (legs receive) ──▶ jitter ──▶ samples of each ──▶ mix ──▶ Opus packets
//!   samples ──▶ in_band: keys that are heard
//!   (a bot sends) ──▶ spool ──▶ Opus packets, when each is due
//!   (a bot's user speaks) ──▶ activity: speech began, ceased, silence lasts
//! ```
//!
//! Nothing here touches a file, a socket or a clock: bytes come in, bytes go out, and bytes from
//! strangers end in an error, never in a panic. An Opus packet is a `Box<[u8]>`; the rooms that send
//! one give it their own type.

pub mod activity;
pub mod apart;
pub mod catch_up;
pub mod coding;
pub mod comfort;
mod conceal;
mod decoder;
pub mod encoder;
pub mod export;
pub mod g711;
pub mod g722;
pub mod in_band;
pub mod jitter;
pub mod keep;
mod keypad;
pub mod measure;
pub mod mix;
pub mod ogg;
pub mod opus;
pub mod pages;
pub mod playout;
pub mod prompt;
pub mod resample;
mod sample;
mod spectrum;
pub mod spool;
mod stretch;
mod tonality;
pub mod tone;
pub mod track;
pub mod transcode;
pub mod wav;

/// Samples per second of every signal in this crate; Opus counts in it whatever was encoded.
pub const SAMPLE_RATE: u32 = 48_000;

/// Samples of one frame: 20 ms, the packet time WhatsApp's offers ask for.
pub const FRAME_SAMPLES: usize = 960;

/// Milliseconds of one frame.
pub const FRAME_MS: u32 = 20;

/// Samples per millisecond.
pub const SAMPLES_PER_MS: usize = 48;
