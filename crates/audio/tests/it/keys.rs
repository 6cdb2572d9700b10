//! Are keys in a voice heard through our codecs, and is speech or music ever taken for one?

use offhook_audio::{
    FRAME_SAMPLES, SAMPLES_PER_MS,
    coding::Coding,
    g711::{self, Law},
    g722,
    in_band::InBand,
    jitter::JitterBuffer,
    opus::{Encoder, Settings},
    tone,
};

use crate::prompts;

const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];

/// Files of the other crates, by their path.
macro_rules! files {
    ($($path:literal),+ $(,)?) => { [$(($path, include_bytes!(concat!("../../../", $path)))),+] };
}

/// Speech in eleven languages, and music.
const FILES: [(&str, &[u8]); 37] = files![
    "platform/prompts/de_both.ogg",
    "platform/prompts/de_recording.ogg",
    "platform/prompts/de_transcription.ogg",
    "platform/prompts/en_both.ogg",
    "platform/prompts/en_recording.ogg",
    "platform/prompts/en_transcription.ogg",
    "platform/prompts/es_ES_both.ogg",
    "platform/prompts/es_ES_recording.ogg",
    "platform/prompts/es_ES_transcription.ogg",
    "platform/prompts/es_both.ogg",
    "platform/prompts/es_recording.ogg",
    "platform/prompts/es_transcription.ogg",
    "platform/prompts/fr_both.ogg",
    "platform/prompts/fr_recording.ogg",
    "platform/prompts/fr_transcription.ogg",
    "platform/prompts/hi_both.ogg",
    "platform/prompts/hi_recording.ogg",
    "platform/prompts/hi_transcription.ogg",
    "platform/prompts/it_both.ogg",
    "platform/prompts/it_recording.ogg",
    "platform/prompts/it_transcription.ogg",
    "platform/prompts/kn_both.ogg",
    "platform/prompts/kn_recording.ogg",
    "platform/prompts/kn_transcription.ogg",
    "platform/prompts/nl_both.ogg",
    "platform/prompts/nl_recording.ogg",
    "platform/prompts/nl_transcription.ogg",
    "platform/prompts/pt_both.ogg",
    "platform/prompts/pt_recording.ogg",
    "platform/prompts/pt_transcription.ogg",
    "platform/prompts/te_both.ogg",
    "platform/prompts/te_recording.ogg",
    "platform/prompts/te_transcription.ogg",
    "platform/prompts/vi_both.ogg",
    "platform/prompts/vi_recording.ogg",
    "platform/prompts/vi_transcription.ogg",
    "gateway/assets/hold.ogg",
];

/// The demo's prompts, and these.
fn all() -> impl Iterator<Item = (&'static str, Vec<i16>)> {
    prompts::all().chain(FILES.into_iter().map(|(name, file)| (name, prompts::samples(file))))
}

fn keys_in(signal: &[i16]) -> String {
    let mut in_band = InBand::default();
    signal.chunks(FRAME_SAMPLES).flat_map(|frame| in_band.push(frame)).collect()
}

/// As it is, and over G.711 and G.722.
#[test]
fn speech_and_music_have_no_keys() {
    let (mut heard_ms, mut files_heard) = (0, 0);
    for (name, signal) in all() {
        let over_g711: Vec<i16> = {
            let mut decoder = g711::Decoder::new(Law::Mu);
            let frames = g711::Encoder::new(Law::Mu).encode_all(&signal);
            frames.iter().flat_map(|frame| decoder.decode(frame).to_vec()).collect()
        };
        let over_g722: Vec<i16> = {
            let mut decoder = g722::Decoder::new();
            let frames = g722::Encoder::new().encode_all(&signal);
            frames.iter().flat_map(|frame| decoder.decode(frame).to_vec()).collect()
        };
        for signal in [&signal, &over_g711, &over_g722] {
            assert_eq!(keys_in(signal), "", "{name}");
            heard_ms += signal.len() / SAMPLES_PER_MS;
        }
        files_heard += 1;
    }
    eprintln!("no key in {heard_ms} ms of {files_heard} files");
    assert!(files_heard > 20 && heard_ms > 60_000);
}

/// Sixteen keys of 40 ms 40 ms apart, over each codec, through a jitter buffer from which 100 ms are given
/// back meanwhile, beside a voice that is quiet.
#[test]
fn keys_are_heard_over_our_codecs() {
    let mut signal = vec![0; 600 * SAMPLES_PER_MS];
    for row in ROWS {
        for column in COLUMNS {
            signal.extend(tone::dual(row, column, -12.0, 40));
            signal.extend([0; 40 * SAMPLES_PER_MS]);
        }
    }
    signal.extend([0; 400 * SAMPLES_PER_MS]);
    let g711 = |law| g711::Encoder::new(law).encode_all(&signal);
    let opus = Encoder::new(Settings::default()).unwrap().encode_all(&signal).unwrap();
    let g722 = g722::Encoder::new().encode_all(&signal);
    let [mu, a] = [Law::Mu, Law::A].map(g711);
    for (codec, packets) in [("Opus", opus), ("PCMU", mu), ("PCMA", a), ("G722", g722)] {
        for held in [0, 5] {
            let buffer = match codec {
                "PCMU" => JitterBuffer::telephone(Law::Mu),
                "PCMA" => JitterBuffer::telephone(Law::A),
                "G722" => JitterBuffer::telephone(Coding::G722),
                _ => JitterBuffer::new().unwrap(),
            };
            let keys = heard(buffer, &packets, held);
            assert_eq!(keys, "123A456B789C*0#D", "{codec}, {held} held back");
        }
    }
}

fn heard(mut buffer: JitterBuffer, packets: &[Box<[u8]>], held: usize) -> String {
    let (mut in_band, mut keys, mut waits) = (InBand::default(), Vec::new(), Vec::new());
    for (nth, packet) in packets.iter().enumerate() {
        waits.push((u16::try_from(nth).expect("a short stream"), packet));
        if !(4..4 + held).contains(&nth) {
            for (nth, packet) in waits.drain(..) {
                buffer.push(nth, packet);
            }
        }
        keys.extend(in_band.push(&buffer.pull().unwrap_or([0; FRAME_SAMPLES])));
    }
    keys.into_iter().collect()
}

#[test]
fn keys_are_heard_while_somebody_speaks_softly() {
    let (_, speech) = prompts::all().next().unwrap();
    let mut signal: Vec<i16> = speech.iter().map(|sample| sample / 16).collect();
    let key = tone::dual(852.0, 1_477.0, -12.0, 80);
    for (sample, tone) in signal[20_000..].iter_mut().zip(&key) {
        *sample += tone;
    }
    assert_eq!(keys_in(&signal), "9");
}
